from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.history.past import MAIN, PROJECT, REACH, Past
from tests.neon.wire import NOW
from warubi_tui.history.window import history_window

HOUR = timedelta(hours=1)


async def test_the_server_knows_best() -> None:
    window = await history_window(Past(REACH), PROJECT, MAIN, NOW)
    assert (window.start, window.end) == (REACH.start, REACH.end)
    assert (window.start_lsn, window.end_lsn, window.source) == (REACH.start_lsn, REACH.end_lsn, "server")


@pytest.mark.parametrize(
    ("created", "reset", "start"),
    [
        (NOW - 50 * HOUR, None, NOW - 6 * HOUR),
        (NOW - HOUR, None, NOW - HOUR),
        (NOW - 50 * HOUR, NOW - 2 * HOUR, NOW - 2 * HOUR),
    ],
    ids=["retention", "born later", "restored later"],
)
async def test_without_it_the_shortest_of_what_is_known_counts(
    created: datetime, reset: datetime | None, start: datetime
) -> None:
    branch = replace(MAIN, created_at=created, last_reset_at=reset)
    window = await history_window(Past(), PROJECT, branch, NOW)
    assert (window.start, window.end, window.source) == (start, NOW, "computed")
    assert not window.empty


async def test_a_project_may_keep_nothing() -> None:
    window = await history_window(Past(), replace(PROJECT, history_retention=timedelta(0)), MAIN, NOW)
    assert window.empty


async def test_a_clock_that_is_behind_gives_no_window_that_ends_before_it_starts() -> None:
    window = await history_window(Past(), PROJECT, replace(MAIN, created_at=NOW + HOUR), NOW)
    assert window.start == window.end == NOW
