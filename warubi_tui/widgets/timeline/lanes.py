"""Where the marks and names of events go, so that none covers another, and how high activity is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from warubi_tui.widgets.timeline.viewport import Viewport

BLOCKS: Final = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Mark:
    """An event in sight: its cell, its glyph (one cell) and its name (clean text)."""

    cell: int
    glyph: str
    name: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Text to draw in a row of the lane, from a cell on."""

    row: int
    cell: int
    text: str


def place(marks: Sequence[Mark], width: int, rows: int) -> list[Placed]:
    """Every mark in the first row where it fits with its name, else without it.

    Names go right of the glyph, or left of it near the right edge. Marks that fit nowhere are counted in a
    `+n` at the end of the last row.
    """
    taken = [[False] * width for _ in range(rows)]
    placed: list[Placed] = []
    left_out = 0
    for mark in marks:
        spot = _with_name(mark, taken, width) or _bare(mark, taken)
        if spot is None:
            left_out += 1
            continue
        end = min(spot.cell + cell_len(spot.text) + 1, width)
        taken[spot.row][spot.cell : end] = [True] * (end - spot.cell)
        placed.append(spot)
    if left_out and rows:
        note = f"+{left_out} more"
        placed.append(Placed(rows - 1, max(0, width - len(note)), note))
    return placed


def _with_name(mark: Mark, taken: Sequence[Sequence[bool]], width: int) -> Placed | None:
    right, left = f"{mark.glyph} {mark.name}", f"{mark.name} {mark.glyph}"
    length = cell_len(right)
    for cell, text in ((mark.cell, right), (mark.cell - length + 1, left)):
        for row, line in enumerate(taken):
            if cell >= 0 and cell + length <= width and not any(line[cell : cell + length]):
                return Placed(row, cell, text)
    return None


def _bare(mark: Mark, taken: Sequence[Sequence[bool]]) -> Placed | None:
    for row, line in enumerate(taken):
        if not line[mark.cell]:
            return Placed(row, mark.cell, mark.glyph)
    return None


def commits_by_cell(buckets: Iterable[tuple[int, int, int]], viewport: Viewport) -> list[int]:
    """How many commits are drawn in each cell.

    Args:
        buckets: (start, end, commits) in microseconds, `end` exclusive. A bucket wider than a cell shows its
            number in each of its cells; narrower ones are added up.
    """
    cells = [0] * viewport.width
    for start, end, commits in buckets:
        if end <= viewport.start or start >= viewport.end or not commits:
            continue
        first = max(0, viewport.cell_of(start))
        last = min(viewport.width - 1, max(viewport.cell_of(end - 1), first))
        for cell in range(first, last + 1):
            cells[cell] += commits
    return cells


def bars(cells: Sequence[int], rows: int) -> list[str]:
    """A histogram `rows` high, top row first. Anything above zero is seen."""
    highest = max(cells, default=0)
    if not highest:
        return [" " * len(cells)] * rows
    heights = [-(-count * rows * 8 // highest) for count in cells]
    return [
        "".join(BLOCKS[max(0, min(8, height - 8 * (rows - 1 - row)))] for height in heights)
        for row in range(rows)
    ]
