"""Times on the wire."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warubi_tui.engine.api.times import microseconds, read_time, write_exact_time, write_time

_FIRST = microseconds(datetime(1, 1, 2, tzinfo=UTC))
_LAST = microseconds(datetime(9999, 12, 30, tzinfo=UTC))


@settings(deadline=None)
@given(st.integers(_FIRST, _LAST), st.integers(-23 * 60, 23 * 60))
def test_a_time_survives_the_wire_to_the_microsecond(time: int, offset_minutes: int) -> None:
    elsewhere = read_time(write_time(time)).astimezone(timezone(timedelta(minutes=offset_minutes)))
    assert microseconds(read_time(elsewhere.isoformat())) == time
    assert microseconds(read_time(write_exact_time(time))) == time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T14:07:58Z", "2026-11-22T14:07:58Z"),
        ("2026-11-22T14:07:58.1Z", "2026-11-22T14:07:58.100000Z"),
        ("2026-11-22T14:07:58.123Z", "2026-11-22T14:07:58.123000Z"),
        ("2026-11-22T14:07:58.123456999Z", "2026-11-22T14:07:58.123456Z"),
        ("2026-11-22T14:07:58.000000001Z", "2026-11-22T14:07:58Z"),
        ("2026-11-22T19:37:58+05:30", "2026-11-22T14:07:58Z"),
        ("2026-11-21T23:07:58-15:00", "2026-11-22T14:07:58Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_readings(text: str, expected: str) -> None:
    time = read_time(text)
    assert time.tzinfo is UTC
    assert write_time(microseconds(time)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "2026-11-22T14:07:58",
        "2026-11-22 14:07:58Z",
        "2026-11-22t14:07:58z",
        "2026-11-22T14:07Z",
        "2026-11-22T14:07:58.Z",
        "2026-11-22T14:07:58,1Z",
        "2026-11-22T14:07:58.1234567890Z",
        "2026-11-22T14:07:58+0100",
        "2026-11-22T14:07:58+24:00",
        "2026-11-22T14:07:58 CET",
        " 2026-11-22T14:07:58Z",
        "2026-11-22T14:07:58Z\n",
        "2026-02-29T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-11-22T14:07:58Z",
        "1795356478",
        "now",
    ],
)
def test_what_names_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|no such time"):
        read_time(text)
