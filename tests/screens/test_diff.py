"""The comparison on a screen: tables as they finish, then rows, then one row in full."""

import asyncio

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Select

from tests.screens.conftest import (
    FakeComparison,
    FakeServices,
    Open,
    branch,
    console,
    seen,
    settle,
    until,
    words,
)
from warubi_tui.dialogs.compare import CompareDialog
from warubi_tui.diff.model import Progress, RowDiff, SchemaChange, TableDiff, TableProgress
from warubi_tui.errors import UnreachableError
from warubi_tui.screens.diff import DiffScreen
from warubi_tui.screens.diff_rows import RowsScreen
from warubi_tui.screens.diff_schema import SchemaScreen
from warubi_tui.widgets.grid.view import RowGrid
from warubi_tui.widgets.values.full import row_lines

TABLES = [
    TableDiff("public", "orders", ("id",), 2, 1, 1, "key", 0.4, None, 4, {"status": 1}),
    TableDiff("public", "customers", ("id",), method="key"),
    TableDiff("audit", "log", not_compared="no right to read it", method="none"),
]
ROWS = [
    RowDiff("public", "orders", "removed", {"id": "1"}, {"id": "1", "status": "paid", "note": None}, None),
    RowDiff("public", "orders", "removed", {"id": "2"}, {"id": "2", "status": "paid", "note": ""}, None),
    RowDiff("public", "orders", "added", {"id": "3"}, None, {"id": "3", "status": "NULL", "note": None}),
    RowDiff(
        "public",
        "orders",
        "changed",
        {"id": "4"},
        {"id": "4", "status": "paid", "note": None},
        {"id": "4", "status": "cancelled", "note": None},
        ("status",),
    ),
]
CHANGES = [SchemaChange("column_added", "public", "orders", "flag", None, "boolean")]


def compared(tables: list[TableDiff] | None = None, rows: list[RowDiff] | None = None) -> FakeServices:
    return FakeServices(
        compare=FakeComparison(TABLES if tables is None else tables, ROWS if rows is None else rows, CHANGES)
    )


async def to_diff(pilot: Pilot[None]) -> DiffScreen:
    """Compares the copy with main, as the dialog suggests."""
    await pilot.press("down", "d")
    await pilot.pause()
    await pilot.press("tab", "enter")
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, DiffScreen)
    return screen


async def test_a_copy_is_compared_with_its_original(open_console: Open, size: tuple[int, int]) -> None:
    services = compared()
    async with open_console(services, size) as pilot:
        await to_diff(pilot)
        assert services.done == [("compare", "copy", "main", None)]
        shown = words(pilot)
        for part in ("then copy", "now main", "4 rows in 1 of 3 tables differ", "1 NOT compared", "orders"):
            assert part in shown
        assert "column added: public.orders.flag: boolean" in shown
        assert "customers" not in shown
        await pilot.press("a")
        await pilot.pause()
        assert "customers" in words(pilot)


async def test_another_comparison_begins_with_the_one_shown(open_console: Open) -> None:
    services = compared()
    services.all_branches = [branch("main", default=True), branch("a", "main"), branch("b", "main")]
    async with open_console(services) as pilot:
        a, b = services.all_branches[1:]
        console(pilot).show_diff(b, a, "shop")
        await settle(pilot)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareDialog))
        await pilot.pause()
        dialog = pilot.app.screen
        assert [dialog.query_one(f"#{side}", Select).value for side in ("then", "now")] == [b.id, a.id]
        assert dialog.query_one("#database", Input).value == "shop"


async def test_the_cursor_stays_on_the_worst_table_until_it_is_moved(open_console: Open) -> None:
    little = TableDiff("public", "little", removed=1, method="key")
    much = TableDiff("public", "much", removed=9, method="key")
    most = TableDiff("public", "most", removed=99, method="key")
    services = compared([little, much, most])
    async with open_console(services) as pilot:
        services.compare.gate.clear()
        console(pilot).show_diff(services.all_branches[1], services.all_branches[0])
        await until(pilot, lambda: "Comparing table 1" in words(pilot))
        screen = pilot.app.screen
        assert isinstance(screen, DiffScreen)
        for following in ("Comparing table 2", "Comparing table 3"):
            services.compare.gate.set()
            services.compare.gate.clear()
            await seen(pilot, following)
        await until(pilot, lambda: screen.table.row_count == 2)
        assert screen.selected == much
        await pilot.press("down")
        services.compare.gate.set()
        await settle(pilot)
        assert screen.selected == little
        assert screen.table.cursor_row == 2


