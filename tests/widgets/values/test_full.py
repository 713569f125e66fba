"""Whole values and rows in words: both versions, NULL, what looks alike, what is too long."""

import pytest

from warubi_tui.diff.model import RowDiff
from warubi_tui.widgets.values.full import SHOWN, row_lines, value_lines
from warubi_tui.widgets.values.lines import Line


def text(lines: list[Line]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in lines)


def changed(then: str | None, now: str | None, *, same: bool = False) -> RowDiff:
    return RowDiff("s", "t", "changed", {}, {"a": then}, {"a": now}, ("a",), ("a",) if same else ())


def value(row: RowDiff) -> str:
    return text(value_lines(row, "a", "copy", "main"))


def test_json_is_compared_line_by_line() -> None:
    shown = value(changed('{"a": 1, "b": [true]}', '{"a": 2, "b": [true]}'))
    assert shown.splitlines() == [
        "- copy  JSON, 21 characters",
        "+ main  JSON, 21 characters",
        "  {",
        '-   "a": 1,',
        '+   "a": 2,',
        '    "b": [',
        "      true",
        "    ]",
        "  }",
    ]


def test_json_that_is_only_written_differently_says_so() -> None:
    shown = value(changed('{"a": 1}', '{"a":1}'))
    assert "Equal as JSON, written differently:" in shown
    assert '- {"a": 1}\n+ {"a":1}' in shown


@pytest.mark.parametrize(
    ("then", "now", "lines"),
    [
        (None, "", ["- NULL", "+ ''   the empty text"]),
        ("x", None, ["- x", "+ NULL"]),
        ("", "NULL", ["- ''   the empty text", "+ NULL"]),
    ],
)
def test_null_and_the_empty_text_are_told_apart(then: str | None, now: str | None, lines: list[str]) -> None:
    assert value(changed(then, now)).splitlines()[2:] == lines


def test_null_has_another_style_than_the_text_null() -> None:
    lines = value_lines(changed(None, "NULL"), "a", "copy", "main")
    assert lines[2][1] == ("NULL", "null")
    assert lines[3][1] == ("NULL", "plain")


def test_texts_that_look_alike_are_told_apart_by_their_characters() -> None:
    shown = value(changed("a b", "a\u00a0b"))
    assert "They look alike: character 2 was U+0020 SPACE, is U+00A0 NO-BREAK SPACE now." in shown
    assert (
        "character 1 was U+00E9 LATIN SMALL LETTER E WITH ACUTE, is U+0065 LATIN SMALL LETTER E now"
        in value(changed("\u00e9", "e\u0301"))
    )
    assert "character 1 was U+200B ZERO WIDTH SPACE, is U+200D" in value(changed("\u200b", "\u200d"))
    assert "alike" not in value(changed("a", "b"))


def test_equal_values_are_called_that() -> None:
    assert "Equal in value: only written differently." in value(changed("1.0", "1.00", same=True))
    assert "equal in value" in text(row_lines(changed("1.0", "1.00", same=True), "copy", "main"))


def test_bytes_are_compared_in_hexadecimal() -> None:
    shown = value(changed("\\x00ff", "\\x0041"))
    assert "- copy  2 bytes" in shown
    assert "- 00000000 00 ff" in shown
    assert "+ 00000000 00 41" in shown


def test_a_difference_far_behind_is_shown_and_what_was_left_out_is_counted() -> None:
    start = "x" * (2 * SHOWN)
    shown = value(changed(f"{start}then", f"{start}now"))
    assert "Both begin with the same 2,096,652 characters, which are left out." in shown
    assert "then" in shown
    assert len(shown) < 5_000


def test_a_very_long_value_is_cut_and_counted() -> None:
    row = RowDiff("s", "t", "removed", {}, {"a": "y" * (SHOWN + 5)}, None)
    assert value(row).endswith("… 5 more characters")
    assert value(row).startswith("copy  text, 1,048,581 characters\n")


def test_a_column_of_one_side_is_said_to_be_that() -> None:
    row = RowDiff("s", "t", "changed", {}, {"a": "1", "b": "1"}, {"b": "2"}, ("b",))
    assert "The other side has no such column." in value(row)
    assert "a  1   the column is not there any more" in text(row_lines(row, "copy", "main"))


def test_a_row_names_its_sides_and_shows_what_changed_first() -> None:
    row = RowDiff("s", "t", "changed", {"id": "1"}, {"id": "1", "b": None}, {"id": "1", "b": ""}, ("b",))
    assert text(row_lines(row, "copy", "main")).splitlines() == [
        "~ changed id = 1   (- copy, + main)",
        "- b   NULL",
        "+ b   ''",
        "  id  1",
    ]
    removed = RowDiff("s", "t", "removed", {}, {"a": "1"}, None)
    assert "(only in copy)" in text(row_lines(removed, "copy", "main"))
    added = RowDiff("s", "t", "added", {}, None, {"a": "1"})
    assert "(only in main)" in text(row_lines(added, "copy", "main"))
