"""The lines of the grid as text with the names of their styles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from warubi_tui.text import clean
from warubi_tui.widgets.cells import fit
from warubi_tui.widgets.grid.cell import cell_parts
from warubi_tui.widgets.grid.layout import GAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warubi_tui.widgets.grid.layout import Layout, Place
    from warubi_tui.widgets.grid.pages import GridRow

LineParts = Sequence[tuple[str, tuple[str, ...]]]
"""Pieces of a line, each with the component classes of `RowGrid` that style it (without `row-grid--`)."""

GUTTER: Final = 3
"""Cells before the first column: whether the row is marked, what happened to it, a blank."""

SIGNS: Final = {"removed": "-", "added": "+", "changed": "~"}
"""What the gutter shows."""
MARK: Final = "●"

_EDGE: Final = "│"
"""Stands after the columns that stay, where others are out of sight behind them."""


def header_parts(layout: Layout, here: int) -> LineParts:
    """The names of the columns."""
    parts: list[tuple[str, tuple[str, ...]]] = [(" " * GUTTER, ())]
    for place in layout.places:
        label = fit(clean(place.name), place.width)
        parts += [(label, ("here",) if place.index == here else ()), (_padding(label, place, layout), ())]
    return parts


def hidden_words(layout: Layout) -> str:
    """How many columns are out of sight on either side; nothing when all are in sight."""
    left = [f"« {layout.hidden_left}"] if layout.hidden_left else []
    right = [f"{layout.hidden_right} »"] if layout.hidden_right else []
    return " ".join([*left, "columns", *right]) if left or right else ""


def line_parts(row: GridRow, layout: Layout, here: int | None, term: str) -> LineParts:
    """A row.

    Args:
        here: the column under the cursor, on the row under the cursor.
        term: cells with this text, in lower case, stand out.
    """
    return [
        (MARK if row.marked else " ", ("marked",)),
        (SIGNS[row.row.op], (row.row.op,)),
        (" ", ()),
        *(part for place in layout.places for part in _cell(row, place, layout, here, term)),
    ]


def _cell(
    row: GridRow, place: Place, layout: Layout, here: int | None, term: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    parts = cell_parts(row.row, place.name, place.width)
    text = "".join(part for part, _ in parts)
    extra = ("cell",) if place.index == here else ("match",) if term and term in text.lower() else ()
    for part, kind in parts:
        yield part, (*(() if kind == "plain" else (kind,)), *extra)
    if place.index == here and not text:
        text = " "
        yield text, extra
    yield _padding(text, place, layout), ()


def _padding(text: str, place: Place, layout: Layout) -> str:
    """The blanks between a text and the next column."""
    stays = layout.hidden_left and place.index == layout.frozen - 1
    return " " * (place.width - cell_len(text)) + (_EDGE + " " if stays else " " * GAP)
