"""Home: the tree, its faces, and what the keys do."""

import asyncio
from datetime import UTC, timedelta

import pytest
from textual.events import Paste
from textual.widgets import Button, DataTable, Input

from tests.screens.conftest import NOW, FakeServices, Open, branch, console, settle, until, words
from warubi_tui.dialogs.ask import AskDialog
from warubi_tui.errors import RefusedError, UnreachableError
from warubi_tui.screens.branch_rows import branch_rows, columns, original_of, short_time, twigs
from warubi_tui.screens.branches import BranchesScreen
from warubi_tui.screens.work import WorkState
from warubi_tui.widgets.error_panel import ErrorPanel
from warubi_tui.widgets.filter_bar import FilterBar


async def test_the_tree_says_what_a_branch_is(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(FakeServices(), size) as pilot:
        shown = words(pilot)
        assert "└─ copy" in shown
        assert "default protected" in shown
        assert "13:37:58Z" in shown
        assert "30.4 MB" in shown
        await pilot.press("down")
        await pilot.pause()
        assert "main (br-main)" in words(pilot)
        assert "2026-11-22 14:37:58 CET (+01:00)" in words(pilot)


async def test_where_the_clocks_show_utc_a_time_is_said_once(open_console: Open) -> None:
    async with open_console(FakeServices(), (140, 40), zone=UTC) as pilot:
        shown = words(pilot)
        assert "2026-11-22 13:07:58Z" in shown
        assert "UTC" not in shown


async def test_columns_follow_the_width(open_console: Open) -> None:
    async with open_console(FakeServices(), (50, 24)) as pilot:
        assert "Size" not in words(pilot)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "30.4 MB" in words(pilot) and "default protected" in words(pilot))


async def test_the_frame_comes_before_the_branches(open_console: Open) -> None:
    services = FakeServices(gates={"branches": asyncio.Event()})
    async with open_console(services, wait=False) as pilot:
        await until(pilot, lambda: "Asking for the branches" in words(pilot))
        services.gates["branches"].set()
        await until(pilot, lambda: "└─ copy" in words(pilot))


async def test_an_empty_project_says_so(open_console: Open) -> None:
    async with open_console(FakeServices(all_branches=[])) as pilot:
        assert "has no branches" in words(pilot)
        await pilot.press("enter", "b", "d", "e", "x")
        assert isinstance(pilot.app.screen, BranchesScreen)


async def test_a_failure_is_said_in_words_and_can_be_retried(
    open_console: Open, size: tuple[int, int]
) -> None:
    broken = UnreachableError("The server does not answer", "Nothing was changed.", "Check the network.")
    services = FakeServices(failing={"branches": broken})
    async with open_console(services, size) as pilot:
        shown = words(pilot)
        for part in (
            "The server does not answer",
            "Nothing was changed.",
            "Check the network.",
            "r try again",
        ):
            assert part in shown
        services.failing.clear()
        await pilot.press("r")
        await settle(pilot)
        assert "└─ copy" in words(pilot)
        assert not pilot.app.screen.query_one(ErrorPanel).display


async def test_old_rows_stay_and_are_called_stale(open_console: Open) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        services.failing["branches"] = UnreachableError("The server does not answer")
        await pilot.press("r")
        await settle(pilot)
        assert "STALE" in words(pilot)
        assert "└─ copy" in words(pilot)
        await pilot.press("escape")
        assert not pilot.app.screen.query_one(ErrorPanel).display


async def test_the_filter_counts_and_stays_in_sight(open_console: Open) -> None:
    async with open_console(FakeServices()) as pilot:
        await pilot.press("slash", *"cop")
        await pilot.pause()
        assert "1 of 2" in words(pilot)
        assert pilot.app.screen.query_one(DataTable).row_count == 1
        await pilot.press("enter")
        assert pilot.app.screen.query_one(FilterBar).display
        assert isinstance(pilot.app.focused, DataTable)
        await pilot.press("slash", "escape")
        await pilot.pause()
        assert pilot.app.screen.query_one(DataTable).row_count == 2


async def test_rename_refuses_a_taken_name_and_gives_a_new_one(open_console: Open) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        await pilot.press("down", "e")
        await pilot.pause()
        asked = pilot.app.screen.query_one("#answer", Input)
        asked.value = "main"
        await pilot.pause()
        assert pilot.app.screen.query_one("#accept", Button).disabled
        asked.value = "kept"
        await pilot.pause()
        await pilot.press("enter")
        await settle(pilot)
        assert services.done == [("rename", "copy", "kept")]
        assert "kept" in words(pilot)


