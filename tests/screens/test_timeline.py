"""The time axis on a screen: moving, typing, snapping, what a moment holds, and going on to restore."""

import asyncio
import re
from datetime import UTC, timedelta

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.screens.conftest import NOW, WINDOW, FakeServices, Open, console, settle, until, words
from warubi_tui.dialogs.restore import RestoreDialog
from warubi_tui.errors import RefusedError
from warubi_tui.history.events import Event
from warubi_tui.screens.timeline import TimelineScreen

MADE = NOW - timedelta(minutes=30)


def eventful(*, knows_commits: bool = True) -> FakeServices:
    """Services with a branch made half an hour ago and an old restore, before the window."""
    return FakeServices(
        all_events=[
            Event(NOW - timedelta(days=3), "created", "main was created", "br-main", "It is a root branch."),
            Event(NOW - timedelta(hours=9), "restore", "main was overwritten", "br-main", ""),
            Event(MADE, "branch", "copy branches off", "br-copy", "Made a minute later."),
        ],
        knows_commits=knows_commits,
    )


def timeline(pilot: Pilot[None]) -> TimelineScreen:
    screen = pilot.app.screen
    assert isinstance(screen, TimelineScreen)
    return screen


async def to_timeline(pilot: Pilot[None]) -> TimelineScreen:
    await pilot.press("enter")
    await settle(pilot)
    return timeline(pilot)


