"""Every difference of a table, found by looking at every row as PostgreSQL prints it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import psycopg
from psycopg import sql

from warubi_tui.diff.model import Op, RowDiff, Values

Row = dict[str, str | None]


class Fact(NamedTuple):
    """One difference, comparable and countable. Values are in the order of the columns' names."""

    op: Op
    then: tuple[tuple[str, str | None], ...]
    now: tuple[tuple[str, str | None], ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Printed:
    """A table as one side shows it."""

    types: Mapping[str, str]
    """Column → the name of its type, of the one below if it is a domain."""
    generated: frozenset[str]
    rows: Sequence[Row]


def read(uri: str, table: str, *, schema: str = "public") -> Printed:
    """Every row of a table and what its columns are."""
    with psycopg.connect(uri) as session:
        for setting in ("search_path = pg_catalog", "timezone = 'UTC'", "lc_monetary = 'C'", "jit = off"):
            session.execute(f"SET {setting}".encode())
        name = sql.Identifier(schema, table)
        about = session.execute(
            "SELECT a.attname, coalesce(b.typname, t.typname), a.attgenerated <> ''"
            "  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
            "  LEFT JOIN pg_type b ON b.oid = t.typbasetype"
            " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            [name.as_string(session)],
        ).fetchall()
        partitioned = session.execute(
            "SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass", [name.as_string(session)]
        ).fetchone()
        assert partitioned is not None
        source = sql.SQL("{}" if partitioned[0] else "ONLY {}").format(name)
        result = session.execute(sql.SQL("SELECT * FROM {}").format(source)).pgresult
        assert result is not None
        rows = [
            {
                column[0]: None if (raw := result.get_value(row, place)) is None else raw.decode()
                for place, column in enumerate(about)
            }
            for row in range(result.ntuples)
        ]
    types = {column: kind for column, kind, _ in about}
    return Printed(types, frozenset(column for column, _, generated in about if generated), rows)


def brute_force(then: Printed, now: Printed, key: Sequence[str]) -> Counter[Fact]:
    """All differences: of rows paired by `key`, or as multisets of the compared columns without one."""
    common = compared_columns(then, now)
    compared = [name for name in then.types if name in common]
    facts: Counter[Fact] = Counter()
    if not key:
        before, after = (
            Counter(tuple((name, row[name]) for name in sorted(compared)) for row in side.rows)
            for side in (then, now)
        )
        for values, number in (before - after).items():
            facts[Fact("removed", values, (), ())] += number
        for values, number in (after - before).items():
            facts[Fact("added", (), values, ())] += number
        return facts
    was_by_key, now_by_key = ({_key(row, side.types, key): row for row in side.rows} for side in (then, now))
    assert (len(was_by_key), len(now_by_key)) == (len(then.rows), len(now.rows))
    for place in was_by_key.keys() | now_by_key.keys():
        was, is_now = was_by_key.get(place), now_by_key.get(place)
        if was is None or is_now is None:
            facts[fact("removed" if is_now is None else "added", was, is_now, ())] += 1
        elif columns := tuple(name for name in compared if was[name] != is_now[name]):
            facts[fact("changed", was, is_now, columns)] += 1
    return facts


def fact(op: Op, then: Values | None, now: Values | None, columns: tuple[str, ...]) -> Fact:
    return Fact(op, tuple(sorted((then or {}).items())), tuple(sorted((now or {}).items())), columns)


def fact_of(row: RowDiff) -> Fact:
    """What the comparison says of a row."""
    return fact(row.op, row.then, row.now, row.columns)


def only_columns(facts: Counter[Fact], columns: frozenset[str]) -> Counter[Fact]:
    """The facts without the values of other columns."""
    found: Counter[Fact] = Counter()
    for one, number in facts.items():
        then, now = (
            tuple((name, text) for name, text in side if name in columns) for side in (one.then, one.now)
        )
        found[one._replace(then=then, now=now)] += number
    return found


def compared_columns(then: Printed, now: Printed) -> frozenset[str]:
    """The columns that tell rows apart."""
    return frozenset(then.types.keys() & now.types.keys()) - (then.generated & now.generated)


def _key(row: Row, types: Mapping[str, str], key: Sequence[str]) -> tuple[object, ...]:
    return tuple(_equal(str(row[name]), types[name]) for name in key)


def _equal(text: str, kind: str) -> object:
    """Something that is equal for values that the type calls equal."""
    match kind:
        case "numeric":
            return text if text in ("NaN", "Infinity", "-Infinity") else Decimal(text)
        case "float4" | "float8":
            return text if text == "NaN" else float(text)
        case "bpchar":
            return text.rstrip(" ")
        case _:
            return text
