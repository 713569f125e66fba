"""From the differing rows of a table to what they have in common."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from warubi_tui.diff.findings.counting import Counter
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.diff.findings.group import Group
from warubi_tui.diff.model import Op, RowDiff, TableDiff
from warubi_tui.postgres.catalog import Column

READ_ROWS: Final = 30_000
"""How many differing rows of a table are looked at; of more, evenly spread pages are."""

_PAGE: Final = 500


class Rows(Protocol):
    """Where differing rows come from: DatabaseDiff."""

    async def rows(self, schema: str, table: str, *, offset: int = 0, limit: int = 100) -> list[RowDiff]: ...


async def explain(
    source: Rows,
    table: TableDiff,
    then: Sequence[Column],
    now: Sequence[Column],
    *,
    counter: Counter | None = None,
    read_rows: int = READ_ROWS,
) -> list[Finding]:
    """What the removed, the added and the changed rows of a table have in common, each in one sentence.

    Memory does not grow with the number of rows. Empty for a table without a difference.

    Args:
        then: the table's columns on that side; empty if it is not there.
        now: likewise.
        counter: counts the rows of the two sides that are not among those, so that a condition is chosen
            by what it leaves out and the sentence can say how many others meet it. Without it, the sentence
            claims no more than that the rows read meet the condition.
        read_rows: of more differing rows than this, evenly spread ones are read.
    """
    groups: dict[Op, Group] = {
        "removed": Group(table, "removed", table.removed, then, ()),
        "added": Group(table, "added", table.added, (), now),
        "changed": Group(table, "changed", table.changed, then, now),
    }
    async for row in _spread(source, table, read_rows):
        groups[row.op].add(row)
    return [await group.finding(counter) for group in groups.values() if group.rows]


async def _spread(source: Rows, table: TableDiff, read_rows: int) -> AsyncIterator[RowDiff]:
    pages = -(-table.kept // _PAGE)
    wanted = min(pages, max(read_rows // _PAGE, 1))
    for number in range(wanted):
        offset = number * pages // wanted * _PAGE
        for row in await source.rows(table.schema, table.table, offset=offset, limit=_PAGE):
            yield row
