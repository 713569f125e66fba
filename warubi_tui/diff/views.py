"""What a person looks at: the kept rows of one table, or those that a filter lets through, by position."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from warubi_tui.diff.copytext import escape, fields, unescape
from warubi_tui.diff.lines import LineReader
from warubi_tui.diff.model import RowFilter, ViewRow
from warubi_tui.diff.results import Found, Needle, Results, Stored
from warubi_tui.errors import UsageError

_ROWS: Final = 4096
"""How many rows are looked through before the event loop and other readers get their turn."""
_HEADS: Final = 100_000
"""The same where no values have to be looked at."""

Evaluate = Callable[[Sequence[Stored]], Awaitable[list[bool]]]
"""Which of these rows a condition is true of, then or now."""


class RowView:
    """Rows by position from 0, in the order of the key; they stay what they are while it is open."""

    def __init__(self, results: Results, reader: LineReader, view: str | None, total: int) -> None:
        self.total = total
        self._results = results
        self._reader = reader
        self._view = view

    @property
    def marked(self) -> int:
        """How many rows of the table are marked, in this view or not."""
        return self._results.marked

    async def rows(self, start: int, stop: int) -> list[ViewRow]:
        """The rows from position `start` up to `stop`; fewer at the end."""
        found = await asyncio.to_thread(self._results.page, start, min(stop, self.total), self._view)
        return [self._view_row(stored) for stored in found]

    async def find(self, text: str, start: int, forward: bool = True) -> int | None:
        """The position of the next row, from `start` on, that has `text` in a value; see `TextMatch`."""
        match = TextMatch(text)
        places = range(max(start, 0), self.total) if forward else range(min(start, self.total - 1), -1, -1)
        while places:
            found, seen = await asyncio.to_thread(
                _matching, self._results, match.needle, match, places[:_ROWS], self._view
            )
            if found:
                return found[0][0]
            places = places[seen:]
        return None

    async def toggle(self, position: int) -> None:
        """Marks the row at `position`, or takes its mark away."""
        await asyncio.to_thread(self._results.mark, None, position, position + 1, self._view)

    async def mark_all(self, value: bool) -> None:
        """Marks every row of this view, or takes their marks away."""
        for start in range(0, self.total, _HEADS):
            await asyncio.to_thread(self._results.mark, value, start, start + _HEADS, self._view)

    async def close(self) -> None:
        """Gives the view's room back. Marks stay. A comparison that is closed has done so already."""
        if self._view is not None:
            view, self._view, self.total = self._view, None, 0
            await asyncio.to_thread(self._results.drop_view, view)

    def _view_row(self, stored: Stored) -> ViewRow:
        row = self._reader.row(stored.op, stored.then, stored.now)
        return ViewRow(row, stored.number, stored.marked)


async def open_view(
    results: Results, reader: LineReader, wanted: RowFilter, evaluate: Evaluate | None
) -> RowView:
    """The rows that `wanted` lets through. `evaluate` is for its condition.

    Raises:
        UsageError: no such column is compared.
        WarubiError: what `evaluate` raises.
    """
    if wanted == RowFilter():
        return RowView(results, reader, None, results.kept)
    compared = reader.pairing.compared
    if wanted.column is not None and wanted.column not in compared:
        raise UsageError(f"No column {wanted.column!r} was compared")
    match = TextMatch(wanted.text or "")
    column = None if wanted.column is None else compared.index(wanted.column)
    needle = Needle(wanted.op, column, match.needle.text, wanted.marked)
    view = await asyncio.to_thread(results.new_view)
    try:
        if evaluate is None and not wanted.text:
            total = await _by_heads(results, view, needle)
        else:
            total = await _by_values(results, view, needle, match, evaluate)
    except BaseException:
        # Not awaited: a step that was cancelled may be under way in its thread still.
        asyncio.get_running_loop().run_in_executor(None, results.drop_view, view)
        raise
    return RowView(results, reader, view, total)


async def _by_heads(results: Results, view: str, needle: Needle) -> int:
    total = 0
    for start in range(0, results.kept, _HEADS):
        total += await asyncio.to_thread(results.fill_view, view, total, needle, start, start + _HEADS)
    return total


async def _by_values(
    results: Results, view: str, needle: Needle, match: "TextMatch", evaluate: Evaluate | None
) -> int:
    places, total = range(results.kept), 0
    while places:
        found, seen = await asyncio.to_thread(_matching, results, needle, match, places[:_ROWS])
        numbers = [number for number, _ in found]
        if evaluate is not None and found:
            true = await evaluate([stored for _, stored in found])
            numbers = [number for number, is_true in zip(numbers, true, strict=True) if is_true]
        await asyncio.to_thread(results.extend_view, view, total, numbers)
        total += len(numbers)
        places = places[seen:]
    return total


def _matching(
    results: Results, needle: Needle, match: "TextMatch", places: range, view: str | None = None
) -> tuple[list[Found], int]:
    found, seen = results.scan(needle, places, view)
    return [(place, stored) for place, stored in found if match.row(stored)], seen


class TextMatch:
    """Whether a row has a text in one of its values, ignoring the case of ASCII letters."""

    def __init__(self, text: str) -> None:
        wanted = text.encode(errors="surrogatepass").lower()
        self._text = wanted
        self.needle = Needle(text=escape(wanted).lower())

    def row(self, stored: Stored) -> bool:
        """Whether it is in a value then or now."""
        return not self._text or any(
            line is not None and self._line(line) for line in (stored.then, stored.now)
        )

    def _line(self, line: bytes) -> bool:
        if b"\\" not in line and b"\t" not in self._text:
            return self._text in line.lower()
        return any(self._text in unescape(field).lower() for field in fields(line) if field != rb"\N")
