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
    words,
)
from warubi_tui.diff.model import RowDiff, SchemaChange, TableDiff
from warubi_tui.errors import RefusedError
from warubi_tui.history.events import Event
from warubi_tui.text import clean

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
    async with open_console(services, size) as pilot:
        console(pilot).show_diff(services.all_branches[1], services.all_branches[0])
        await settle(pilot)
        assert expected(hostile) in check(pilot, hostile)
        await pilot.press("down")
        await pilot.pause()
        check(pilot, hostile)
        await pilot.press("up", "enter")
        await settle(pilot)
        for _ in range(3):
            assert expected(hostile) in check(pilot, hostile)
            await pilot.press("down", "right")
            await settle(pilot)


async def test_errors_and_good_news(open_console: Open, size: tuple[int, int], hostile: str) -> None:
    services = services_full_of(hostile)
    services.failing["branches"] = RefusedError(hostile[:200], hostile, hostile)
    async with open_console(services, size) as pilot:
        assert expected(hostile) in check(pilot, hostile)
        console(pilot).say(hostile[:300])
        await pilot.pause()
        check(pilot, hostile)
