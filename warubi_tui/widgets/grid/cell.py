"""What stands in one cell of the grid: a value, or both where it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from rich.cells import cell_len

from warubi_tui.widgets.cells import NULL, cell_text, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warubi_tui.diff.model import RowDiff, Values

Kind = Literal["plain", "null", "old", "new", "between"]
"""How a part of a cell is meant: unchanged, NULL, the value then, the value now, what joins the two."""

Part = tuple[str, Kind]

ARROW: Final = "→"
SAME: Final = " ="
"""Ends a change between values that their type calls equal, like 1.0 and 1.00."""
_SHARED_SHOWN: Final = 3
"""So much of what both values begin with stays in sight when the rest of it is cut."""


def cell_parts(row: RowDiff, name: str, cells: int) -> Sequence[Part]:
    """What `row` says in the column `name`, on at most `cells` cells: `then→now` where it changed.

    Empty where the row has no such column. A column that only one side has shows the value of that side.
    """
    if row.then is not None and row.now is not None and name in row.columns:
        return _change(row.then.get(name), row.now.get(name), name in row.same_value, cells)
    values = side_with(row, name)
    if values is None:
        return ()
    value = values[name]
    return ((cell_text(value, cells), "null" if value is None else "plain"),)


def side_with(row: RowDiff, name: str) -> Values | None:
    """The side to take an unchanged value from: now unless the row or its column is not there any more."""
    return next((side for side in (row.now, row.then) if side is not None and name in side), None)


def cells_wanted(value: str | None) -> int:
    """How many cells the whole of a value takes; quick for the values that most are."""
    if value and value.isascii() and value.isprintable() and value[0] not in "' " and value[-1] != " ":
        return len(value) if value.upper() != NULL else len(value) + 2
    return cell_len(value_text(value))


def most_cells_wanted(values: Sequence[str | None]) -> int:
    """The cells that the widest of many values takes. One look at all of them says that most are plain."""
    text = "|".join(["", *filter(None, values), ""])
    plain = text.isascii() and text.isprintable() and not any(sign in text for sign in ("'", "| ", " |"))
    if plain and NULL not in text.upper():
        return max(map(len, filter(None, values)), default=len(NULL))
    return max(map(cells_wanted, values), default=0)


def cells_of_change(row: RowDiff, name: str) -> int:
    """How many cells a changed value takes: both versions and what joins them."""
    joint = len(ARROW) + (len(SAME) if name in row.same_value else 0)
    return joint + sum(cells_wanted(side.get(name)) for side in (row.then, row.now) if side is not None)


def _change(then: str | None, now: str | None, same: bool, cells: int) -> Sequence[Part]:
    ending = SAME if same and cells >= len(SAME) + 5 else ""
    room = cells - len(ARROW) - len(ending)
    before, after = cell_text(then, cells), cell_text(now, cells)
    if cell_len(before) + cell_len(after) > room:
        if then is not None and now is not None:
            then, now = from_difference(then, now, room // 2)
            before, after = cell_text(then, cells), cell_text(now, cells)
        before = cell_text(then, max(room // 2, room - cell_len(after)))
        after = cell_text(now, room - cell_len(before))
    return ((before, "old"), (ARROW, "between"), (after, "new"), (ending, "between"))


def from_difference(then: str, now: str, room: int) -> tuple[str, str]:
    """Both values from a little before their first difference, if that lies beyond `room` characters."""
    shared = shared_start(then, now)
    if shared + 1 < room:
        return then, now
    skipped = max(0, shared - _SHARED_SHOWN)
    return "…" + then[skipped:], "…" + now[skipped:]


def shared_start(one: str, other: str) -> int:
    """How many characters both texts begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
