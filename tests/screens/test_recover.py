"""The Recover screen, driven by keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.conftest import RunningEngine
from tests.recovery.fake_inspector import FakeInspector
from tests.recovery.fake_neon import PROJECT, FakeNeon
from tests.screens.conftest import HOSTILE, FakeServices, Open, settle, until, words
from warubi_tui import paths
from warubi_tui.app import WarubiApp
from warubi_tui.config import Target
from warubi_tui.neon.models import Branch
from warubi_tui.recovery.inspector import Comparison, TableDifference, TableProof
from warubi_tui.recovery.lookup import Patience
from warubi_tui.screens.recover import RecoverScreen
from warubi_tui.text import clean
from warubi_tui.widgets.error_panel import ErrorPanel

if TYPE_CHECKING:
    from warubi_tui.neon.client import NeonClient

WIDE = (140, 40)


@dataclass
class RecoverServices(FakeServices):
    """Services whose client talks to a Neon in memory."""

    neon: FakeNeon = field(default_factory=FakeNeon)

    async def client(self) -> "NeonClient":
        return self.neon.client()

    async def branches(self) -> list[Branch]:
        return await self.neon.client().branches(PROJECT)


@dataclass
class Recovery:
    """A Recover screen on top of the console, and everything around it."""

    pilot: Pilot[None]
    services: RecoverServices
    screen: RecoverScreen

    @property
    def app(self) -> WarubiApp:
        assert isinstance(self.pilot.app, WarubiApp)
        return self.pilot.app

    @property
    def panel(self) -> ErrorPanel:
        return self.screen.query_one(ErrorPanel)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def fill(self, text: str) -> None:
        """Waits for a dialog with an input, types into it and submits."""
        await until(self.pilot, lambda: bool(self.app.screen.query(Input)))
        self.app.screen.query_one(Input).value = text
        await self.pilot.pause()
        await self.press("enter")
        if self.app.screen.query("#confirm"):
            await self.press("enter")
        await self.rest()

    async def rest(self) -> None:
        """Waits until the screen is in front again and nothing is running."""
        await until(
            self.pilot,
            lambda: (
                self.app.screen is self.screen
                and not self.app.running_works
                and not any(worker.is_running for worker in self.app.workers)
            ),
        )
        await self.pilot.pause()

    async def go(self) -> None:
        """Presses enter until the current step is begun."""
        guide = self.screen.guide
        assert guide is not None
        if self.screen.selected_step != guide.current:
            await self.press("enter")
        await self.press("enter")

    async def begin(self, down: int = 0) -> None:
        await self.press(*["down"] * down, "enter")
        await self.fill("main")

    def state(self, key: str) -> str:
        assert self.screen.guide is not None
        return self.screen.guide.incident.record(key).state

    def evidence(self, key: str) -> list[str]:
        assert self.screen.guide is not None
        return [check.evidence for check in self.screen.guide.incident.record(key).checks]

    async def copy_made(self) -> None:
        """Goes on to the comparison."""
        await self.begin()
        await self.go()
        await self.fill("an UPDATE without WHERE")
        await self.go()
        await self.fill("2026-11-22T14:05:03.5Z")
        await self.go()
        await until(self.pilot, lambda: bool(self.app.screen.query(Input)))
        self.app.screen.query_one(Input).value = "rescue"
        await self.pilot.pause()
        await self.press("enter")
        await self.confirm()

    async def confirm(self, typed: str | None = None) -> None:
        """Waits for the confirmation and gives it."""
        await until(self.pilot, lambda: bool(self.app.screen.query("#confirm")))
        if typed is not None:
            self.app.screen.query_one("#typed", Input).value = typed
            await self.pilot.pause()
        self.app.screen.query_one("#confirm").focus()
        await self.press("enter")
        await self.rest()


@asynccontextmanager
async def recovery(
    open_console: Open,
    size: tuple[int, int] = WIDE,
    *,
    neon: FakeNeon | None = None,
    inspector: FakeInspector | None = None,
    environment: str = "demo",
) -> AsyncIterator[Recovery]:
    services = RecoverServices(neon=neon or FakeNeon(at_once=True))
    looks = inspector or FakeInspector()
    async with open_console(services, size, environment=environment) as pilot:
        screen = RecoverScreen(lambda client, clock, readable: looks, Patience(1, timedelta(0)))
        await pilot.app.push_screen(screen)
        await settle(pilot)
        await until(pilot, lambda: screen.incidents.option_count > 0)
        yield Recovery(pilot, services, screen)


async def test_scenarios_are_listed(open_console: Open, size: tuple[int, int]) -> None:
    async with recovery(open_console, size) as at:
        shown = words(at.pilot)
        assert "Accidental deletion" in shown
        assert "Database corruption" in shown
        assert "Schema migration gone wrong" in shown


async def test_key_4_opens_the_screen_and_escape_goes_home(open_console: Open) -> None:
    async with open_console(RecoverServices(), WIDE) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.screen, RecoverScreen))
        await until(pilot, lambda: "Accidental deletion" in words(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, RecoverScreen))


async def test_whole_recovery_with_the_keyboard(open_console: Open, size: tuple[int, int]) -> None:
    async with recovery(open_console, size) as at:
        await at.copy_made()
        assert at.state("copy") == "done"
        await at.go()
        await at.rest()
        assert "40 removed" in words(at.pilot)
        await at.go()
        await until(at.pilot, lambda: bool(at.app.screen.query("#options")))
        await at.press("enter")
        await at.rest()
        await at.go()
        await until(at.pilot, lambda: bool(at.app.screen.query("#typed")))
        preview = words(at.pilot)
        assert "Overwrites: every database of main" in preview
        await at.confirm("main")
        assert at.state("in_place") == "done"
        await at.go()
        await at.rest()
        assert at.state("prove") == "done"
        await at.go()
        await at.fill("the shop sells")
        assert at.screen.guide is not None
        assert at.screen.guide.current is None
        assert "every step is done" in words(at.pilot)
        posts = at.services.neon.sent("POST")
        assert [path.split("/")[-1] for path in posts] == ["branches", "restore"]


async def test_step_says_what_it_asks_checked_and_how_to_undo(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.copy_made()
        at.screen.steps.highlighted = 2
        await at.pilot.pause()
        shown = words(at.pilot)
        for part in ("Asks:", "Checked", "pass", "Connection", "Safe:", "Undo: Delete the copy."):
            assert part in shown


async def test_wrong_name_leaves_the_button_dead(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.copy_made()
        await at.go()
        await at.rest()
        await at.go()
        await until(at.pilot, lambda: bool(at.app.screen.query("#options")))
        await at.press("enter")
        await at.rest()
        await at.go()
        await until(at.pilot, lambda: bool(at.app.screen.query("#typed")))
        at.app.screen.query_one("#typed", Input).value = "Main"
        await at.pilot.pause()
        assert at.app.screen.query_one("#confirm").disabled
        await at.press("escape")
        await at.rest()
        assert at.state("in_place") == "todo"
        assert len(at.services.neon.sent("POST")) == 1


async def test_incident_survives_leaving_the_screen_and_the_process(open_console: Open) -> None:
    neon = FakeNeon(at_once=True)
    async with recovery(open_console, neon=neon) as at:
        await at.copy_made()
        await at.press("escape")
        await until(at.pilot, lambda: "3 steps done, last: Restore a copy" in words(at.pilot))
    async with recovery(open_console, neon=neon) as at:
        await until(at.pilot, lambda: at.screen.incidents.option_count == 4)
        await at.press("down", "down", "down", "enter")
        await until(at.pilot, lambda: at.screen.guide is not None)
        assert at.screen.guide is not None
        assert at.screen.guide.current is not None
        assert at.screen.guide.current.key == "compare"
        assert len(neon.sent("POST")) == 1


async def test_incident_is_kept_from_its_beginning(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.begin()
        await at.press("escape")
        await until(at.pilot, lambda: "open, 0 steps done" in words(at.pilot))


async def test_lost_answer_is_shown_and_looked_up_by_key(open_console: Open) -> None:
    neon = FakeNeon(at_once=True)
    async with recovery(open_console, neon=neon) as at:
        neon.lose("POST", "/branches$", happens=False)
        await at.copy_made()
        assert at.state("copy") == "unknown"
        assert "not known" in str(at.panel.error)
        await at.press("escape")
        assert "outcome unknown" in words(at.pilot)
        neon.add_branch("rescue", parent_id="br-main", parent_lsn="0/2000000")
        await at.press("l")
        await at.rest()
        assert at.state("copy") == "done"
        assert len(neon.sent("POST")) == 1


async def test_held_step_is_accepted_with_a_reason(open_console: Open) -> None:
    async with recovery(open_console, inspector=FakeInspector(unreachable=True)) as at:
        await at.copy_made()
        assert at.state("copy") == "held"
        assert "unknown" in words(at.pilot)
        await at.press("a")
        await at.fill("the compute is being resized")
        assert at.state("copy") == "done"


async def test_restore_is_undone_by_key(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.copy_made()
        await at.go()
        await at.rest()
        await at.go()
        await until(at.pilot, lambda: bool(at.app.screen.query("#options")))
        await at.press("enter")
        await at.rest()
        await at.go()
        await at.confirm("main")
        kept = at.services.neon.named("main_old_20261122T140758Z")
        assert kept is not None
        kept["name"] = "main_old_1"
        await at.press("u")
        await until(at.pilot, lambda: bool(at.app.screen.query("#typed")))
        preview = words(at.pilot)
        assert "Undo: Restore in place" in preview
        assert "State: as main_old_1 is now" in preview
        assert "that moment" not in preview
        await at.confirm("main")
        assert at.state("in_place") == "todo"
        assert at.services.neon.branches["br-main"]["restored_from"]["source_branch_id"] == kept["id"]
        shown = words(at.pilot)
        assert "undone 2026-11-22 14:07:58Z" in shown
        assert "kept:" in shown
        assert "Undone at 2026-11-22 14:07:58Z" in shown
        assert shown.count("main_old_20261122T140758Z") == 2
        await at.press("x")
        await until(at.pilot, lambda: bool(at.app.screen.query("#confirm")))
        left = words(at.pilot)
        for name in ("rescue (br-rescue)", f"main_old_1 ({kept['id']})", "main_old_20261122T140758Z ("):
            assert name in left
        await at.press("escape")
        await at.rest()
        await at.press("escape")
        await until(at.pilot, lambda: "undone 2026-11-22 14:07:58Z: Restore in place" in words(at.pilot))


async def test_enter_goes_on_wherever_the_focus_is(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.begin()
        await at.press("tab")
        assert at.app.focused is not at.screen.steps
        await at.press("enter")
        await at.fill("an UPDATE without WHERE")
        assert at.state("describe") == "done"


async def test_incident_is_closed_and_brought_back(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.begin()
        await at.press("escape")
        await until(at.pilot, lambda: at.screen.incidents.option_count == 4)
        await at.press("x")
        assert not at.app.screen.query("#confirm")
        await at.press("down", "down", "down", "x")
        await until(at.pilot, lambda: bool(at.app.screen.query("#confirm")))
        assert "nothing is deleted on the server" in words(at.pilot)
        assert "It is not finished" in words(at.pilot)
        await at.confirm()
        await until(at.pilot, lambda: "1 closed: h shows" in words(at.pilot))
        assert at.screen.incidents.option_count == 3
        await at.press("h")
        await until(at.pilot, lambda: "closed 2026-11-22 14:07:58Z" in words(at.pilot))
        await at.press("down", "down", "down", "x")
        await until(at.pilot, lambda: "open, 0 steps done" in words(at.pilot))
        await at.press("h")
        await at.rest()
        assert "open, 0 steps done" in words(at.pilot)


async def test_connection_string_is_masked_until_it_is_asked_for(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.begin()
        await at.press("c")
        await until(at.pilot, lambda: "Connection string of main" in words(at.pilot))
        assert "shop_owner:••••••@127.0.0.1" in words(at.pilot)
        await at.press("v")
        assert "shop_owner:pw@127.0.0.1" in words(at.pilot)
        await at.press("v")
        assert "shop_owner:pw@" not in words(at.pilot)
        await at.press("c")
        assert at.app.clipboard == "postgresql://shop_owner:pw@127.0.0.1:1/shop"


async def test_proof_that_failed_is_neither_green_nor_called_done(open_console: Open) -> None:
    unequal = [TableProof("shop", "public.orders", False, 120)]
    inspector = FakeInspector(proofs=unequal, at_restore=unequal)
    async with recovery(open_console, inspector=inspector) as at:
        await at.copy_made()
        await at.go()
        await at.rest()
        await at.go()
        await until(at.pilot, lambda: bool(at.app.screen.query("#options")))
        await at.press("enter")
        await at.rest()
        await at.go()
        await at.confirm("main")
        await at.go()
        await at.rest()
        assert at.state("prove") == "held"
        await until(at.pilot, lambda: "Held by a check: Prove the result" in words(at.pilot))
        assert "! 7. Prove the result" in words(at.pilot)
        await at.press("a")
        await at.fill("known")
        assert "! 7. Prove the result" in words(at.pilot)
        assert "accepted, not passed" in words(at.pilot)


async def test_read_only_console_changes_nothing_and_says_so(open_console: Open) -> None:
    async with recovery(open_console, environment="production") as at:
        await at.begin()
        await at.go()
        await at.fill("an UPDATE without WHERE")
        await at.go()
        await at.fill("2026-11-22T14:05:03.5Z")
        await at.go()
        await at.rest()
        assert "read-only" in str(at.panel.error)
        assert at.services.neon.sent("POST") == []


async def test_what_became_read_only_while_it_was_confirmed_is_not_sent(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.begin()
        await at.go()
        await at.fill("an UPDATE without WHERE")
        await at.go()
        await at.fill("2026-11-22T14:05:03.5Z")
        await at.go()
        await until(at.pilot, lambda: bool(at.app.screen.query(Input)))
        at.app.screen.query_one(Input).value = "rescue"
        await at.pilot.pause()
        await at.press("enter")
        await until(at.pilot, lambda: bool(at.app.screen.query("#confirm")))
        at.app.read_only = True
        await at.confirm()
        assert "read-only" in str(at.panel.error)
        assert at.services.neon.sent("POST") == []


async def test_moment_is_echoed_in_utc_and_local_while_typing(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.begin()
        await at.go()
        await at.fill("an UPDATE without WHERE")
        await at.go()
        await until(at.pilot, lambda: bool(at.app.screen.query(Input)))
        at.app.screen.query_one(Input).value = "15:05:03.5"
        await until(at.pilot, lambda: "2026-11-22 14:05:03.5" in words(at.pilot))
        assert "15:05:03.5" in words(at.pilot)
        at.app.screen.query_one(Input).value = "15:05 CET"
        await until(at.pilot, lambda: "✖" in words(at.pilot))


async def test_work_goes_on_while_the_person_is_elsewhere(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.copy_made()
        await at.go()
        await at.pilot.press("escape")
        await at.rest()
        await until(at.pilot, lambda: at.screen.guide is None or at.state("compare") == "done")
        assert at.app.works[0].title == "Look at the difference: main"


async def test_unreadable_incident_is_listed_and_left(open_console: Open) -> None:
    folder = paths.make_private(paths.state_dir() / "incidents")
    (folder / "20260101T000000-abcdef.json").write_text("torn")
    async with recovery(open_console) as at:
        assert "cannot be read: 20260101T000000-abcdef.json" in words(at.pilot)
        assert (folder / "20260101T000000-abcdef.json").read_text() == "torn"


async def test_log_is_shown_and_closed(open_console: Open) -> None:
    async with recovery(open_console) as at:
        await at.copy_made()
        await at.press("o")
        assert "restored the copy rescue (br-rescue)" in words(at.pilot)
        await at.press("escape")
        assert "Asks:" in words(at.pilot)


@pytest.mark.parametrize("hostile", [" ".join(HOSTILE[:-1]), HOSTILE[-1]], ids=["short", "long"])
async def test_foreign_text_is_drawn_as_text(open_console: Open, hostile: str) -> None:
    neon = FakeNeon(at_once=True)
    neon.branches["br-main"]["name"] = hostile
    lost = Comparison((TableDifference(hostile, hostile, 1, 0, 0),), (hostile,))
    async with recovery(open_console, neon=neon, inspector=FakeInspector(comparison=lost)) as at:
        await at.press("enter")
        await at.fill("br-main")
        await at.go()
        await at.fill(hostile)
        assert at.state("describe") == "done"
        assert at.panel.error is None
        assert clean(hostile)[:20] in words(at.pilot)
        await at.go()
        await at.fill("2026-11-22T14:05:03.5Z")
        await at.go()
        await until(at.pilot, lambda: bool(at.app.screen.query(Input)))
        at.app.screen.query_one(Input).value = "rescue"
        await at.pilot.pause()
        await at.go()
        await at.confirm()
        await at.go()
        await at.rest()
        at.screen.steps.highlighted = 3
        await at.press("o")
        await at.press("o")
        assert at.panel.error is None
        assert "\x1b" not in words(at.pilot)
        assert "\x00" not in words(at.pilot)


async def test_recovery_on_a_real_engine(engine: RunningEngine) -> None:
    target = Target(engine.host, engine.key, engine.project_id, "engine", "demo")
    app = WarubiApp(target, zone=UTC)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        client = await app.services.client()
        (main,) = await client.branches(engine.project_id)
        (database,) = await client.databases(engine.project_id, main.id)
        uri = await client.connection_uri(
            engine.project_id, branch_id=main.id, database=database.name, role=database.owner_name
        )
        with psycopg.connect(uri.reveal(), autocommit=True) as connection:
            connection.execute("CREATE TABLE orders AS SELECT generate_series(1, 40) AS id")
            moment = connection.execute("SELECT clock_timestamp()::text").fetchone()
            connection.execute("DELETE FROM orders WHERE id > 30")
        assert moment is not None
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, RecoverScreen))
        assert isinstance(app.screen, RecoverScreen)
        screen = app.screen
        await until(pilot, lambda: screen.incidents.option_count > 0)
        at = Recovery(pilot, RecoverServices(), screen)
        await at.press("enter")
        await at.fill(main.name)
        for answer in ("ten orders are gone", moment[0]):
            await at.go()
            await at.fill(answer)
        await at.go()
        await until(pilot, lambda: bool(app.screen.query(Input)))
        await at.press("enter")
        await at.confirm()
        await at.go()
        await at.rest()
        assert "10 removed, 0 added, 0 changed" in at.evidence("compare")
        await at.go()
        await until(pilot, lambda: bool(app.screen.query("#options")))
        await at.press("enter")
        await at.rest()
        await at.go()
        await at.confirm(main.name)
        assert at.state("in_place") == "done"
        await at.go()
        await at.rest()
        assert at.state("prove") == "done"
        assert "1 of 1 tables equal those of the copy, now" in at.evidence("prove")
