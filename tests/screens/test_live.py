"""The live services: on a small Neon what they refuse and look up; on a real engine the whole way.

The way goes from the tree to the moment, the copy, and the rows that were lost.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import psycopg
import pytest

from tests.commands.neon_server import NeonServer, Reply
from tests.conftest import RunningEngine
from tests.neon.wire import PROJECT_ID
from tests.screens.conftest import ignore, seen, target_of, target_on
from warubi_tui import timefmt
from warubi_tui.app import WarubiApp, utc_now
from warubi_tui.config import Target
from warubi_tui.errors import RefusedError, UsageError
from warubi_tui.neon.models import Branch
from warubi_tui.recovery.restore import RestorePlan
from warubi_tui.screens.live import LiveServices

Change = Callable[[LiveServices, Branch], Awaitable[object]]


def live(target: Target, *, read_only: bool = False) -> LiveServices:
    return LiveServices(target, zone=UTC, clock=utc_now, read_only=lambda: read_only, left_behind=pytest.fail)


@asynccontextmanager
async def on_neon(neon: NeonServer, *, read_only: bool = False) -> AsyncIterator[tuple[LiveServices, Branch]]:
    """The services and the branch main of a small Neon."""
    services = live(target_of(neon), read_only=read_only)
    try:
        (main,) = await services.branches()
        yield services, main
    finally:
        await services.close()


async def restore(services: LiveServices, branch: Branch) -> object:
    plan = RestorePlan(await services.project(), "copy", branch, None, None, "copy", None, ())
    return await services.restore(plan, None, ignore)


CHANGES: dict[str, Change] = {
    "rename": lambda services, branch: services.rename(branch, "other", ignore),
    "protect": lambda services, branch: services.protect(branch, True, ignore),
    "set_default": lambda services, branch: services.set_default(branch, ignore),
    "delete": lambda services, branch: services.delete(branch, ignore),
    "restore": restore,
}


@pytest.mark.parametrize("name", CHANGES)
async def test_nothing_is_sent_while_the_console_is_read_only(neon: NeonServer, name: str) -> None:
    async with on_neon(neon, read_only=True) as (services, main):
        with pytest.raises(RefusedError, match="read-only"):
            await CHANGES[name](services, main)
    assert neon.changes == []


async def test_a_branch_without_a_compute_is_not_compared_while_read_only(neon: NeonServer) -> None:
    async with on_neon(neon, read_only=True) as (services, main):
        with pytest.raises(RefusedError, match="temporary branch"):
            async with services.comparison(main, main, None, ignore):
                pytest.fail("was opened")
    assert neon.changes == []


@pytest.mark.parametrize("name", CHANGES)
async def test_every_change_is_sent_once_and_seen_through(neon: NeonServer, name: str) -> None:
    async with on_neon(neon) as (services, main):
        await CHANGES[name](services, main)
    assert len(neon.changes) == 1


@pytest.mark.parametrize(
    ("name", "happens"),
    [
        ("rename", lambda branches: branches["br-main-1"].update(name="other")),
        ("protect", lambda branches: branches["br-main-1"].update(protected=True)),
        ("set_default", lambda branches: branches["br-main-1"].update(default=True)),
        ("delete", lambda branches: branches.pop("br-main-1")),
    ],
)
async def test_a_lost_answer_is_looked_up_and_nothing_is_sent_again(
    neon: NeonServer, name: str, happens: Callable[[dict[str, dict[str, object]]], object]
) -> None:
    def answer(method: str, _: str) -> Reply | None:
        if method == "GET":
            return None
        happens(neon.branches)
        return 504, {"code": "", "message": "timeout"}

    async with on_neon(neon) as (services, main):
        neon.answer = answer
        await CHANGES[name](services, main)
    assert len(neon.changes) == 1


async def test_operations_of_a_change_are_told(neon: NeonServer) -> None:
    told: list[str] = []
    async with on_neon(neon) as (services, main):
        await services.protect(main, True, lambda operations: told.extend(one.status for one in operations))
    assert told == ["running", "finished"]


async def test_the_only_project_is_meant_when_none_is_named(neon: NeonServer) -> None:
    services = live(target_of(neon, None))
    assert (await services.project()).id == PROJECT_ID
    await services.close()


async def test_a_key_without_projects_is_told_the_option(neon: NeonServer) -> None:
    neon.answer = lambda method, path: (200, {"projects": []}) if path == "/projects" else None
    services = live(target_of(neon, None))
    with pytest.raises(UsageError) as refused:
        await services.project()
    assert "--project-id" in refused.value.hint
    await services.close()


async def hurt(target: Target) -> datetime:
    """Makes a table, notes the time, then deletes three rows and changes one. Returns that time."""
    services = live(target)
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
    target = target_on(engine)
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
        await seen(pilot, "3 removed, 1 changed", "paid→NULL")
