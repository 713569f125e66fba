"""Which columns the grid shows, in which order, how wide and where: arithmetic on cells, nothing drawn."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from warubi_tui.text import clean
from warubi_tui.widgets.grid.cell import cells_of_change, most_cells_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from warubi_tui.diff.model import RowDiff

GAP: Final = 2
"""Blank cells after a column."""
_NARROWEST: Final = 4
_LEAST_SHOWN: Final = 8
"""A column that is cut at the edge is shown with no fewer cells than this."""
_USUAL: Final = 32
"""No column is wider while others wait for room."""
_WIDEST: Final = 120
_LABEL_SHOWN: Final = 20
"""A column is as wide as its name up to here."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the grid."""

    name: str
    wanted: int
    """Cells that its widest value takes, and its name as far as that is reasonable."""
    rank: int
    """0 the key, 1 changed, 2 the others."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column stands."""

    index: int
    """Its number among all columns."""
    name: str
    x: int
    """Its first cell."""
    width: int


class Columns:
    """The columns of a table, which get wider as wider values are seen, and more as more are."""

    def __init__(self, key: Sequence[str] = (), changed: Mapping[str, int] | None = None) -> None:
        """
        Args:
            key: these stand first and stay in sight.
            changed: in how many rows a column changed; these stand next.
        """
        self._key = tuple(key)
        self._changed = changed or {}
        self._wanted: dict[str, int] = {}
        self._order: tuple[Column, ...] = ()

    @property
    def all(self) -> tuple[Column, ...]:
        """Every column: the key, what changed, the others, each in the table's order."""
        return self._order

    def learn(self, rows: Iterable[RowDiff]) -> bool:
        """Takes note of the names and widths in `rows`; tells whether anything is new."""
        before = dict(self._wanted)
        same_columns: defaultdict[tuple[str, ...], list[Iterable[str | None]]] = defaultdict(list)
        for row in rows:
            for side in (row.then, row.now):
                if side is not None:
                    same_columns[tuple(side)].append(side.values())
            for name in row.columns:
                self._learn(name, cells_of_change(row, name))
        for names, sides in same_columns.items():
            for name, values in zip(names, zip(*sides, strict=True), strict=True):
                self._learn(name, most_cells_wanted(values))
        if self._wanted == before:
            return False
        self._order = tuple(
            sorted(
                (Column(name, wanted, self._rank(name)) for name, wanted in self._wanted.items()),
                key=lambda column: (
                    column.rank,
                    self._key.index(column.name) if column.rank == 0 else 0,
                ),
            )
        )
        return True

    def _learn(self, name: str, cells: int) -> None:
        known = self._wanted.get(name) or self._least(name)
        self._wanted[name] = max(known, min(_WIDEST, cells))

    def _least(self, name: str) -> int:
        return max(_NARROWEST, min(_LABEL_SHOWN, cell_len(clean(name[:_WIDEST]))))

    def _rank(self, name: str) -> int:
        return 0 if name in self._key else 1 if name in self._changed else 2


def widths(columns: Sequence[Column], room: int) -> list[int]:
    """A width for every column; what is left of `room` goes to those that want more, changed ones first."""
    found = [min(_USUAL, column.wanted) for column in columns]
    spare = room - sum(found) - GAP * len(found)
    for index in sorted(range(len(columns)), key=lambda index: (columns[index].rank != 1, index)):
        more = min(columns[index].wanted - found[index], max(0, spare))
        found[index] += more
        spare -= more
    return found


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that are in sight on a line of `room` cells."""

    places: tuple[Place, ...]
    frozen: int
    """How many of `places` stand still."""
    hidden_left: int
    hidden_right: int
    """Columns out of sight on either side; one that is cut at the edge is in sight."""

    def at(self, x: int) -> Place | None:
        """The column at a cell."""
        return next((place for place in self.places if place.x <= x < place.x + place.width + GAP), None)


def lay_out(columns: Sequence[Column], first: int, room: int) -> Layout:
    """Places the key, then the other columns from the `first`th on (counted among all).

    The key stands still as far as half of `room` holds it; with it gone no column would be in sight.
    """
    wide = widths(columns, room)
    frozen = _frozen(columns, wide, room)
    first = max(first, frozen)
    places: list[Place] = []
    x = 0
    for index in (*range(frozen), *range(first, len(columns))):
        width = min(wide[index], room - x)
        if width < min(wide[index], _LEAST_SHOWN) and places:
            break
        places.append(Place(index, columns[index].name, x, width))
        x += width + GAP
    shown = len(places) - frozen
    return Layout(tuple(places), frozen, first - frozen, len(columns) - first - shown)


def _frozen(columns: Sequence[Column], wide: Sequence[int], room: int) -> int:
    taken = 0
    for index, column in enumerate(columns):
        taken += wide[index] + GAP
        if column.rank or taken > room // 2:
            return index
    return len(columns)


def first_to_show(columns: Sequence[Column], first: int, index: int, room: int) -> int:
    """From which column on to show, so that the `index`th is in sight whole; `first` if it already is."""
    wide = widths(columns, room)
    frozen = _frozen(columns, wide, room)
    first = max(first, frozen)
    if index < frozen:
        return first
    if index < first:
        return index
    left = room - sum(wide[:frozen]) - GAP * frozen
    while first < index and sum(wide[first : index + 1]) + GAP * (index - first) > left:
        first += 1
    return first