async def test_delete_needs_the_name_typed(open_console: Open, size: tuple[int, int]) -> None:
    services = FakeServices()
    async with open_console(services, size) as pilot:
        await pilot.press("down", "x")
        await pilot.pause()
        confirm = pilot.app.screen.query_one("#confirm", Button)
        assert pilot.app.focused is pilot.app.screen.query_one("#cancel")
        assert confirm.disabled
        pilot.app.screen.query_one("#typed", Input).focus()
        await pilot.press(*"cop", "enter")
        assert confirm.disabled
        await pilot.press("y")
        await pilot.pause()
        assert not confirm.disabled
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert services.done == [("delete", "copy")]


@pytest.mark.parametrize("key", ["x", "f", "b", "e"])
async def test_the_key_that_opens_a_dialog_does_not_confirm_it(open_console: Open, key: str) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        await pilot.press("down", key, key, key)
        await pilot.press("escape")
        await settle(pilot)
        assert services.done == []


@pytest.mark.parametrize("key", ["x", "f", "b"])
async def test_enter_on_a_fresh_dialog_cancels(open_console: Open, key: str) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        await pilot.press("down", key)
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, BranchesScreen)
        assert services.done == []


async def test_what_is_typed_on_a_fresh_dialog_goes_to_the_field_that_waits(open_console: Open) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        await pilot.press("down", "x")
        await pilot.pause()
        await pilot.press(*"cop1", "enter")
        await pilot.pause()
        assert pilot.app.screen.query_one("#typed", Input).value == "cop1"
        assert "Not the same name" in words(pilot)
        await pilot.press("backspace", "y")
        await pilot.pause()
        assert "Not the same name" not in words(pilot)
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert services.done == [("delete", "copy")]


async def test_a_name_pasted_on_a_fresh_dialog_goes_to_the_field_that_waits(open_console: Open) -> None:
    async with open_console(FakeServices()) as pilot:
        await pilot.press("down", "x")
        await pilot.pause()
        pilot.app.post_message(Paste("copy\n"))
        await pilot.pause()
        assert pilot.app.screen.query_one("#typed", Input).value == "copy"


async def test_the_default_branch_is_not_made_the_default_again(open_console: Open) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        await pilot.press("f")
        await settle(pilot)
        assert "main is the default branch already" in words(pilot)
        assert services.done == []


async def test_deleting_says_what_the_server_will_refuse(open_console: Open) -> None:
    async with open_console(FakeServices()) as pilot:
        await pilot.press("x")
        await pilot.pause()
        shown = words(pilot)
        assert "It is the default branch" in shown
        assert "It is protected" in shown
        assert "It has children (copy)" in shown


async def test_the_name_a_branch_has_is_no_error(open_console: Open) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        await pilot.press("e")
        await pilot.pause()
        assert "This is its name now" in words(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert services.done == []


async def test_an_empty_answer_is_not_taken(open_console: Open) -> None:
    async with open_console(FakeServices()) as pilot:
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("t")
        await pilot.pause()
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, AskDialog)


async def test_taking_protection_away_needs_the_name_and_giving_it_does_not(open_console: Open) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        await pilot.press("p")
        await pilot.pause()
        pilot.app.screen.query_one("#typed", Input).value = "main"
        await pilot.pause()
        await pilot.click("#confirm")
        await settle(pilot)
        await pilot.press("down", "p")
        await settle(pilot)
        assert services.done == [("protect", "main", False), ("protect", "copy", True)]


async def test_production_starts_read_only(open_console: Open, size: tuple[int, int]) -> None:
    services = FakeServices()
    async with open_console(services, size, environment="production") as pilot:
        assert "PRODUCTION" in words(pilot)
        assert "read-only" in words(pilot)
        assert "w allows changes" in words(pilot)
        await pilot.press("down", "x", "b", "e", "p", "f")
        await settle(pilot)
        assert isinstance(pilot.app.screen, BranchesScreen)
        assert services.done == []
        await pilot.press("w", "x")
        await pilot.pause()
        assert "can write" in words(pilot)
        assert pilot.app.screen.query_one("#confirm", Button).disabled


async def test_a_refused_change_reaches_the_error_panel(open_console: Open) -> None:
    services = FakeServices(failing={"rename": RefusedError("The server refused", "name already exists")})
    async with open_console(services) as pilot:
        await pilot.press("e")
        await pilot.pause()
        pilot.app.screen.query_one("#answer", Input).value = "other"
        await pilot.pause()
        await pilot.press("enter")
        await settle(pilot)
        assert "name already exists" in words(pilot)
        assert [one.state for one in console(pilot).works] == [WorkState.FAILED]


async def test_the_cursor_stays_on_its_branch_when_the_list_changes(open_console: Open) -> None:
    services = FakeServices()
    async with open_console(services) as pilot:
        await pilot.press("down")
        services.all_branches.insert(1, branch("another", "main", created_at=NOW - timedelta(hours=2)))
        await pilot.press("r")
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, BranchesScreen)
        assert screen.selected is not None
        assert screen.selected.name == "copy"


