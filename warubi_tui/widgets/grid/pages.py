"""The pages of rows that the grid holds: few, and only as much of each value as a cell can show."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from warubi_tui.widgets.grid.cell import from_difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from warubi_tui.diff.model import RowDiff, Values, ViewRow

PAGE: Final = 48
"""Rows fetched at once."""
VALUE_KEPT: Final = 256
"""Characters kept of a value."""
_CHARACTERS_KEPT: Final = 1_000_000
"""Characters kept of all values together, beyond the pages that may be on the screen."""
_PAGES_KEPT: Final = 24
_PAGES_ON_SCREEN: Final = 4


class Source(Protocol):
    """Rows by their position; see `warubi_tui.diff.views.RowView`."""

    @property
    def total(self) -> int: ...

    async def rows(self, start: int, stop: int) -> Sequence[ViewRow]: ...


@dataclass(frozen=True, slots=True)
class GridRow:
    """A row as the grid keeps it."""

    row: RowDiff
    """With long values cut: a value that was changed begins shortly before its first difference."""
    whole: bool
    """Whether no value of `row` was cut."""
    marked: bool
    number: int
    """Its place among all rows of the table."""
    characters: int
    """Of all values that are kept."""


class Pages:
    """The last pages that were looked at, by number; a page is `PAGE` rows."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, list[GridRow]] = OrderedDict()
        self._sizes: dict[int, int] = {}

    def __contains__(self, page: int) -> bool:
        return page in self._pages

    def row(self, position: int) -> GridRow | None:
        """The row at a position; None unless its page is here."""
        page = self._pages.get(position // PAGE)
        offset = position % PAGE
        return page[offset] if page is not None and offset < len(page) else None

    def put(self, page: int, rows: Sequence[ViewRow]) -> Sequence[RowDiff]:
        """Keeps a page, gives up others for it, and returns its rows as they are kept."""
        kept = [kept_row(one) for one in rows]
        self._pages[page] = kept
        self._sizes[page] = sum(one.characters for one in kept)
        while len(self._pages) > _PAGES_ON_SCREEN and (
            len(self._pages) > _PAGES_KEPT or sum(self._sizes.values()) > _CHARACTERS_KEPT
        ):
            del self._sizes[self._pages.popitem(last=False)[0]]
        return [one.row for one in kept]

    def mark(self, position: int, marked: bool) -> None:
        """Notes that a row was marked, or is not any more."""
        row = self.row(position)
        if row is not None:
            self._pages[position // PAGE][position % PAGE] = replace(row, marked=marked)


def kept_row(one: ViewRow) -> GridRow:
    """A row with its long values cut."""
    row = one.row
    lengths = _lengths(row)
    if max(lengths, default=0) <= VALUE_KEPT:
        return GridRow(row, True, one.marked, one.number, sum(lengths))
    then, now = _cut(row.then), _cut(row.now)
    if row.then is not None and row.now is not None:
        for name in row.columns:
            before, after = row.then.get(name), row.now.get(name)
            if before is not None and after is not None:
                start_then, start_now = from_difference(before, after, VALUE_KEPT // 2)
                then = {**then, name: _start(start_then)} if then else then
                now = {**now, name: _start(start_now)} if now else now
    cut = replace(row, then=then, now=now, key=_cut(row.key) or {})
    return GridRow(cut, False, one.marked, one.number, sum(_lengths(cut)))


def _cut(values: Values | None) -> Mapping[str, str | None] | None:
    if values is None:
        return None
    return {name: None if value is None else _start(value) for name, value in values.items()}


def _start(value: str) -> str:
    return value if len(value) <= VALUE_KEPT else value[:VALUE_KEPT] + "…"


def _lengths(row: RowDiff) -> list[int]:
    """The lengths of all values that have one."""
    then, now = (() if side is None else side.values() for side in (row.then, row.now))
    return [*map(len, filter(None, then)), *map(len, filter(None, now))]