async def test_the_axis_shows_window_activity_and_events(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(eventful(), size) as pilot:
        await to_timeline(pilot)
        await until(pilot, lambda: "commits" in words(pilot))
        shown = words(pilot)
        for part in ("2026-11-21 12:07:58Z", "UTC", "CET", "copy branches off", "main was overwritten", "▲"):
            assert part in shown
        assert "█" in shown


async def test_without_activity_the_lane_is_not_there(open_console: Open) -> None:
    async with open_console(eventful(knows_commits=False)) as pilot:
        screen = await to_timeline(pilot)
        await until(pilot, lambda: screen.axis.activity is None)
        await until(pilot, lambda: "the server tells it" in words(pilot))
        assert "commits" not in words(pilot)


async def test_the_readout_says_utc_local_age_and_lsn(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(eventful(), size) as pilot:
        await to_timeline(pilot)
        await pilot.press("p")
        await until(pilot, lambda: "0/1DE2850" in words(pilot))
        shown = words(pilot)
        for part in ("2026-11-22 13:37:58Z", "30 min ago", "2026-11-22 14:37:58 CET (+01:00)", "0/1DE2900"):
            assert part in shown
        assert "◇ copy branches off" in shown


async def test_where_the_clocks_show_utc_it_is_said_once(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(eventful(), size, zone=UTC) as pilot:
        await to_timeline(pilot)
        await until(pilot, lambda: "0/1DE2850" in words(pilot))
        shown = words(pilot)
        assert shown.count("UTC ") == 2, "the row of the axis and the readout"
        assert "local" not in shown


async def test_snapping_walks_the_events_and_stays_in_the_window(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        screen = await to_timeline(pilot)
        seen = []
        for _ in range(4):
            await pilot.press("p")
            seen.append(screen.cursor)
        assert seen == [MADE, NOW - timedelta(hours=9), WINDOW.start, WINDOW.start]
        await pilot.press("n", "n")
        assert screen.cursor == MADE


async def test_typing_a_time_goes_there_to_the_microsecond(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        screen = await to_timeline(pilot)
        await pilot.press("t")
        await pilot.pause()
        asked = pilot.app.screen.query_one("#answer", Input)
        asked.value = "14:05:00.123456"
        await pilot.pause()
        assert "2026-11-22 13:05:00.123456Z" in words(pilot)
        assert "2026-11-22 14:05:00.123456 CET" in words(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert screen.cursor == NOW - timedelta(hours=1, minutes=2, seconds=57, microseconds=876_544)


async def test_typing_an_lsn_goes_to_its_commit(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        screen = await to_timeline(pilot)
        await pilot.press("t")
        await pilot.pause()
        pilot.app.screen.query_one("#answer", Input).value = "0/1de2850"
        await pilot.pause()
        assert "LSN 0/1DE2850: to the last commit up to there" in words(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: screen.cursor == NOW - timedelta(minutes=20))


async def test_an_lsn_that_the_server_cannot_place_is_an_error_in_words(open_console: Open) -> None:
    async with open_console(eventful(knows_commits=False)) as pilot:
        screen = await to_timeline(pilot)
        before = screen.cursor
        await pilot.press("t")
        await pilot.pause()
        pilot.app.screen.query_one("#answer", Input).value = "0/1DE2850"
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "The time of LSN 0/1DE2850 is not known" in words(pilot))
        assert screen.cursor == before


async def test_where_no_event_is_left_it_is_said(open_console: Open) -> None:
    async with open_console(FakeServices()) as pilot:
        await to_timeline(pilot)
        await pilot.press("p")
        await until(pilot, lambda: "There is no event before the cursor" in words(pilot))
        await pilot.press("n")
        await until(pilot, lambda: "There is no event after the cursor" in words(pilot))


async def test_a_time_that_cannot_be_read_is_refused_where_it_was_typed(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        screen = await to_timeline(pilot)
        before = screen.cursor
        await pilot.press("t")
        await pilot.pause()
        pilot.app.screen.query_one("#answer", Input).value = "14:05 EST"
        await pilot.pause()
        assert "EST does not say which offset" in words(pilot)
        await pilot.press("enter", "escape")
        await settle(pilot)
        assert screen.cursor == before


async def test_zoom_keeps_the_cursor_in_its_cell_and_reaches_milliseconds(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        screen = await to_timeline(pilot)
        await pilot.press("p")
        assert screen.axis.viewport is not None
        cell = screen.axis.viewport.cell_of(screen.axis.cursor)
        for _ in range(20):
            await pilot.press("plus")
            assert screen.axis.viewport.cell_of(screen.axis.cursor) == cell
        assert screen.axis.viewport.span < 200_000
        assert re.search(r"\d\d:\d\d\.\d{3} ", words(pilot))
        assert re.search(r"shown 2026-11-22 13:37:5\d\.\d{3}Z  +[0-9]+ ms.*13:37:58\.\d{3}Z", words(pilot))
        await pilot.press("0")
        assert screen.axis.viewport == screen.axis.viewport.fit()


async def test_moving_never_leaves_the_window(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        screen = await to_timeline(pilot)
        for keys in (
            ("right", "pagedown", "end"),
            ("home", "left", "pageup"),
            ("plus", "left", "shift+left"),
        ):
            await pilot.press(*keys)
            assert WINDOW.start <= screen.cursor <= WINDOW.end
            view = screen.axis.viewport
            assert view is not None
            assert view.first <= view.start < view.end <= view.last + 1


async def test_commits_are_walked_where_the_server_knows_them(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        screen = await to_timeline(pilot)
        await pilot.press("p")
        await until(pilot, lambda: screen.moment is not None)
        await pilot.press("right_square_bracket")
        assert screen.cursor == MADE + timedelta(seconds=1)
        await until(pilot, lambda: screen.moment is not None)
        await pilot.press("left_square_bracket")
        assert screen.cursor == MADE - timedelta(microseconds=1)


async def test_a_moment_that_cannot_be_told_is_an_error_in_words(open_console: Open) -> None:
    services = eventful()
    services.failing["moment"] = RefusedError("The server refused that moment")
    async with open_console(services) as pilot:
        await to_timeline(pilot)
        await until(pilot, lambda: "The server refused that moment" in words(pilot))


async def test_enter_opens_the_restore_dialog_on_the_moment(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        await to_timeline(pilot)
        await pilot.press("p", "enter")
        await settle(pilot)
        dialog = pilot.app.screen
        assert isinstance(dialog, RestoreDialog)
        assert dialog.when.value == "2026-11-22 13:37:58Z"


async def test_a_second_enter_cancels(open_console: Open) -> None:
    services = eventful()
    async with open_console(services) as pilot:
        await to_timeline(pilot)
        await pilot.press("enter", "enter")
        await settle(pilot)
        timeline(pilot)
        assert services.done == []


async def test_a_click_moves_the_cursor_and_the_wheel_zooms_there(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        screen = await to_timeline(pilot)
        await pilot.click(screen.axis, offset=(40, 6))
        view = screen.axis.viewport
        assert view is not None
        assert view.cell_of(screen.axis.cursor) == 40 - 2 - 9


async def test_it_opens_on_the_default_branch(open_console: Open) -> None:
    async with open_console(eventful()) as pilot:
        await pilot.press("2")
        await settle(pilot)
        assert timeline(pilot).subject == "main"


async def test_another_branch_does_not_show_the_history_of_the_last_one(open_console: Open) -> None:
    services = eventful()
    async with open_console(services) as pilot:
        await to_timeline(pilot)
        services.gates["window"] = asyncio.Event()
        await pilot.press("1", "down", "enter")
        await pilot.pause()
        assert timeline(pilot).axis.viewport is None
        assert "Asking for the history of copy" in words(pilot)
        services.gates["window"].set()
        await settle(pilot)
        assert timeline(pilot).window is not None


@pytest.mark.parametrize("shape", [(40, 12), (20, 8), (200, 60)])
async def test_any_terminal_will_do(open_console: Open, shape: tuple[int, int]) -> None:
    async with open_console(eventful(), shape) as pilot:
        await to_timeline(pilot)
        await pilot.resize_terminal(80, 24)
        await pilot.resize_terminal(*shape)
        await settle(pilot)
        assert console(pilot).return_code is None
