"""Values: NULL, the empty text and the word NULL never look alike, and nothing is longer than its cell."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from warubi_tui.diff.model import RowDiff
from warubi_tui.widgets.cells import cell_text, value_text
from warubi_tui.widgets.row_grid import cell_words, grid_columns

TEXTS = (
    st.none() | st.text(max_size=80) | st.sampled_from(["NULL", "null", "", " ", "'", "''", "'NULL'", "∅"])
)


@given(TEXTS, TEXTS)
def test_different_values_are_written_differently(one: str | None, other: str | None) -> None:
    if one != other and all(value is None or value.isprintable() for value in (one, other)):
        assert value_text(one) != value_text(other)


def test_a_very_long_value_is_cut_and_counted() -> None:
    assert value_text("x" * 1_000_000).endswith("… (1000000 characters)")


@given(TEXTS, st.integers(1, 40))
def test_a_cell_keeps_its_length(value: str | None, cells: int) -> None:
    assert cell_len(cell_text(value, cells)) <= cells


@given(TEXTS, TEXTS, st.integers(3, 32))
def test_a_changed_cell_keeps_its_length_and_its_arrow(then: str | None, now: str | None, cells: int) -> None:
    row = RowDiff("s", "t", "changed", {}, {"a": then}, {"a": now}, ("a",))
    written = cell_words(row, "a", cells)
    assert cell_len(written) <= cells
    assert "→" in written


def test_the_key_stands_first_then_what_changed() -> None:
    rows = [
        RowDiff(
            "s",
            "t",
            "changed",
            {"id": "1"},
            {"a": "1", "b": "1", "id": "1"},
            {"a": "1", "b": "2", "id": "1"},
            ("b",),
        )
    ]
    assert [column.name for column in grid_columns(rows, ("id",))] == ["id", "b", "a"]
