"""What a comparison says of a database, against the truth."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from tests.diff.histories import truth
from tests.diff.histories.truth import Fact
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.model import Method, TableDiff
from warubi_tui.secret import Secret

FORCED: Final[tuple[Method, ...]] = ("headers", "blocks", "key", "multiset")


@dataclass(frozen=True)
class Said:
    """What a comparison said of one table."""

    table: TableDiff
    facts: Counter[Fact]


def compare(
    then: str,
    now: str,
    *,
    lineage: Lineage | None = None,
    method: Method | None = None,
    tables: list[str] | None = None,
    connections: int = 2,
) -> dict[str, Said]:
    """What is said of every table, by its name (of schema `public`)."""

    async def run() -> dict[str, Said]:
        async with DatabaseDiff(
            Secret(then),
            Secret(now),
            tables=tables,
            lineage=lineage,
            method=method,
            connections=connections,
        ) as diff:
            await diff.run()
            said = {table.table: Said(table, Counter()) for table in diff.tables}
            async for row in diff.all_rows():
                said[row.table].facts[truth.fact_of(row)] += 1
            return said

    return asyncio.run(run())


def check(then: str, now: str, said: Mapping[str, Said], *, forced: Method | None = None) -> None:
    """Every table that was compared was compared rightly; without a forced method every table was.

    A method that is not possible for a table may be refused, and nothing may be said of the table then.
    """
    for name, about in said.items():
        table = about.table
        if table.not_compared is not None and forced is not None:
            assert (table.method, table.total, about.facts) == ("none", 0, Counter()), name
            continue
        assert table.not_compared is None, (name, table.not_compared)
        was, is_now = truth.read(then, name), truth.read(now, name)
        expected = truth.brute_force(was, is_now, table.key)
        found = about.facts
        if not table.key:
            found = truth.only_columns(found, truth.compared_columns(was, is_now))
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
    for method in FORCED:
        check(then, now, compare(then, now, lineage=lineage, method=method), forced=method)
    check(then, now, compare(then, now))
    check(then, now, compare(then, now, lineage=replace(lineage, next_xid=None)))
    said = compare(then, now, lineage=lineage)
    check(then, now, said)
    return said
