"""Wrapping: no line is too wide, and no character is lost."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from warubi_tui.widgets.values.lines import wrapped

PIECES = st.text(alphabet="abc 中\u0301\u200d❤\ufe0f", max_size=60)


@given(st.lists(PIECES, min_size=1, max_size=4), st.integers(8, 40))
def test_everything_is_there_and_nothing_too_wide(pieces: list[str], width: int) -> None:
    lines = wrapped([tuple((piece, "plain") for piece in pieces)], width)
    assert all(sum(cell_len(text) for text, _ in line) <= width for line in lines)
    first, *others = ["".join(text for text, _ in line) for line in lines]
    assert first + "".join(line[2:] for line in others) == "".join(pieces)


def test_kinds_stay_with_their_text() -> None:
    assert wrapped([(("- ", "old"), ("x" * 10, "old-part"))], 8) == [
        (("- ", "old"), ("x" * 6, "old-part")),
        (("  ", "plain"), ("x" * 4, "old-part")),
    ]


def test_a_megabyte_on_one_line_is_quick_to_wrap() -> None:
    assert len(wrapped([(("x" * 1_000_000, "plain"),)], 100)) > 10_000
