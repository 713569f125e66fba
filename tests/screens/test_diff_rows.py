"""The rows of one table: filters, search, marks, copies, columns and whole values, by the keyboard."""

import json

from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from tests.screens.conftest import FakeComparison, FakeServices, Open, console, settle, until, words
from warubi_tui.dialogs.choose import ChoiceDialog
from warubi_tui.dialogs.condition import ConditionDialog
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.diff.model import RowDiff, TableDiff
from warubi_tui.errors import UsageError
from warubi_tui.screens.diff import DiffScreen
from warubi_tui.screens.diff_rows import RowsScreen
from warubi_tui.screens.diff_value import ValueScreen
from warubi_tui.widgets.error_panel import ErrorPanel
from warubi_tui.widgets.grid.view import RowGrid
from warubi_tui.widgets.values.view import LinesView

COLUMNS = [f"c{number:02}" for number in range(30)]


def values(number: int, **changes: str | None) -> dict[str, str | None]:
    return {"id": str(number), "status": "open", "total": "1.0", **dict.fromkeys(COLUMNS, "x"), **changes}


def removed(number: int) -> RowDiff:
    return RowDiff("public", "orders", "removed", {"id": str(number)}, values(number), None)


def changed(number: int) -> RowDiff:
    return RowDiff(
        "public",
        "orders",
        "changed",
        {"id": str(number)},
        values(number),
        values(number, status="paid", total="1.00", c29="y"),
        ("status", "total", "c29"),
        ("total",),
    )


ROWS = [removed(number) if number % 2 else changed(number) for number in range(1, 201)]
TABLE = TableDiff(
    "public",
    "orders",
    ("id",),
    removed=100,
    changed=100,
    method="headers",
    kept=200,
    changed_columns={"status": 100, "total": 100, "c29": 100},
)


def services(rows: list[RowDiff] | None = None, table: TableDiff = TABLE) -> FakeServices:
    return FakeServices(compare=FakeComparison([table], ROWS if rows is None else rows, []))


async def to_rows(pilot: Pilot[None], fake: FakeServices) -> RowsScreen:
    """Opens the rows of the only table."""
    console(pilot).show_diff(fake.all_branches[1], fake.all_branches[0])
    await settle(pilot)
    await pilot.press("enter")
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, RowsScreen)
    return screen


def grid(pilot: Pilot[None]) -> RowGrid:
    return pilot.app.screen.query_one(RowGrid)


async def test_the_key_stays_while_other_columns_come_into_sight(
    open_console: Open, size: tuple[int, int]
) -> None:
    async with open_console(fake := services(), size) as pilot:
        await to_rows(pilot, fake)
        assert "c27" not in words(pilot)
        assert "columns 2" in words(pilot) or "columns 1" in words(pilot)
        assert " »" in words(pilot)
        grid(pilot).column = 30
        await pilot.press("right")
        await settle(pilot)
        assert grid(pilot).column_name == "c27"
        top = next(line for line in words(pilot).splitlines() if "c27" in line)
        assert " id" in top
        assert "status" not in top
        assert "« " in words(pilot)


