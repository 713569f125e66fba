"""The list of work, whatever its titles are."""

import asyncio

from tests.screens.conftest import FakeServices, Open, console, settle, until, words
from warubi_tui.screens.work import Work


async def test_when_it_began_is_in_sight_beside_a_long_title(
    open_console: Open, size: tuple[int, int]
) -> None:
    gate = asyncio.Event()

    async def job(_: Work) -> None:
        await gate.wait()

    async with open_console(FakeServices(), size) as pilot:
        await pilot.press("5")
        title = "Restore main at 2026-11-22 14:05:00Z as main_restored_20261122T140500Z" * 2
        console(pilot).run_work(title, job)
        await until(pilot, lambda: "running" in words(pilot))
        await pilot.pause()
        (row,) = [line for line in words(pilot).splitlines() if "│ ▶  Restore" in line]
        assert row.split("│")[1].rstrip().endswith("14:07:58Z")
        assert "140500Z" in row
        assert "Started" in words(pilot)
        gate.set()
        await settle(pilot)
