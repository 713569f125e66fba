"""Temporary branches are deleted, whatever becomes of those who look into them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, timedelta

import psycopg
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, RadioButton

from tests.commands.neon_server import NeonServer, Reply
from tests.conftest import RunningEngine, ThrowawayPostgres
from tests.neon.wire import PROJECT_ID, branch_json
from tests.screens.conftest import branch, console, seen, target_of, target_on, until, words
from warubi_tui.app import WarubiApp
from warubi_tui.dialogs.restore import RestoreDialog
from warubi_tui.errors import RefusedError
from warubi_tui.neon.client import NeonClient
from warubi_tui.neon.models import Branch
from warubi_tui.screens.previews import Previews

WIDE = (140, 40)
AT_FIRST = {"br-main-1", "br-kept"}


class Making:
    """A preview whose making and deleting wait until the test lets them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.may_make = asyncio.Event()
        self.may_delete = asyncio.Event()
        self.begun = asyncio.Event()
        self.error = error
        self.done: list[str] = []

    @asynccontextmanager
    async def preview(self) -> AsyncIterator[Branch]:
        self.begun.set()
        await self.may_make.wait()
        if self.error is not None:
            raise self.error
        self.done.append("made")
        try:
            yield branch("past")
        finally:
            await self.may_delete.wait()
            self.done.append("deleted")


async def look(previews: Previews, making: Making) -> str:
    async with previews.open(making.preview()) as past:
        return past.name


async def test_the_end_of_a_look_does_not_wait_for_the_deletion() -> None:
    previews, making = Previews(), Making()
    making.may_make.set()
    assert await look(previews, making) == "past"
    assert making.done == ["made"]
    making.may_delete.set()
    assert await previews.close()
    assert making.done == ["made", "deleted"]


async def test_cancelling_does_not_interrupt_the_making_and_the_branch_is_deleted() -> None:
    previews, making = Previews(), Making()
    looking = asyncio.create_task(look(previews, making))
    await making.begun.wait()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    making.may_make.set()
    making.may_delete.set()
    assert await previews.close()
    assert making.done == ["made", "deleted"]


async def test_an_error_of_the_making_reaches_who_looks() -> None:
    previews, making = Previews(), Making(RefusedError("too many branches"))
    making.may_make.set()
    with pytest.raises(RefusedError, match="too many branches"):
        await look(previews, making)
    assert await previews.close()


async def test_closing_does_not_wait_for_ever() -> None:
    previews, making = Previews(), Making()
    making.may_make.set()
    await look(previews, making)
    assert not await previews.close(timedelta(0))


class Kept:
    """A small Neon with main and a kept branch that has no compute.

    Connection strings and deletions can be held back.
    """

    def __init__(self, neon: NeonServer, postgres: ThrowawayPostgres) -> None:
        self.neon = neon
        self.may_connect = threading.Event()
        self.may_delete = threading.Event()
        self.may_delete.set()
        self.asked = threading.Event()
        self.refuses_to_delete = False
        neon.branches["br-kept"] = branch_json("br-kept", "kept", parent_id="br-main-1")
        neon.uris["br-main-1"] = postgres.create_database()
        neon.uris["preview"] = postgres.create_database()
        with psycopg.connect(neon.uris["preview"], autocommit=True) as connection:
            connection.execute("CREATE TABLE gone (id int PRIMARY KEY)")
        neon.answer = self._answer

    def _answer(self, method: str, path: str) -> Reply | None:
        if method == "DELETE" and self.refuses_to_delete:
            return 422, {"code": "", "message": "not now"}
        if path == f"/projects/{PROJECT_ID}/endpoints":
            return 200, {"endpoints": []}
        if method == "DELETE":
            self.may_delete.wait(30)
        if path.endswith("/connection_uri"):
            self.asked.set()
            self.may_connect.wait(30)
        return None

    @property
    def branches(self) -> set[str]:
        return set(self.neon.branches)


@pytest.fixture
def kept(neon: NeonServer, postgres: ThrowawayPostgres) -> Iterator[Kept]:
    server = Kept(neon, postgres)
    yield server
    server.may_connect.set()
    server.may_delete.set()