async def test_ages_grow_while_one_looks(open_console: Open) -> None:
    services = FakeServices(
        all_branches=[branch("main", default=True, created_at=NOW - timedelta(seconds=50))]
    )
    async with open_console(services, (120, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, BranchesScreen)
        assert str(screen.table.get_cell("br-main", "Age")) == "50 s"
        console(pilot).now = lambda: NOW + timedelta(seconds=15)
        screen.refresh_ages()
        await pilot.pause()
        assert str(screen.table.get_cell("br-main", "Age")) == "1 min"
        assert "1 min ago" in words(pilot)


async def test_a_kept_state_is_put_back_over_its_branch_once_the_name_is_typed(
    open_console: Open, size: tuple[int, int]
) -> None:
    kept = branch("main_old_20261122T140758Z", "main")
    services = FakeServices(all_branches=[branch("main", default=True, protected=True), kept])
    async with open_console(services, size) as pilot:
        await pilot.press("u")
        await settle(pilot)
        assert isinstance(pilot.app.screen, BranchesScreen), "main keeps no state of another branch"
        await pilot.press("down", "u")
        await until(pilot, lambda: "Put this back over main?" in words(pilot))
        shown = words(pilot)
        for part in ("Overwrites: every database of main", kept.name, "Undo: warubi restore main --in-place"):
            assert part in shown
        assert "Put back" in shown
        confirm = pilot.app.screen.query_one("#confirm", Button)
        await pilot.press(*"mai", "enter")
        assert confirm.disabled
        await pilot.press("n", "enter", "enter")
        await settle(pilot)
        assert services.done == [("restore", "in_place", "main", "main")]
        assert f"Put {kept.name} back over main" in words(pilot)


def test_whose_state_a_branch_keeps_is_in_its_name() -> None:
    main, kept = branch("main"), branch("main_old_20261122T140758Z")
    assert original_of(kept, [main, kept]) == main
    assert original_of(kept, [kept]) is None
    assert original_of(main, [main, kept]) is None
    assert original_of(branch("main_old_photos"), [main]) is None


async def test_the_connection_string_is_masked_until_asked_for(
    open_console: Open, size: tuple[int, int]
) -> None:
    async with open_console(FakeServices(), size) as pilot:
        await pilot.press("down", "c")
        await until(pilot, lambda: "Connection string of copy" in words(pilot))
        assert "127.0.0.1:1/copy" in words(pilot)
        assert "hunter2" not in words(pilot)
        await pilot.press("v")
        await pilot.pause()
        assert "hunter2" in words(pilot)
        await pilot.press("c", "escape")
        await settle(pilot)
        assert pilot.app.clipboard == "postgresql://owner:hunter2@127.0.0.1:1/copy"
        assert "hunter2" not in words(pilot)


async def test_siblings_hang_on_one_line_and_long_names_differ_by_their_ends(open_console: Open) -> None:
    stamps = ("20261122T140758Z", "20261122T140801Z")
    copies = [branch(f"main_restored_after_the_accident_{stamp}", "main") for stamp in stamps]
    inner = branch("inner", copies[0].name)
    main = branch("main", default=True)
    async with open_console(FakeServices(all_branches=[main, *copies, inner])) as pilot:
        shown = words(pilot)
        assert "├─ main_rest" in shown
        assert "│ └─ inner" in shown
        assert "└─ main_rest" in shown
        assert "140758Z" in shown
        assert "140801Z" in shown


def test_twigs_of_a_forest() -> None:
    assert twigs([0, 1, 2, 3, 2, 1, 0, 1, 2]) == [
        "",
        "├─ ",
        "│ ├─ ",
        "│ │ └─ ",
        "│ └─ ",
        "└─ ",
        "",
        "└─ ",
        "  └─ ",
    ]


def test_a_thousand_rows_at_most() -> None:
    many = [branch(f"b{number}") for number in range(1_500)]
    assert len(branch_rows(many, "", NOW)) == 1_000
    assert [row.branch.name for row in branch_rows(many, "b1499", NOW)] == ["b1499"]


@pytest.mark.parametrize("room", [40, 60, 77, 90, 140])
def test_columns_fit_their_room(room: int) -> None:
    chosen = columns(room)
    assert sum(width + 2 for _, width in chosen) <= max(room, 26)
    assert chosen[0][0] == "Branch"


def test_short_times() -> None:
    assert short_time(NOW - timedelta(hours=3), NOW) == "11:07:58Z"
    assert short_time(NOW - timedelta(days=3), NOW) == "2026-11-19"
