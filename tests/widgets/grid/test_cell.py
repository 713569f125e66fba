"""Cells: both values where a row changed, never longer than the cell, never hiding the difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.widgets.test_cells import TEXTS
from warubi_tui.diff.model import RowDiff
from warubi_tui.widgets.cells import value_text
from warubi_tui.widgets.grid.cell import (
    ARROW,
    cell_parts,
    cells_of_change,
    cells_wanted,
    most_cells_wanted,
    shared_start,
)


def changed(then: str | None, now: str | None, *, same: bool = False) -> RowDiff:
    return RowDiff("s", "t", "changed", {}, {"a": then}, {"a": now}, ("a",), ("a",) if same else ())


def written(row: RowDiff, cells: int = 32) -> str:
    return "".join(text for text, _ in cell_parts(row, "a", cells))


@given(TEXTS, TEXTS, st.integers(3, 32), st.booleans())
def test_a_changed_cell_keeps_its_length_and_its_arrow(
    then: str | None, now: str | None, cells: int, same: bool
) -> None:
    shown = written(changed(then, now, same=same), cells)
    assert cell_len(shown) <= cells
    assert ARROW in shown


@given(TEXTS, st.integers(1, 32))
def test_what_is_wanted_is_enough(value: str | None, spare: int) -> None:
    row = RowDiff("s", "t", "removed", {}, {"a": value}, None)
    assert "…" not in written(row, cells_wanted(value) + spare).removeprefix(value or "")


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_the_widest_of_many_values_has_room(values: list[str | None]) -> None:
    most = max(4, most_cells_wanted(values))
    assert most == max(4, *map(cells_wanted, values))


@given(TEXTS, TEXTS, st.booleans())
def test_what_a_change_wants_is_enough(then: str | None, now: str | None, same: bool) -> None:
    row = changed(then, now, same=same)
    whole = value_text(then) + ARROW + value_text(now) + (" =" if same else "")
    assert written(row, cells_of_change(row, "a")) == whole or cell_len(whole) < 8


def test_values_of_the_same_value_say_so() -> None:
    assert written(changed("1.0", "1.00", same=True)) == "1.0→1.00 ="
    assert written(changed("1.0", "2.0")) == "1.0→2.0"


@pytest.mark.parametrize(
    ("then", "now", "shown"),
    [(None, "", "NULL→''"), ("NULL", None, "'NULL'→NULL"), ("", " ", "''→' '"), ("a→b", "a", "a→b→a")],
)
def test_null_and_the_empty_text_differ(then: str | None, now: str | None, shown: str) -> None:
    assert written(changed(then, now)) == shown


def test_a_difference_behind_a_long_shared_start_is_in_sight() -> None:
    start = "the same " * 500
    shown = written(changed(f"{start}old", f"{start}new"), 20)
    assert "old→" in shown
    assert shown.endswith("new")


def test_a_column_of_one_side_shows_that_sides_value() -> None:
    row = RowDiff("s", "t", "changed", {}, {"a": "gone", "b": "1"}, {"b": "2"}, ("b",))
    assert written(row) == "gone"
    assert cell_parts(row, "c", 10) == ()


def test_parts_tell_then_from_now_and_null_from_text() -> None:
    assert [kind for _, kind in cell_parts(changed("1", "2"), "a", 9)][:3] == ["old", "between", "new"]
    assert cell_parts(RowDiff("s", "t", "added", {}, None, {"a": None}), "a", 9) == (("NULL", "null"),)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_the_shared_start_is_the_longest(start: str, one: str, other: str) -> None:
    a, b = start + one, start + other
    length = shared_start(a, b)
    assert a[:length] == b[:length]
    assert length in {len(a), len(b)} or a[length] != b[length]