@asynccontextmanager
async def comparing(kept: Kept) -> AsyncIterator[Pilot[None]]:
    """The console while it opens the comparison of main and the kept branch."""
    app = WarubiApp(target_of(kept.neon), zone=UTC)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await seen(pilot, "2 branches")
        main, other = sorted(await app.services.branches(), key=lambda one: one.id, reverse=True)
        app.show_diff(main, other)
        await until(pilot, kept.asked.is_set)
        assert kept.branches > AT_FIRST
        yield pilot


async def test_a_branch_without_a_compute_is_compared_and_the_screen_says_how(kept: Kept) -> None:
    async with comparing(kept) as pilot:
        await seen(pilot, "kept has no compute: read from a temporary branch", "Opening both databases")
        kept.may_connect.set()
        await seen(pilot, "table added: public.gone", "kept has no compute")
        await until(pilot, lambda: kept.branches == AT_FIRST)


async def test_a_stopped_comparison_leaves_no_branch(kept: Kept) -> None:
    async with comparing(kept) as pilot:
        await pilot.press("s")
        await until(pilot, lambda: kept.branches == AT_FIRST)
        assert "Not compared" in words(pilot)


async def test_a_comparison_whose_screen_was_left_leaves_no_branch(kept: Kept) -> None:
    async with comparing(kept) as pilot:
        await pilot.press("1")
        kept.may_connect.set()
        await until(pilot, lambda: kept.branches == AT_FIRST)


async def test_leaving_the_console_waits_until_no_branch_is_left(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_previews, disconnect = Previews.close, NeonClient.close
    when_disconnected: list[set[str]] = []

    async def closing(previews: Previews) -> bool:
        kept.may_delete.set()
        return await close_previews(previews)

    async def disconnecting(client: NeonClient) -> None:
        when_disconnected.append(kept.branches)
        await disconnect(client)

    monkeypatch.setattr(Previews, "close", closing)
    monkeypatch.setattr(NeonClient, "close", disconnecting)
    kept.may_delete.clear()
    async with comparing(kept) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: not console(pilot).is_running)
    assert when_disconnected == [AT_FIRST]


async def test_a_branch_that_could_not_be_deleted_is_named(kept: Kept) -> None:
    kept.refuses_to_delete = True
    async with comparing(kept) as pilot:
        kept.may_connect.set()
        await seen(pilot, "A temporary branch was left behind", "kept_preview_", "warubi branch delete")


async def test_a_branch_that_could_not_be_deleted_is_named_after_the_console_is_gone(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.refuses_to_delete = True
    async with comparing(kept) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: not console(pilot).is_running)
    assert "kept_preview_" in capsys.readouterr().err


async def test_what_a_restore_in_place_kept_is_compared_on_a_real_engine(engine: RunningEngine) -> None:
    app = WarubiApp(target_on(engine), zone=UTC)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await seen(pilot, "history kept", "main")
        (main,) = await app.services.branches()
        (database,) = await app.services.databases(main)
        client = await app.services.client()
        uri = await client.connection_uri(
            engine.project_id, branch_id=main.id, database=database.name, role=database.owner_name
        )
        with psycopg.connect(uri.reveal(), autocommit=True) as connection:
            connection.execute("CREATE TABLE orders AS SELECT generate_series(1, 40) AS id")
            moment = connection.execute("SELECT clock_timestamp()::text").fetchone()
            connection.execute("DELETE FROM orders WHERE id > 30")
        assert moment is not None
        await pilot.press("b")
        await seen(pilot, "Restore main")
        dialog = app.screen
        assert isinstance(dialog, RestoreDialog)
        dialog.when.value = moment[0]
        dialog.query_one("#in-place", RadioButton).value = True
        await until(pilot, lambda: dialog.plan is not None and dialog.plan.kind == "in_place")
        dialog.query_one("#typed", Input).value = "main"
        await until(pilot, lambda: not dialog.confirm.disabled)
        await pilot.click("#restore")
        await seen(pilot, "✔ done", "Kept as:")
        await pilot.press("d")
        await seen(pilot, "10 rows in 1 of 1 tables differ", "has no compute: read from a temporary branch")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    async with NeonClient(engine.host, engine.key) as client:
        names = {one.name for one in await client.branches(engine.project_id)}
    assert len(names) == 2
    assert not any("preview" in name for name in names)
