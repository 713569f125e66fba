"""The comparison against brute force over what PostgreSQL prints, on random tables."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.diff.databases import Pair
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.secret import Secret

TEXTS = [
    "",
    " ",
    "a",
    "A",
    "\\N",
    "\\",
    "\t",
    "a\nb",
    "\r",
    "NULL",
    '"',
    "',(){}",
    "ü",
    "\u2028",
    "🦉",
    "%s",
    "\x01",
]
VALUES = {
    "int4": ["0", "1", "-1", "10", "2147483647", "-2147483648"],
    "int8": ["0", "1", "-1", "10", "9223372036854775807", "-9223372036854775808"],
    "numeric": ["0", "1", "1.0", "1.00", "-1", "10", "NaN", "Infinity", "1e-20", "123456789012345678901"],
    "float8": ["0", "-0", "1", "0.1", "NaN", "Infinity", "-Infinity", "1e-300"],
    "text": TEXTS,
    "varchar(4)": ["", "a", "a ", "ab"],
    "char(3)": ["", "a", "ab"],
    "bool": ["t", "f"],
    "timestamptz": ["2024-01-01 00:00Z", "2024-01-01 01:00+01", "infinity", "0001-01-01 BC"],
    "date": ["2024-02-29", "-infinity", "4713-01-01 BC"],
    "interval": ["1 day", "24 hours", "1 month", "30 days", "-1 day +02:03:00"],
    "jsonb": ["null", "1.0", "1.00", '{"a": 1, "b": 2}', '{"b":2,"a":1}', '"\\t"', "[true, false]"],
    "json": ["null", "1.0", '{"a":1,"a":2}', '{"a": 1}', "[ ]"],
    "text[]": ["{}", "{NULL}", '{"NULL"}', "{a}", "[0:0]={a}", "{{a,b},{c,d}}", '{"a\\\\b"}'],
    "bytea": ["\\x", "\\x00", "\\xdeadbeef", "\\x5c4e"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "inet": ["10.0.0.1", "10.0.0.1/24", "::1"],
    "numrange": ["empty", "[1,2)", "[1.0,2)", "(,)"],
    "money": ["1.50", "-2"],
    "mood": ["sad", "happy", "it's"],
    "posint": ["1", "2"],
}  # fmt: skip
KEY_TYPES = ["int4", "int8", "numeric", "text", "uuid", "date", "char(3)", "float8", "mood"]


@dataclass(frozen=True)
class Case:
    types: tuple[str, ...]
    key: int
    """How many of the first columns are the primary key."""
    then: list[tuple[str | None, ...]]
    now: list[tuple[str | None, ...]]
    missing_then: int | None
    missing_now: int | None
    as_text_now: int | None
    generated: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    key = draw(st.integers(0, 2))
    others = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1 if not key else 0, max_size=4))
    types = (*draw(st.lists(st.sampled_from(KEY_TYPES), min_size=key, max_size=key)), *others)
    row = st.tuples(
        *(
            st.sampled_from(VALUES[kind]) if place < key else st.none() | st.sampled_from(VALUES[kind])
            for place, kind in enumerate(types)
        )
    )
    then = draw(st.lists(row, max_size=12))
    kept = [known for known in then if draw(st.integers(0, 3))]
    changed = [
        known[: max(key, 1)] + draw(row)[max(key, 1) :] if not draw(st.integers(0, 3)) else known
        for known in kept
    ]
    first = max(key, 1)  # one column stays on both sides
    optional = st.none() | st.integers(first, len(types) - 1) if len(types) > first else st.none()
    return Case(
        types=types,
        key=key,
        then=then,
        now=draw(st.permutations(changed + draw(st.lists(row, max_size=4)))),
        missing_then=draw(optional),
        missing_now=draw(optional),
        as_text_now=draw(optional),
        generated=draw(st.booleans()),
    )


def build(
    uri: str, case: Case, rows: list[tuple[str | None, ...]], missing: int | None, as_text: int | None
) -> None:
    """Makes the one table of a side."""
    types = {
        f"c{place}": "text" if place == as_text else kind
        for place, kind in enumerate(case.types)
        if place != missing
    }
    columns: list[sql.Composable] = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types.items()
    ]
    if case.generated:
        columns.append(sql.SQL("g text GENERATED ALWAYS AS (7 || '!') STORED"))
    if case.key:
        names = sql.SQL(", ").join(sql.Identifier(f"c{place}") for place in range(case.key))
        columns.append(sql.SQL("PRIMARY KEY ({})").format(names))
    with psycopg.connect(uri) as connection:
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute(sql.SQL("CREATE TABLE t ({})").format(sql.SQL(", ").join(columns)))
        insert = sql.SQL("INSERT INTO t ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
            sql.SQL(", ").join(sql.Identifier(name) for name in types),
            sql.SQL(", ").join(
                sql.SQL("%s::text::{}").format(sql.SQL(case.types[int(name[1:])])) for name in types
            ),
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                insert, [[v for place, v in enumerate(row) if place != missing] for row in rows]
            )


def printed(uri: str) -> list[dict[str, str | None]]:
    """Every row of the table as PostgreSQL prints it."""
    with psycopg.connect(uri) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("SET lc_monetary = 'C'")
        cursor = connection.execute("SELECT * FROM t")
        result = cursor.pgresult
        assert result is not None
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        return [
            {
                name: None if (raw := result.get_value(row, place)) is None else raw.decode()
                for place, name in enumerate(names)
            }
            for row in range(result.ntuples)
        ]


Fact = tuple[str, tuple[tuple[str, str | None], ...], tuple[tuple[str, str | None], ...], tuple[str, ...]]


def fact(
    op: str, then: dict[str, str | None] | None, now: dict[str, str | None] | None, columns: tuple[str, ...]
) -> Fact:
    return op, tuple((then or {}).items()), tuple((now or {}).items()), columns


def key_of(case: Case, row: dict[str, str | None]) -> tuple[object, ...]:
    """The key as PostgreSQL compares it."""
    found: list[object] = []
    for place in range(case.key):
        text = str(row[f"c{place}"])
        match case.types[place]:
            case "numeric":
                found.append("NaN" if text == "NaN" else Decimal(text))
            case "float8":
                found.append("NaN" if text == "NaN" else float(text))
            case _:
                found.append(text)
    return tuple(found)


def brute_force(
    case: Case, then: list[dict[str, str | None]], now: list[dict[str, str | None]]
) -> Counter[Fact]:
    """Every difference, found by looking at everything."""
    missing = {case.missing_then, case.missing_now}
    compared = [f"c{place}" for place in range(len(case.types)) if place not in missing]
    facts: Counter[Fact] = Counter()
    if case.key:
        before = {key_of(case, row): row for row in then}
        after = {key_of(case, row): row for row in now}
        for key in before.keys() | after.keys():
            was, is_now = before.get(key), after.get(key)
            if was is None or is_now is None:
                facts[fact("removed" if is_now is None else "added", was, is_now, ())] += 1
            elif columns := tuple(name for name in compared if was[name] != is_now[name]):
                facts[fact("changed", was, is_now, columns)] += 1
        return facts
    count_then = Counter(tuple(row[name] for name in compared) for row in then)
    count_now = Counter(tuple(row[name] for name in compared) for row in now)
    for values, number in (count_then - count_now).items():
        facts["removed", tuple(zip(compared, values, strict=True)), (), ()] += number
    for values, number in (count_now - count_then).items():
        facts["added", (), tuple(zip(compared, values, strict=True)), ()] += number
    return facts


async def found(case: Case, then: str, now: str) -> tuple[Counter[Fact], list[int]]:
    """What the comparison says: of a table without a key, only of the compared columns."""
    missing = {case.missing_then, case.missing_now}
    compared = {f"c{place}" for place in range(len(case.types)) if place not in missing}
    facts: Counter[Fact] = Counter()
    async with DatabaseDiff(Secret(then), Secret(now)) as diff:
        await diff.run()
        (table,) = diff.tables
        assert table.not_compared is None
        assert bool(table.key) == bool(case.key)
        async for row in diff.all_rows():
            was, is_now = (
                None if side is None else {n: v for n, v in side.items() if case.key or n in compared}
                for side in (row.then, row.now)
            )
            facts[fact(row.op, was, is_now, row.columns)] += 1
        return facts, [table.removed, table.added, table.changed]


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases())
def test_equals_brute_force(pair: Pair, case: Case) -> None:
    pair.both(
        """
        DO $$ BEGIN
            CREATE TYPE mood AS ENUM ('sad', 'happy', 'it''s');
            CREATE DOMAIN posint AS int CHECK (VALUE > 0);
        EXCEPTION WHEN duplicate_object THEN NULL; END $$
        """
    )
    build(pair.then, case, case.then, case.missing_then, None)
    build(pair.now, case, case.now, case.missing_now, case.as_text_now)
    truth = brute_force(case, printed(pair.then), printed(pair.now))
    facts, numbers = asyncio.run(found(case, pair.then, pair.now))
    assert facts == truth
    assert numbers == [
        sum(count for row, count in truth.items() if row[0] == op) for op in ("removed", "added", "changed")
    ]
