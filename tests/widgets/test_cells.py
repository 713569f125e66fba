"""Values: NULL, the empty text and the word NULL never look alike, and nothing is longer than its cell."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from warubi_tui.widgets.cells import cell_text, fit, value_text

TEXTS = (
    st.none()
    | st.text(max_size=80)
    | st.text(alphabet="e\u0301\ufe0f\u2764\u4e2d\u200d\u00a0'", max_size=40)
    | st.sampled_from(["NULL", "null", "", " ", "'", "''", "'NULL'", "∅", "\u0301"])
)


@given(TEXTS, TEXTS)
def test_different_values_are_written_differently(one: str | None, other: str | None) -> None:
    if one != other and all(value is None or value.isprintable() for value in (one, other)):
        assert value_text(one) != value_text(other)


def test_a_very_long_value_is_cut_and_counted() -> None:
    assert value_text("x" * 1_000_000).endswith("… (1000000 characters)")


@given(TEXTS, st.integers(0, 40))
def test_a_cell_keeps_its_length(value: str | None, cells: int) -> None:
    assert cell_len(cell_text(value, cells)) <= cells


def test_a_sign_without_width_has_something_to_stand_on() -> None:
    assert value_text("\u0301a") == "'\u0301a'"


def test_a_million_signs_without_width_are_cut() -> None:
    assert len(fit("e" + "\u0301" * 1_000_000, 10)) <= 81
    assert cell_text("e" + "\u0301" * 1_000_000, 10).endswith("…")
