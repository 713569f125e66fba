"""The console on a real engine: from the tree to the moment, the copy, and the rows that were lost."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
from textual.pilot import Pilot

from tests.conftest import RunningEngine
from tests.screens.conftest import words
from warubi_tui import timefmt
from warubi_tui.app import WarubiApp, utc_now
from warubi_tui.config import Target
from warubi_tui.screens.live import LiveServices


async def seen(pilot: Pilot[None], *parts: str) -> None:
    """Waits until all of `parts` are on the screen."""
    await holds(pilot, lambda: all(part in words(pilot) for part in parts))


async def holds(pilot: Pilot[None], wanted: Callable[[], bool]) -> None:
    try:
        async with asyncio.timeout(60):
            while not wanted():
                await pilot.pause(0.05)
    except TimeoutError:
        raise AssertionError(f"never came true; the screen says:\n{words(pilot)}") from None


async def hurt(target: Target) -> datetime:
    """Makes a table, notes the time, then deletes three rows and changes one. Returns that time."""
    services = LiveServices(target, zone=UTC, clock=utc_now)
    try:
        client, project = await services.client(), await services.project()
        (main,) = [one for one in await services.branches() if one.default]
        (database,) = await services.databases(main)
        uri = await client.connection_uri(
            project.id, branch_id=main.id, database=database.name, role=database.owner_name
        )
    finally:
        await services.close()
    async with await psycopg.AsyncConnection.connect(uri.reveal(), autocommit=True) as connection:
        await connection.execute("CREATE TABLE orders (id int PRIMARY KEY, status text)")
        await connection.execute("INSERT INTO orders SELECT n, 'paid' FROM generate_series(1, 10) n")
        cursor = await connection.execute("SELECT clock_timestamp()")
        row = await cursor.fetchone()
        assert row is not None
        await connection.execute("DELETE FROM orders WHERE id <= 3")
        await connection.execute("UPDATE orders SET status = NULL WHERE id = 7")
    before: datetime = row[0]
    return before.astimezone(UTC)


async def test_a_deletion_is_found_restored_and_compared(engine: RunningEngine) -> None:
    target = Target(engine.host, engine.key, engine.project_id, "engine", "local")
    before = await hurt(target)
    app = WarubiApp(target, zone=UTC)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await seen(pilot, "1 branch", "history kept")
        await pilot.press("enter")
        await seen(pilot, "commits", "LSN")
        await pilot.press("t")
        await seen(pilot, "Go to a time")
        await pilot.press(*timefmt.rfc3339(before), "enter")
        await seen(pilot, timefmt.utc(before), "last commit", "left out")
        await pilot.press("enter")
        await seen(pilot, "Last commit included", "Undo:")
        await pilot.press("tab", "enter")
        await seen(pilot, "✔ done", "New branch:")
        await pilot.press("d")
        await seen(pilot, "4 rows in 1 of 1 tables differ", "orders")
        await pilot.press("enter")
        await seen(pilot, "3 removed, 0 added, 1 changed", "paid→NULL")
