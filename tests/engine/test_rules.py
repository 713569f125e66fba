"""When a backup schedule's rules want a snapshot: at full hours of UTC, in every month there is."""

from datetime import UTC, datetime

import pytest

from warubi_tui.engine.rules import Rule


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "now", "due"),
    [
        (Rule("hourly"), "2026-11-22T14:00:00", "2026-11-22T14:00:00"),
        (Rule("hourly", hour=3), "2026-11-22T14:59:59.999999", "2026-11-22T14:00:00"),
        (Rule("daily"), "2026-11-22T00:00:00", "2026-11-22T00:00:00"),
        (Rule("daily", hour=3), "2026-11-22T02:59:59.999999", "2026-11-21T03:00:00"),
        (Rule("daily", hour=3), "2026-01-01T00:00:00", "2025-12-31T03:00:00"),
        (Rule("weekly", day=7, hour=23), "2026-11-22T23:00:00", "2026-11-22T23:00:00"),
        (Rule("weekly", day=7, hour=23), "2026-11-22T22:59:59", "2026-11-15T23:00:00"),
        (Rule("weekly"), "2026-11-22T22:59:59", "2026-11-16T00:00:00"),
        (Rule("weekly", day=2), "2026-11-23T00:00:00", "2026-11-17T00:00:00"),
        (Rule("monthly"), "2026-11-22T00:00:00", "2026-11-01T00:00:00"),
        (Rule("monthly", day=31, hour=5), "2026-11-30T05:00:00", "2026-11-30T05:00:00"),
        (Rule("monthly", day=31, hour=5), "2026-11-30T04:00:00", "2026-10-31T05:00:00"),
        (Rule("monthly", day=31), "2028-03-01T00:00:00", "2028-02-29T00:00:00"),
        (Rule("monthly", day=5), "2026-01-04T23:00:00", "2025-12-05T00:00:00"),
        (Rule("yearly"), "2026-11-22T00:00:00", "2026-01-01T00:00:00"),
        (Rule("yearly", hour=6, day=24, month=12), "2026-12-24T06:00:00", "2026-12-24T06:00:00"),
        (Rule("yearly", hour=6, day=24, month=12), "2026-12-24T05:59:59", "2025-12-24T06:00:00"),
        (Rule("yearly", day=29, month=2), "2026-11-22T00:00:00", "2026-02-28T00:00:00"),
        (Rule("yearly", day=29, month=2), "2028-02-29T00:00:00", "2028-02-29T00:00:00"),
    ],
)
def test_the_last_moment_at_or_before_now(rule: Rule, now: str, due: str) -> None:
    assert rule.last_due(utc(now)) == utc(due)
