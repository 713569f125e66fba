"""What a comparison says of a database, against the truth."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tests.diff.histories import truth
from tests.diff.histories.truth import Fact, Printed
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.model import Method, RowDiff, TableDiff
from warubi_tui.secret import Secret

FORCED: Final[tuple[Method, ...]] = ("headers", "blocks", "key", "multiset")


@dataclass(frozen=True)
class Said:
    """What a comparison said of one table."""

    table: TableDiff
    facts: Counter[Fact]


def compare(
    then: str, now: str, *, lineage: Lineage | None = None, method: Method | None = None
) -> dict[str, Said]:
    """What is said of every table, by its name; by `schema.name` of those outside `public`."""
    return asyncio.run(compare_async(then, now, lineage=lineage, method=method))


async def compare_async(
    then: str, now: str, *, lineage: Lineage | None = None, method: Method | None = None
) -> dict[str, Said]:
    """`compare` for those who have an event loop."""
    async with DatabaseDiff(Secret(then), Secret(now), lineage=lineage, method=method) as diff:
        await diff.run()
        said = {_name(table): Said(table, Counter()) for table in diff.tables}
        async for row in diff.all_rows():
            said[_name(row)].facts[truth.fact_of(row)] += 1
        return said


def _name(one: TableDiff | RowDiff) -> str:
    return one.table if one.schema == "public" else f"{one.schema}.{one.table}"


@dataclass(frozen=True)
class Seen:
    """A table as both sides print it."""

    then: Printed
    now: Printed


def look(then: str, now: str, tables: Iterable[str]) -> dict[str, Seen]:
    """Every row of these tables."""
    return {name: Seen(truth.read(then, name), truth.read(now, name)) for name in tables}


def check(seen: Mapping[str, Seen], said: Mapping[str, Said], *, forced: Method | None = None) -> None:
    """Every table that was compared was compared rightly; without a forced method every table was.

    A method that is not possible for a table may be refused, and nothing may be said of the table then.
    """
    for name, about in said.items():
        table = about.table
        if table.not_compared is not None and forced is not None:
            assert (table.method, table.total, about.facts) == ("none", 0, Counter()), name
            continue
        assert table.not_compared is None, (name, table.not_compared)
        expected = truth.brute_force(seen[name].then, seen[name].now, table.key)
        found = about.facts
        if not table.key:
            found = truth.only_columns(found, truth.compared_columns(seen[name].then, seen[name].now))
        assert found == expected, (name, table.method, table.why, found - expected, expected - found)
        numbers = Counter(fact.op for fact in expected.elements())
        assert (table.removed, table.added, table.changed) == (
            numbers["removed"],
            numbers["added"],
            numbers["changed"],
        ), (name, table.method)
        assert table.kept == table.total
        columns = Counter(column for fact in expected.elements() for column in fact.columns)
        assert dict(table.changed_columns) == dict(columns), (name, table.method)


def judge(then: str, now: str, lineage: Lineage) -> dict[str, Said]:
    """Compares by every method, with and without knowledge of the past; returns what is said by default."""
    said = compare(then, now, lineage=lineage)
    seen = look(then, now, said)
    check(seen, said)
    check(seen, compare(then, now))
    check(seen, compare(then, now, lineage=replace(lineage, next_xid=None)))
    for method in FORCED:
        check(seen, compare(then, now, lineage=lineage, method=method), forced=method)
    return said