async def test_a_column_is_found_by_its_name(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("g")
        await pilot.pause()
        await pilot.press(*"c17", "enter")
        await until(pilot, lambda: "c17" in words(pilot) and isinstance(pilot.app.screen, RowsScreen))
        assert grid(pilot).column_name == "c17"


async def test_columns_without_a_change_can_be_hidden(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("right", "right", "h")
        await settle(pilot)
        assert [column.name for column in grid(pilot).columns] == ["id", "status", "total", "c29"]
        assert grid(pilot).column_name == "total"
        await pilot.press("h")
        await settle(pilot)
        assert len(grid(pilot).columns) == 33
        assert grid(pilot).column_name == "total"


async def test_hiding_says_when_there_is_nothing_to_hide(open_console: Open) -> None:
    table = TableDiff("public", "orders", ("id",), removed=1, method="key", kept=1)
    async with open_console(fake := services([removed(1)], table)) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("h")
        await settle(pilot)
        assert "no row of this table changed" in words(pilot)
        assert len(grid(pilot).columns) == 33


async def test_the_cursor_jumps_between_changed_cells(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("down", "right_square_bracket")
        names = [grid(pilot).column_name]
        await pilot.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        names.append(grid(pilot).column_name)
        await pilot.press("left_square_bracket")
        names.append(grid(pilot).column_name)
        assert names == ["status", "c29", "total"]


async def test_equal_values_are_marked_in_the_cell(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(fake := services(), size) as pilot:
        await to_rows(pilot, fake)
        assert "1.0→1.00 =" in words(pilot)
        assert "open→paid" in words(pilot)


async def test_rows_that_changed_in_a_column_can_be_shown_alone(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        screen = await to_rows(pilot, fake)
        await pilot.press("o")
        await settle(pilot)
        assert "no row changed in this column" in words(pilot)
        await pilot.press("right", "o")
        await settle(pilot)
        assert "row 1 of 100 · status changed" in words(pilot)
        assert screen.grid.total == 100
        await pilot.press("o")
        await settle(pilot)
        assert screen.grid.total == 200


async def test_rows_with_a_text_can_be_shown_alone_and_all_again_at_the_same_row(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("t", *"19", "enter")
        await settle(pilot)
        assert "row 1 of 12 · with '19'" in words(pilot)
        await pilot.press("down", "down")
        await settle(pilot)
        row = grid(pilot).row_under_cursor
        assert row is not None
        assert row.row.key == {"id": "190"}
        await pilot.press("x")
        await settle(pilot)
        assert "row 190 of 200" in words(pilot)


async def test_a_condition_is_counted_then_taken(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(fake := services(), size) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("s")
        await pilot.pause()
        await pilot.press(*"status = 'paid'", "enter")
        await until(pilot, lambda: "100 of 200 rows. Enter shows them." in words(pilot))
        assert isinstance(pilot.app.screen, ConditionDialog)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RowsScreen))
        await settle(pilot)
        assert "row 1 of 100 · where status = 'paid'" in words(pilot)
        await pilot.press("s")
        await pilot.pause()
        pilot.app.screen.query_one("#condition", Input).value = ""
        await pilot.pause()
        assert "Enter shows all rows again." in words(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RowsScreen))
        await settle(pilot)
        assert "row 2 of 200" in words(pilot)
        assert fake.compare.views_closed >= 2


async def test_a_condition_that_fails_says_why_and_stays(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        await to_rows(pilot, fake)
        fake.compare.condition_error = UsageError("That is no condition", 'column "[b]x" does not exist')
        await pilot.press("s")
        await pilot.pause()
        await pilot.press(*"x = 1", "enter")
        await until(pilot, lambda: "That is no condition" in words(pilot))
        assert 'column "[b]x" does not exist' in words(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ConditionDialog)
        fake.compare.condition_error = None
        await pilot.press("backspace", *"2", "enter")
        await pilot.press("escape")
        await settle(pilot)
        assert "row 1 of 200" in words(pilot)


async def test_what_rows_have_in_common_opens_them_and_is_offered_as_a_condition(open_console: Open) -> None:
    fake = services()
    fake.compare.found = [
        Finding("removed", 100, 100, "100 rows removed, all with status 'open'", "status = 'open'", "then", 0)
    ]
    async with open_console(fake) as pilot:
        console(pilot).show_diff(fake.all_branches[1], fake.all_branches[0])
        await settle(pilot)
        assert "orders: 100 rows removed, all with status 'open'" in words(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert "row 1 of 100 · only removed, where status = 'open'" in words(pilot)
        await pilot.press("x")
        await settle(pilot)
        await pilot.press("s")
        await pilot.pause()
        assert pilot.app.screen.query_one("#condition", Input).value == "status = 'open'"


async def test_a_text_is_found_forwards_backwards_and_around(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("slash", *"99", "enter")
        await settle(pilot)
        assert grid(pilot).cursor == 98
        await pilot.press("n")
        await settle(pilot)
        assert grid(pilot).cursor == 198
        await pilot.press("n")
        await settle(pilot)
        assert grid(pilot).cursor == 98
        assert "went on from the other end" in words(pilot)
        await pilot.press("N")
        await settle(pilot)
        assert grid(pilot).cursor == 198
        await pilot.press("slash", *["backspace"] * 2, *"nowhere", "enter")
        await settle(pilot)
        assert grid(pilot).cursor == 198
        assert "no row shown holds 'nowhere'" in words(pilot)


async def test_the_column_that_holds_the_text_comes_into_sight(open_console: Open) -> None:
    rows = [*ROWS[:50], RowDiff("public", "orders", "removed", {"id": "x"}, values(1, c25="Needle"), None)]
    async with open_console(fake := services(rows)) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("slash", *"nEED", "enter")
        await settle(pilot)
        assert (grid(pilot).cursor, grid(pilot).column_name) == (50, "c25")
        assert "Needle" in words(pilot)


async def test_marks_are_shown_counted_and_kept_by_the_comparison(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        screen = await to_rows(pilot, fake)
        await pilot.press("space", "space", "up", "up")
        await settle(pilot)
        assert "● 2 marked" in words(pilot)
        assert "●- 1" in words(pilot)
        await pilot.press("space")
        await settle(pilot)
        assert screen.marked == 1
        assert [row.key for row in fake.compare.marks] == [{"id": "2"}]
        await pilot.press("f", "m")
        await settle(pilot)
        assert screen.marked == 101
        await pilot.press("escape")
        await settle(pilot)
        diff = pilot.app.screen
        assert isinstance(diff, DiffScreen)
        assert diff.marked == {("public", "orders"): 101}
        assert "orders ●101" in words(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "● 101 marked" in words(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert fake.compare.marks == []
        assert "●" not in words(pilot)


async def copy(pilot: Pilot[None], form: str) -> str:
    """Copies in a form and returns the clipboard."""
    await pilot.press("y")
    await pilot.pause()
    options = pilot.app.screen.query_one(OptionList)
    options.highlighted = ["tsv", "json", "insert"].index(form)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, RowsScreen))
    await until(pilot, lambda: "Copied" in words(pilot))
    return pilot.app.clipboard


async def test_the_row_under_the_cursor_is_copied(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("down")
        await settle(pilot)
        assert json.loads(await copy(pilot, "json")) == ROWS[1].to_json()
        assert "Copied 1 row as JSON" in words(pilot)


async def test_nothing_is_copied_when_no_form_is_chosen(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RowsScreen))
        await settle(pilot)
        assert pilot.app.clipboard == ""
        assert "✖" not in words(pilot)
        assert not pilot.app.screen.query_one(ErrorPanel).display


async def test_marked_rows_are_copied_without_generated_columns(open_console: Open) -> None:
    fake = services()
    fake.compare.generated_columns = frozenset(COLUMNS)
    async with open_console(fake) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("space", "space")
        await settle(pilot)
        assert (await copy(pilot, "insert")).splitlines() == [
            "INSERT INTO public.orders (id, status, total) OVERRIDING SYSTEM VALUE VALUES"
            f" ('{number}', 'open', '1.0');"
            for number in (1, 2)
        ]
        assert "Copied 2 rows as INSERT" in words(pilot)


async def test_no_more_than_the_limit_is_copied_and_that_is_said(open_console: Open) -> None:
    rows = [removed(number) for number in range(1_200)]
    table = TableDiff("public", "orders", ("id",), removed=1_200, method="key", kept=1_200)
    async with open_console(fake := services(rows, table)) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("m")
        await settle(pilot)
        text = await copy(pilot, "tsv")
        assert len(text.splitlines()) == 1_001
        shown = " ".join(words(pilot).split())
        assert "Copied the first 1,000 of 1,200 marked rows as TSV" in shown


async def test_a_whole_value_opens_and_its_columns_are_gone_through(
    open_console: Open, size: tuple[int, int]
) -> None:
    long = "\n".join(f"line {number} " + "x" * 200 for number in range(50))
    row = RowDiff(
        "public",
        "orders",
        "changed",
        {"id": "1"},
        {"id": "1", "a": long, "b": '{"k": [1, 2]}'},
        {"id": "1", "a": long.replace("line 40", "line forty"), "b": '{"k": [1, 3]}'},
        ("a", "b"),
    )
    table = TableDiff("public", "orders", ("id",), changed=1, kept=1, changed_columns={"a": 1, "b": 1})
    async with open_console(fake := services([row], table), size) as pilot:
        await to_rows(pilot, fake)
        await pilot.press("right", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, ValueScreen)
        assert "… 37 equal lines" in words(pilot)
        assert "- line 40 xxx" in words(pilot)
        assert "+ line forty xxx" in words(pilot)
        await pilot.press("n")
        await settle(pilot)
        assert "-     2" in words(pilot)
        assert "+     3" in words(pilot)
        await pilot.press("y")
        assert pilot.app.clipboard == '{"k": [1, 3]}'
        await pilot.press("Y")
        assert pilot.app.clipboard == '{"k": [1, 2]}'
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RowsScreen)


async def test_the_pane_shows_the_row_the_value_or_makes_room(open_console: Open) -> None:
    async with open_console(fake := services()) as pilot:
        screen = await to_rows(pilot, fake)
        await pilot.press("down", "right")
        await settle(pilot)
        assert "~ changed id = 2" in screen.pane.text
        await pilot.press("p")
        await settle(pilot)
        assert screen.pane.text.splitlines()[2:] == ["- open", "+ paid"]
        await pilot.press("p")
        await settle(pilot)
        assert not screen.query_one(LinesView).display
        assert words(pilot).count("~ ") > 6


async def test_a_value_of_a_megabyte_is_cut_in_the_grid_and_whole_behind_it(open_console: Open) -> None:
    huge = "start " + "y" * 1_000_000 + " end"
    row = RowDiff("public", "orders", "removed", {"id": "1"}, {"id": "1", "a": huge}, None)
    table = TableDiff("public", "orders", ("id",), removed=1, kept=1)
    async with open_console(fake := services([row], table)) as pilot:
        await to_rows(pilot, fake)
        assert "start yyy" in words(pilot)
        kept = grid(pilot).row_under_cursor
        assert kept is not None
        assert kept.row.then is not None
        assert len(kept.row.then["a"] or "") < 300
        await pilot.press("right", "enter")
        await settle(pilot)
        assert pilot.app.screen.query_one(LinesView).text.endswith("y end")
        await pilot.press("y")
        assert pilot.app.clipboard == huge


async def test_every_key_is_harmless_without_rows(open_console: Open) -> None:
    table = TableDiff("public", "orders", ("id",), removed=5, kept=0)
    async with open_console(fake := services([], table)) as pilot:
        await to_rows(pilot, fake)
        assert "no such rows" in words(pilot)
        for key in ("f", "o", "x", "n", "escape", "N", "escape", "space", "m", "u", "y", "h", "p", "enter"):
            await pilot.press(key)
        await pilot.press("down", "right", "pagedown", "end", "home", "right_square_bracket", "g", "escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RowsScreen)
        assert "no such rows" in words(pilot)
