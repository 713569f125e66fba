"""Ticks: aligned, apart, in sight, and readable at every scale."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from warubi_tui.widgets.timeline.ticks import STEPS, label, label_width, length_words, step_for, ticks
from warubi_tui.widgets.timeline.viewport import Viewport, to_microseconds

NOON = to_microseconds(datetime(2026, 11, 22, 12, tzinfo=UTC))


@given(st.integers(30, 300), st.integers(1, 40 * 86_400 * 10**6), st.integers(0, 10**12))
def test_ticks_are_in_sight_and_their_labels_do_not_touch(width: int, length: int, offset: int) -> None:
    viewport = Viewport.over(NOON + offset, NOON + offset + length, width)
    if viewport.span < width:
        viewport = viewport.resized(viewport.span)
    step = step_for(viewport)
    drawn = ticks(viewport, step)
    assert all(0 <= tick.cell < viewport.width for tick in drawn)
    assert all(tick.instant % step == 0 for tick in drawn)
    if step != STEPS[-1]:
        gaps = [right.cell - left.cell for left, right in pairwise(drawn)]
        assert all(gap > label_width(step) for gap in gaps)


def test_steps_grow() -> None:
    assert list(STEPS) == sorted(set(STEPS))


def test_labels_say_what_the_scale_needs() -> None:
    instant = NOON + 7 * 60_000_000 + 58_123_456
    assert label(instant, 86_400_000_000) == "22 Nov"
    assert label(instant, 60_000_000) == "12:07"
    assert label(instant, 1_000_000) == "12:07:58"
    assert label(instant, 1_000) == "07:58.123"
    assert label(instant, 1) == "58.123456"
    assert label(instant, 60_000_000, ZoneInfo("Asia/Kathmandu")) == "17:52"


def test_midnight_is_written_as_the_date() -> None:
    assert label(NOON - 12 * 3_600_000_000, 3_600_000_000) == "22 Nov"
    assert label(NOON - 3_600_000_000, 3_600_000_000, ZoneInfo("Europe/Berlin")) == "12:00"


def test_lengths_in_words() -> None:
    assert length_words(26 * 3_600_000_000 + 59) == "1 d 2 h"
    assert length_words(15 * 60_000_000) == "15 min"
    assert length_words(1_500) == "1 ms 500 µs"
    assert length_words(0) == "0 µs"
