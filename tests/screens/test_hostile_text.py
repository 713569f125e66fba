"""Names, values and messages that would break markup, the terminal or the layout are drawn as text."""

from dataclasses import replace
from datetime import timedelta

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.screens.conftest import (
    HOSTILE,
    NOW,
    FakeComparison,
    FakeServices,
    Open,
    branch,
    console,
    settle,
    until,
    words,
)
from warubi_tui.dialogs.condition import ConditionDialog
from warubi_tui.dialogs.pick import PickDialog
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.diff.model import RowDiff, SchemaChange, TableDiff
from warubi_tui.errors import RefusedError, UsageError
from warubi_tui.history.events import Event
from warubi_tui.screens.diff_rows import RowsScreen
from warubi_tui.text import clean
from warubi_tui.widgets.ask_bar import AskBar

SIZES = ((80, 24), (140, 40))

pytestmark = pytest.mark.parametrize(
    ("hostile", "size"),
    [(text, SIZES[number % 2]) for number, text in enumerate(HOSTILE)],
    ids=range(len(HOSTILE)),
)


def services_full_of(hostile: str) -> FakeServices:
    table = TableDiff("public", hostile, (hostile,), 1, 1, 1, "key", 0.1, None, 3, {hostile: 1})
    values = {hostile: hostile, "plain": hostile}
    rows = [
        RowDiff("public", hostile, "changed", values, values, {**values, "plain": None}, ("plain",)),
        RowDiff("public", hostile, "removed", values, values, None),
        RowDiff("public", hostile, "added", values, None, values),
    ]
    compare = FakeComparison(
        [table, replace(table, table="other", not_compared=hostile)],
        rows,
        [SchemaChange("column_type", hostile, hostile, hostile, hostile, hostile)],
    )
    compare.notes.append(hostile)
    compare.unified = f"-{hostile}\n"
    return FakeServices(
        all_branches=[
            branch(
                hostile, default=True, id="br-main", created_by=hostile, restricted=(("restore", hostile),)
            ),
            branch("copy", hostile, parent_id="br-main", pending_state=hostile),
        ],
        all_events=[Event(NOW - timedelta(hours=1), "branch", hostile, "br-copy", hostile)],
        compare=compare,
    )


def check(pilot: Pilot[None], hostile: str) -> str:
    """Nothing on the screen obeys the text; returns what is shown."""
    assert console(pilot).is_running
    shown = words(pilot)
    assert not [char for char in shown if (ord(char) < 32 and char != "\n") or char in "\x7f\x9b\u202e"]
    for strip in pilot.app.screen._compositor.render_strips():
        for segment in strip:
            assert segment.style is None or "quit" not in str(segment.style.meta)
            assert segment.style is None or segment.style.link is None
    return shown


def expected(hostile: str) -> str:
    return clean(hostile)[:12]


async def test_branches_and_their_dialogs(open_console: Open, size: tuple[int, int], hostile: str) -> None:
    async with open_console(services_full_of(hostile), size) as pilot:
        assert expected(hostile) in check(pilot, hostile)
        for key in ("e", "x", "f", "d"):
            await pilot.press(key)
            await pilot.pause()
            assert expected(hostile) in check(pilot, hostile)
            await pilot.press("escape")
        await pilot.press("slash")
        pilot.app.screen.query_one("FilterBar Input", Input).value = clean(hostile)
        await pilot.pause()
        check(pilot, hostile)


async def test_timeline_and_restore(open_console: Open, size: tuple[int, int], hostile: str) -> None:
    async with open_console(services_full_of(hostile), size) as pilot:
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("p")
        await settle(pilot)
        assert expected(hostile) in check(pilot, hostile)
        await pilot.press("enter")
        await settle(pilot)
        assert expected(hostile) in check(pilot, hostile)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert expected(hostile) in check(pilot, hostile)


async def test_tables_rows_and_values(open_console: Open, size: tuple[int, int], hostile: str) -> None:
    services = services_full_of(hostile)
    services.compare.found = [Finding("removed", 1, 1, hostile, clean(hostile)[:200], "then", 0)]
    async with open_console(services, size) as pilot:
        console(pilot).show_diff(services.all_branches[1], services.all_branches[0])
        await settle(pilot)
        assert expected(hostile) in check(pilot, hostile)
        await pilot.press("down")
        await pilot.pause()
        check(pilot, hostile)
        for key in ("v", "u", "escape", "up", "enter"):
            await pilot.press(key)
            await settle(pilot)
            assert expected(hostile) in check(pilot, hostile)
        for _ in range(3):
            await pilot.press("down", "right")
            await settle(pilot)
            assert expected(hostile) in check(pilot, hostile)


async def test_what_is_done_with_rows(open_console: Open, size: tuple[int, int], hostile: str) -> None:
    services = services_full_of(hostile)
    services.compare.condition_error = UsageError(hostile[:200], hostile, hostile)
    async with open_console(services, size) as pilot:
        console(pilot).show_diff(services.all_branches[1], services.all_branches[0])
        await settle(pilot)
        await pilot.press("enter", "p")
        await settle(pilot)
        assert expected(hostile) in check(pilot, hostile)
        await pilot.press("enter")
        await settle(pilot)
        assert expected(hostile) in check(pilot, hostile)
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("g")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickDialog))
        await pilot.pause()
        assert expected(hostile) in check(pilot, hostile)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RowsScreen))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConditionDialog))
        await pilot.pause()
        await pilot.press("x", "enter")
        await until(pilot, lambda: "✖" in words(pilot))
        assert expected(hostile) in check(pilot, hostile)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RowsScreen))
        await pilot.press("slash")
        pilot.app.screen.query_one(AskBar).input.value = clean(hostile)[:100]
        await pilot.press("enter")
        await settle(pilot)
        assert expected(hostile) in check(pilot, hostile)


async def test_errors_and_good_news(open_console: Open, size: tuple[int, int], hostile: str) -> None:
    services = services_full_of(hostile)
    services.failing["branches"] = RefusedError(hostile[:200], hostile, hostile)
    async with open_console(services, size) as pilot:
        assert expected(hostile) in check(pilot, hostile)
        console(pilot).say(hostile[:300])
        await pilot.pause()
        check(pilot, hostile)
