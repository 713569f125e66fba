from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from tests.history.past import MAIN, PROJECT, REACH, Past
from tests.neon.wire import NOW
from warubi_tui.errors import RefusedError, UsageError
from warubi_tui.history.moment import RestorePoint, resolve_point
from warubi_tui.lsn import Lsn
from warubi_tui.neon.models import Moment

MOMENT = Moment(Lsn(0x500), NOW - timedelta(minutes=16), Lsn(0x508), NOW - timedelta(minutes=14))


async def resolve(past: Past, when: str) -> RestorePoint:
    return await resolve_point(past, PROJECT, MAIN, when, now=NOW, zone=UTC)


async def test_a_time_comes_with_the_commits_it_includes() -> None:
    past = Past(REACH, MOMENT)
    point = await resolve(past, "-15m")
    assert point == RestorePoint("-15m", NOW - timedelta(minutes=15), None, MOMENT)
    assert past.asked == [NOW - timedelta(minutes=15)]


async def test_an_lsn_too() -> None:
    past = Past(REACH, MOMENT)
    assert await resolve(past, "0/500") == RestorePoint("0/500", None, Lsn(0x500), MOMENT)
    assert past.asked == [Lsn(0x500)]


async def test_what_was_chosen_on_the_axis_is_written_out() -> None:
    point = await resolve_point(
        Past(REACH), PROJECT, MAIN, NOW - timedelta(microseconds=1), now=NOW, zone=UTC
    )
    assert point.requested == "2026-11-22 13:59:59.999999Z"
    assert (
        await resolve_point(Past(REACH), PROJECT, MAIN, Lsn(0x500), now=NOW, zone=UTC)
    ).requested == "0/500"


async def test_where_the_server_does_not_tell_the_point_stands_all_the_same() -> None:
    assert (await resolve(Past(), "-15m")).resolved is None
    assert (await resolve(Past(), "F/F")).lsn == Lsn.parse("F/F")


@pytest.mark.parametrize(
    ("when", "word"),
    [
        ("2026-11-22 14:00:01Z", "future"),
        ("+1d", "future"),
        ("0/901", "future"),
        ("-3h", "before"),
        ("0/FF", "before"),
    ],
)
async def test_outside_the_window_is_refused_with_both_ends(when: str, word: str) -> None:
    past = Past(REACH)
    with pytest.raises(RefusedError, match=word) as caught:
        await resolve(past, when)
    assert ("`now` is the newest" in caught.value.hint) == (word == "future")
    assert "2026-11-22 12:00:00Z" in caught.value.detail
    assert "2026-11-22 14:00:00Z" in caught.value.detail
    assert "0/100 to 0/900" in caught.value.detail
    assert past.asked == []


async def test_both_ends_of_the_window_are_inside() -> None:
    for when in ("2026-11-22 12:00Z", "2026-11-22 14:00Z", "0/100", "0/900"):
        await resolve(Past(REACH), when)


async def test_now_is_the_latest_that_the_server_knows() -> None:
    ahead = replace(REACH, end=NOW + timedelta(seconds=2))
    assert (await resolve(Past(ahead), "now")).at == ahead.end


async def test_a_server_that_is_behind_does_not_make_the_present_the_future() -> None:
    behind = replace(REACH, end=NOW - timedelta(minutes=5))
    assert (await resolve(Past(behind), "-1m")).at == NOW - timedelta(minutes=1)


async def test_a_project_without_history_says_so() -> None:
    with pytest.raises(RefusedError, match="keeps no history"):
        await resolve_point(
            Past(), replace(PROJECT, history_retention=timedelta(0)), MAIN, "-1m", now=NOW, zone=UTC
        )


async def test_what_is_not_understood_is_no_refusal() -> None:
    with pytest.raises(UsageError):
        await resolve(Past(REACH), "lunchtime")
