"""From the restore dialog through the work to the comparison."""

import asyncio

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Button, Input, RadioButton

from tests.screens.conftest import FakeServices, Open, branch, console, settle, until, words
from warubi_tui.dialogs.restore import RestoreDialog
from warubi_tui.errors import UnknownOutcomeError, WarubiError
from warubi_tui.screens.branches import BranchesScreen
from warubi_tui.screens.diff import DiffScreen
from warubi_tui.screens.work import WorkState
from warubi_tui.screens.work_list import WorkScreen


async def to_dialog(pilot: Pilot[None], when: str = "-15m") -> RestoreDialog:
    """Opens the dialog on main and types a time."""
    await pilot.press("b")
    await pilot.pause()
    dialog = pilot.app.screen
    assert isinstance(dialog, RestoreDialog)
    dialog.when.value = when
    await until(pilot, lambda: dialog.plan is not None or "✖" in words(pilot) or not when)
    await settle(pilot)
    return dialog


async def confirm_copy(pilot: Pilot[None]) -> None:
    await to_dialog(pilot)
    await pilot.press("tab", "enter")
    await settle(pilot)


async def test_the_dialog_states_what_it_will_do(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(FakeServices(), size) as pilot:
        await to_dialog(pilot)
        shown = words(pilot)
        for part in (
            "Restore main",
            "2026-11-22 13:52:58Z",
            "14:52:58 CET",
            "0/1DE2850",
            "Kept:",
            "main_restored",
        ):
            assert part in shown
        assert pilot.app.focused is pilot.app.screen.query_one("#cancel")


async def test_a_copy_is_made_and_compared(open_console: Open, size: tuple[int, int]) -> None:
    services = FakeServices()
    async with open_console(services, size) as pilot:
        await confirm_copy(pilot)
        assert services.done == [("restore", "copy", "main_restored", None)]
        assert isinstance(pilot.app.screen, WorkScreen)
        shown = words(pilot)
        assert "✔ done" in shown
        assert "✔ make the branch" in shown
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DiffScreen)
        assert services.done[-1] == ("compare", "main_restored", "main", None)


async def test_in_place_needs_the_name_typed(open_console: Open, size: tuple[int, int]) -> None:
    services = FakeServices()
    async with open_console(services, size) as pilot:
        dialog = await to_dialog(pilot)
        dialog.query_one("#in-place", RadioButton).value = True
        await until(pilot, lambda: dialog.plan is not None and dialog.plan.kind == "in_place")
        assert "Overwrites:" in words(pilot)
        assert "Type main to confirm" in words(pilot)
        confirm = dialog.query_one("#restore", Button)
        assert confirm.disabled
        typed = dialog.query_one("#typed", Input)
        typed.focus()
        await pilot.press(*"mai", "enter")
        assert confirm.disabled
        await pilot.press("n", "enter", "enter")
        await settle(pilot)
        assert services.done == [("restore", "in_place", "main", "main")]
        assert "main_old" in words(pilot)


async def test_one_key_goes_from_a_copy_to_in_place_and_the_chosen_one_is_marked(
    open_console: Open, size: tuple[int, int]
) -> None:
    main = branch("main", id="br-patient-river-12345678", default=True, protected=True)
    async with open_console(FakeServices(all_branches=[main]), size) as pilot:
        dialog = await to_dialog(pilot, "13:52:58.123456Z")
        assert "(●) a copy beside it" in words(pilot)
        assert "( ) in place, overwrites it" in words(pilot)
        assert "f2 changes" in words(pilot)
        await pilot.press("f2")
        await until(pilot, lambda: dialog.plan is not None and dialog.plan.kind == "in_place")
        await pilot.pause()
        shown = words(pilot)
        assert "( ) a copy beside it" in shown
        assert "(●) in place, overwrites it" in shown
        for part in (
            "br-patient-river-12345678",
            "2026-11-22 13:52:58.123456Z",
            "14:52:58.123456 CET",
            "LSN 0/1DE2850",
            "Kept: the state of now",
            "Undo: warubi restore main --in-place --from main_old --confirm main",
            "Type main to confirm",
        ):
            assert part in shown
        await pilot.press("f2")
        assert not dialog.in_place