async def test_the_line_of_unchanged_tables_opens_and_closes(open_console: Open) -> None:
    async with open_console(compared()) as pilot:
        await to_diff(pilot)
        assert "▸ 1 unchanged table" in words(pilot)
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        assert "▾ 1 unchanged table" in words(pilot)
        assert "customers" in words(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert "customers" not in words(pilot)


async def test_how_far_a_comparison_is_and_how_long_it_takes_is_said(
    open_console: Open, size: tuple[int, int]
) -> None:
    services = compared()
    services.compare.progress = Progress(
        0, 3, 1_000, 0.43, 12.4, (TableProgress("public", "orders", 1_200, 3_000, "blocks"),)
    )
    async with open_console(services, size) as pilot:
        services.compare.gate.clear()
        console(pilot).show_diff(services.all_branches[1], services.all_branches[0])
        await until(pilot, lambda: "43%" in words(pilot))
        shown = " ".join(words(pilot).split())
        assert "public.orders (1,200 of 3,000 blocks) · about 12 s left · 1,000 rows differ so far" in shown
        services.compare.gate.set()
        await settle(pilot)


async def test_a_comparison_is_whole_without_what_its_rows_have_in_common(open_console: Open) -> None:
    services = compared()
    services.compare.findings_error = UnreachableError("The branch is gone")
    async with open_console(services) as pilot:
        screen = await to_diff(pilot)
        assert "4 rows in 1 of 3 tables differ" in words(pilot)
        assert "The branch is gone" not in words(pilot)
        assert screen.check_action("found", ()) is None


async def test_schemas_are_shown_as_a_list_and_as_text(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(compared(), size) as pilot:
        await to_diff(pilot)
        await pilot.press("v")
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, SchemaScreen)
        assert "1 difference of the schemas" in words(pilot)
        assert screen.lines.text == "+ column added: public.orders.flag: boolean"
        await pilot.press("u")
        await settle(pilot)
        assert "-CREATE TABLE a" in words(pilot)
        await pilot.press("y")
        assert "+CREATE TABLE b" in pilot.app.clipboard
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DiffScreen)


async def test_large_numbers_are_grouped(open_console: Open) -> None:
    many = TableDiff("public", "orders", ("id",), 1_234_567, method="key")
    async with open_console(FakeServices(compare=FakeComparison([many], [], []))) as pilot:
        await to_diff(pilot)
        assert "1,234,567 rows in 1 of 1 tables differ" in words(pilot)


async def test_why_a_table_was_not_compared_is_said_in_full(open_console: Open) -> None:
    async with open_console(compared()) as pilot:
        await to_diff(pilot)
        await pilot.press("down")
        await pilot.pause()
        assert "audit.log was not compared: no right to read it" in words(pilot)
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, DiffScreen)


async def test_tables_show_as_they_finish_and_stopping_keeps_them(open_console: Open) -> None:
    services = compared()
    async with open_console(services) as pilot:
        services.compare.gate.clear()
        await pilot.press("down", "d")
        await pilot.pause()
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "Comparing table 1 of 3: public.orders" in words(pilot))
        services.compare.gate.set()
        services.compare.gate.clear()
        await until(pilot, lambda: "Comparing table 2 of 3" in words(pilot))
        assert "orders" in words(pilot)
        await pilot.press("s")
        await until(pilot, lambda: "STOPPED" in words(pilot))
        assert "orders" in words(pilot)


async def test_no_difference_is_said_plainly(open_console: Open) -> None:
    services = FakeServices(compare=FakeComparison([TABLES[1]], [], []))
    async with open_console(services) as pilot:
        await to_diff(pilot)
        assert "No difference in 1 tables" in words(pilot)


async def test_a_comparison_that_cannot_start_is_an_error_in_words(open_console: Open) -> None:
    services = compared()
    services.failing["comparison"] = UnreachableError("The compute does not answer")
    async with open_console(services) as pilot:
        await to_diff(pilot)
        assert "The compute does not answer" in words(pilot)
        services.failing.clear()
        await pilot.press("r")
        await settle(pilot)
        assert "4 rows" in words(pilot)


