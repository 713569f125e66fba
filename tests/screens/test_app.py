"""What holds for the whole console: keys and help, the way between screens, the way out, and crashes."""

import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from tests.screens.conftest import FakeServices, Open, console, settle, words
from warubi_tui.app import WarubiApp
from warubi_tui.dialogs.ask import AskDialog
from warubi_tui.dialogs.compare import CompareDialog
from warubi_tui.dialogs.confirm import ConfirmDialog
from warubi_tui.dialogs.frame import Dialog
from warubi_tui.dialogs.pick import PickDialog
from warubi_tui.dialogs.restore import RestoreDialog
from warubi_tui.screens.branches import BranchesScreen, BranchTable
from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.screens.diff import DiffScreen, TablesTable
from warubi_tui.screens.diff_rows import RowsScreen
from warubi_tui.screens.diff_schema import SchemaScreen
from warubi_tui.screens.diff_value import ValueScreen
from warubi_tui.screens.help import HelpScreen
from warubi_tui.screens.timeline import TimelineScreen
from warubi_tui.screens.work_list import WorkScreen
from warubi_tui.widgets.ask_bar import AskBar
from warubi_tui.widgets.filter_bar import FilterBar
from warubi_tui.widgets.grid.view import RowGrid
from warubi_tui.widgets.timeline.view import TimelineView

WITH_KEYS: tuple[type[DOMNode], ...] = (
    WarubiApp,
    ConsoleScreen,
    BranchesScreen,
    BranchTable,
    TimelineScreen,
    TimelineView,
    DiffScreen,
    TablesTable,
    RowsScreen,
    ValueScreen,
    SchemaScreen,
    AskBar,
    PickDialog,
    RowGrid,
    WorkScreen,
    HelpScreen,
    FilterBar,
    Dialog,
    ConfirmDialog,
    AskDialog,
    CompareDialog,
    RestoreDialog,
)


def own_bindings() -> Iterator[Binding]:
    for owner in WITH_KEYS:
        for binding in vars(owner).get("BINDINGS", ()):
            assert isinstance(binding, Binding), f"{owner.__name__} has a binding without an id"
            yield binding


def test_every_key_has_an_id_a_name_and_an_explanation() -> None:
    bindings = list(own_bindings())
    assert all(one.id and one.description and one.tooltip for one in bindings)
    ids = [one.id for one in bindings]
    assert len(ids) == len(set(ids))


def test_no_key_is_one_that_terminals_confuse() -> None:
    keys = {key for one in own_bindings() for key in one.key.split(",")}
    assert not keys & {"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+b", "ctrl+a"}


@pytest.mark.parametrize("key", ["1", "2", "3", "5"])
async def test_the_header_is_on_every_screen(open_console: Open, size: tuple[int, int], key: str) -> None:
    async with open_console(FakeServices(), size) as pilot:
        await pilot.press(key)
        await settle(pilot)
        header = words(pilot).splitlines()[0]
        for part in ("DEMO", "engine", "shop", "can write", "14:07:58Z", "15:07 CET"):
            assert part in header


async def test_help_lists_the_keys_of_the_screen(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(FakeServices(), size) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        shown = words(pilot)
        assert "Branches: help" in shown
        assert re.search(r"⏎ +Timeline +Its history on a time axis", shown)
        assert "Cursor up" not in shown
        assert "Focus Next" not in shown
        await pilot.press("escape", "2")
        await settle(pilot)
        await pilot.press("f1")
        await pilot.pause()
        assert "Timeline: help" in words(pilot)
        assert "Zoom" in words(pilot)


async def test_the_footer_fits_eighty_columns(open_console: Open) -> None:
    async with open_console(FakeServices()) as pilot:
        for key in ("1", "2", "3", "5"):
            await pilot.press(key)
            await settle(pilot)
            assert words(pilot).splitlines()[-1].rstrip().endswith("q Quit")


async def test_the_palette_offers_what_the_keys_do(open_console: Open) -> None:
    async with open_console(FakeServices(), (140, 40)) as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"rename")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert "Rename…" in words(pilot)


async def test_q_leaves_and_closes_the_services(open_console: Open) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert not console(pilot).is_running
    assert services.closed
    assert console(pilot).return_code == 0


async def test_an_unexpected_error_in_a_worker_does_not_end_the_console(open_console: Open) -> None:
    services = FakeServices(failing={"branches": KeyError("postgresql://u:hunter2@h/db")})
    async with open_console(services, (140, 40)) as pilot:
        shown = words(pilot)
        assert "Something in warubi itself failed" in shown
        assert "hunter2" not in shown
        assert console(pilot).is_running


CRASH = """
import sys
from datetime import UTC
from warubi_tui.app import WarubiApp
from warubi_tui.config import Target
from warubi_tui.secret import Secret

KEY = Secret("napi_hunter2")

def broken_clock():
    row = {"card": "4111-of-a-" + "customer"}
    raise ValueError(f"no connection with {KEY.reveal()}")

target = Target("http://127.0.0.1:1/api/v2", KEY, "p", "engine", "demo")
app = WarubiApp(target, zone=UTC, clock=broken_clock)
app.run(headless=True)
sys.exit(app.return_code)
"""


def test_a_crash_prints_no_secret_and_no_values(tmp_path: Path) -> None:
    script = tmp_path / "crashing.py"
    script.write_text(CRASH)
    ended = subprocess.run(
        [sys.executable, str(script)],
        env={"WARUBI_HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "warubi stopped: ValueError" in said
    for secret in ("hunter2", "4111", "Traceback", "broken_clock"):
        assert secret not in said
    (log,) = (tmp_path / "state").glob("crash-*.log")
    assert str(log) in said
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    written = log.read_text()
    assert "broken_clock" in written
    assert "hunter2" not in written
    assert "4111-of-a-customer" not in written