async def test_a_plan_that_is_not_on_screen_cannot_be_confirmed(open_console: Open) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        dialog = await to_dialog(pilot)
        services.gates["resolve"] = asyncio.Event()
        dialog.when.value = "-20m"
        await pilot.pause()
        assert dialog.confirm.disabled
        services.gates["resolve"].set()
        await until(pilot, lambda: not dialog.confirm.disabled)
        assert dialog.plan is not None
        assert dialog.plan.point is not None
        assert dialog.plan.point.requested == "-20m"


@pytest.mark.parametrize(
    ("when", "why"), [("2020-01-01 00:00Z", "before the history window"), ("soon", "No such")]
)
async def test_a_moment_that_cannot_be_restored_is_refused_in_the_dialog(
    open_console: Open, when: str, why: str
) -> None:
    async with open_console(FakeServices()) as pilot:
        dialog = await to_dialog(pilot, when)
        assert why in words(pilot)
        assert dialog.confirm.disabled


async def test_a_restore_goes_on_when_its_screen_is_left(open_console: Open) -> None:
    services = FakeServices(gates={"restore": asyncio.Event()})
    async with open_console(services) as pilot:
        await to_dialog(pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: bool(console(pilot).works and console(pilot).works[0].operations))
        assert "running" in words(pilot)
        await pilot.press("1")
        await pilot.pause()
        assert isinstance(pilot.app.screen, BranchesScreen)
        services.gates["restore"].set()
        await until(pilot, lambda: console(pilot).works[0].state is WorkState.DONE)
        await until(pilot, lambda: "main_restored" in words(pilot))
        await pilot.press("5")
        await pilot.pause()
        assert "✔ done" in words(pilot)


async def test_leaving_asks_while_something_runs(open_console: Open) -> None:
    services = FakeServices(gates={"restore": asyncio.Event()})
    async with open_console(services) as pilot:
        await to_dialog(pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: bool(console(pilot).running_works))
        await pilot.press("q")
        await pilot.pause()
        assert "Still running" in words(pilot)
        await pilot.press("enter", "ctrl+q")
        await pilot.pause()
        assert "Still running" in words(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert console(pilot).is_running
        services.gates["restore"].set()
        await settle(pilot)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (WarubiError("The operation failed", "disk is full", "Make room."), WorkState.FAILED),
        (UnknownOutcomeError("The answer was lost", "It may have happened."), WorkState.UNKNOWN),
        (ZeroDivisionError("division by zero"), WorkState.FAILED),
    ],
)
async def test_a_restore_that_fails_says_so_in_its_work_and_in_the_panel(
    open_console: Open, error: Exception, state: WorkState
) -> None:
    services = FakeServices(failing={"restore": error})
    async with open_console(services, (140, 40)) as pilot:
        await confirm_copy(pilot)
        assert console(pilot).works[0].state is state
        shown = words(pilot)
        assert state.value in shown
        assert str(error).splitlines()[0] in shown


async def test_an_unexpected_error_in_the_dialog_is_said_and_does_not_end_the_console(
    open_console: Open,
) -> None:
    async with open_console(
        FakeServices(failing={"resolve": ZeroDivisionError("division by zero")})
    ) as pilot:
        await pilot.press("b")
        await pilot.pause()
        pilot.app.screen.query_one("#when", Input).value = "-5m"
        await until(pilot, lambda: "Something in warubi itself failed" in words(pilot))
        assert isinstance(pilot.app.screen, BranchesScreen)


async def test_no_character_is_lost_of_what_is_typed_in_one_go(open_console: Open) -> None:
    async with open_console(FakeServices()) as pilot:
        await pilot.press("b")
        await pilot.pause()
        dialog = pilot.app.screen
        assert isinstance(dialog, RestoreDialog)
        for character in "13:52:58.123456Z":
            pilot.app.post_message(Key(character, character))
        await until(pilot, lambda: dialog.plan is not None)
        assert dialog.when.value == "13:52:58.123456Z"


async def test_a_time_typed_at_once_goes_to_the_time(open_console: Open) -> None:
    async with open_console(FakeServices()) as pilot:
        await pilot.press("b")
        await pilot.pause()
        await pilot.press(*"-5m")
        dialog = pilot.app.screen
        assert isinstance(dialog, RestoreDialog)
        assert dialog.when.value == "-5m"
        await until(pilot, lambda: dialog.plan is not None)
        await pilot.press("enter")
        assert pilot.app.focused is dialog.confirm
