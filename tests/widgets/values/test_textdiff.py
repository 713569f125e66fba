"""Line by line: both versions can be read out of the difference, long equal parts are counted."""

from hypothesis import given
from hypothesis import strategies as st

from warubi_tui.widgets.values.lines import Line
from warubi_tui.widgets.values.textdiff import diff_lines

LINES = st.lists(st.sampled_from(["a", "b", "c", "the end", "", "{"]), max_size=30)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def side(then: list[str], now: list[str], sign: str) -> list[str]:
    """A version, read out of the difference; what was left out is taken from that version."""
    found: list[str] = []
    source = then if sign == "-" else now
    for line in texts(list(diff_lines(then, now))):
        if line.startswith("  … "):
            count = int(line.split()[1].replace(",", ""))
            found += source[len(found) : len(found) + count]
        elif line[0] in {" ", sign}:
            found.append(line[2:])
    return found


@given(LINES, LINES)
def test_both_versions_are_in_it(then: list[str], now: list[str]) -> None:
    assert side(then, now, "-") == then
    assert side(then, now, "+") == now


def test_equal_parts_are_counted() -> None:
    then = [str(number) for number in range(100)]
    now = [*then[:50], "changed", *then[51:]]
    assert texts(list(diff_lines(then, now))) == [
        "  … 47 equal lines",
        "  47",
        "  48",
        "  49",
        "- 50",
        "+ changed",
        "  51",
        "  52",
        "  53",
        "  … 46 equal lines",
    ]


def test_words_that_differ_stand_out() -> None:
    lines = list(diff_lines(['"city": "Berlin",'], ['"city": "Bern",']))
    assert lines == [
        (("- ", "old-part"), ('"city": "', "old"), ("Berlin", "old-part"), ('",', "old")),
        (("+ ", "new-part"), ('"city": "', "new"), ("Bern", "new-part"), ('",', "new")),
    ]


def test_a_hundred_thousand_other_lines_are_no_work() -> None:
    then = [f"then {number}" for number in range(100_000)]
    now = [f"now {number}" for number in range(100_000)]
    assert len(list(diff_lines(then, now))) == 200_000


def test_control_characters_are_drawn_as_signs() -> None:
    assert texts(list(diff_lines(["a\x1b[2J"], ["a\r"]))) == ["- a␛[2J", "+ a␍"]