async def test_rows_show_marks_and_both_values(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(compared(), size) as pilot:
        await to_diff(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RowsScreen)
        shown = words(pilot)
        assert "paid→cancelled" in shown
        lines = [line.strip(" │") for line in shown.splitlines()]
        for start in ("- 1 ", "- 2 ", "+ 3 ", "~ 4 "):
            assert any(line.startswith(start) for line in lines)
        assert "'NULL'" in shown
        assert "''" in shown
        await pilot.press("end")
        await until(pilot, lambda: "~ changed id = 4" in words(pilot))
        assert "(- copy, + main)" in words(pilot)


async def test_one_kind_of_difference_can_be_shown_alone(open_console: Open) -> None:
    async with open_console(compared()) as pilot:
        await to_diff(pilot)
        await pilot.press("enter", "f")
        await settle(pilot)
        grid = pilot.app.screen.query_one(RowGrid)
        assert grid.total == 2
        assert "row 1 of 2 · only removed" in words(pilot)
        await pilot.press("f", "f", "f")
        await settle(pilot)
        assert grid.total == 4


async def test_escape_goes_back_to_the_tables_and_keeps_them(open_console: Open) -> None:
    services = compared()
    async with open_console(services) as pilot:
        await to_diff(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DiffScreen)
        assert services.done == [("compare", "copy", "main", None)]
        assert not services.compare.closed


async def test_a_hundred_thousand_rows_are_paged(open_console: Open) -> None:
    many = [
        RowDiff("public", "big", "removed", {"id": str(number)}, {"id": str(number)}, None)
        for number in range(100_000)
    ]
    table = TableDiff("public", "big", ("id",), 100_000, method="key", kept=100_000)
    services = compared([table], many)
    async with open_console(services) as pilot:
        await to_diff(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("end")
        await until(pilot, lambda: "- removed id = 99999" in words(pilot))
        assert len(services.compare.fetched) <= 3
        assert all(stop - start <= 128 for start, stop in services.compare.fetched)


@pytest.mark.parametrize("op", ["removed", "added"])
def test_a_whole_row_names_its_side(op: str) -> None:
    row = ROWS[0] if op == "removed" else ROWS[2]
    plain = "\n".join("".join(part for part, _ in line) for line in row_lines(row, "copy", "main"))
    assert f"(only in {'copy' if op == 'removed' else 'main'})" in plain


async def test_rows_that_cannot_be_read_are_an_error_in_words(open_console: Open) -> None:
    services = compared()
    services.compare.rows_error = UnreachableError("The rows are gone")
    async with open_console(services) as pilot:
        await to_diff(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "The rows are gone" in words(pilot))
        services.compare.rows_error = None
        await pilot.press("r")
        await until(pilot, lambda: "paid→cancelled" in words(pilot))


async def test_another_comparison_replaces_the_rows_of_the_last_one(open_console: Open) -> None:
    services = compared()
    async with open_console(services) as pilot:
        await to_diff(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RowsScreen)
        await pilot.press("1", "d")
        await pilot.pause()
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DiffScreen)
        assert len([one for one in services.done if one[0] == "compare"]) == 2


async def test_comparing_again_from_the_diff_itself(open_console: Open) -> None:
    services = compared()
    async with open_console(services) as pilot:
        await to_diff(pilot)
        await pilot.press("c")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert len([one for one in services.done if one[0] == "compare"]) == 2
        assert "4 rows" in words(pilot)


async def test_the_tables_of_the_last_comparison_are_gone_while_the_next_opens(open_console: Open) -> None:
    services = compared()
    async with open_console(services) as pilot:
        await to_diff(pilot)
        assert "orders" in words(pilot)
        services.gates["comparison"] = asyncio.Event()
        await pilot.press("r")
        await until(pilot, lambda: "Opening both databases" in words(pilot))
        assert "orders" not in words(pilot)
        assert services.compare.closed
        services.gates["comparison"].set()
        await settle(pilot)
        assert "orders" in words(pilot)


async def test_starting_again_while_it_runs_shows_the_new_run(open_console: Open) -> None:
    services = compared()
    async with open_console(services) as pilot:
        services.compare.gate.clear()
        services.compare.slow_to_stop = asyncio.Event()
        await pilot.press("down", "d")
        await pilot.pause()
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "Comparing table 1 of 3" in words(pilot))
        await pilot.press("r")
        await until(pilot, lambda: len(services.done) == 2)
        services.compare.slow_to_stop.set()
        await until(pilot, lambda: services.compare.stopped)
        await until(pilot, lambda: "Comparing table 1 of 3" in words(pilot))
        services.compare.gate.set()
        await settle(pilot)
        assert "4 rows" in words(pilot)


async def test_how_a_branch_is_read_is_said_beside_the_comparison(
    open_console: Open, size: tuple[int, int]
) -> None:
    services = compared()
    services.notices = ["copy [b]has no compute"]
    async with open_console(services, size) as pilot:
        await to_diff(pilot)
        shown = words(pilot)
        assert "copy [b]has no compute" in shown
        assert "4 rows in 1 of 3 tables differ" in shown
        services.notices = []
        await pilot.press("r")
        await settle(pilot)
        assert "has no compute" not in words(pilot)
