"""The grid on a screen: what it fetches, what it draws while it waits, and that no value breaks a line."""

import asyncio
from collections.abc import Sequence

import pytest
from rich.cells import cell_len
from textual import on
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from warubi_tui.diff.model import RowDiff, ViewRow
from warubi_tui.text import clean
from warubi_tui.widgets.grid.pages import PAGE
from warubi_tui.widgets.grid.view import RowGrid

HOSTILE = (
    "[/]",
    "[true, false]",
    "[@click=app.quit]x[/]",
    "\x1b]2;x\x1b\\",
    "\x1b[2J\x1b[31m",
    "\x9b31m",
    "a\x00b\x07\x08",
    "line\r\nbreak\tand\x0b\x0c\x85\u2028tab",
    "user\u202etxt.exe\u2066\u2069",
    "long" * 250_000,
    "中文字" * 50,
    "e" + "\u0301" * 500,
    "\u0301" * 300,
    "\u200b\ufeff\u200d",
    "👨\u200d👩\u200d👧❤\ufe0f🇩🇪",
    "\udc80\ud800",
    "\U000e0001\U000f0000",
    "",
    " ",
    "NULL",
)


class Rows:
    """Rows in memory, which may be held back."""

    def __init__(self, rows: Sequence[RowDiff]) -> None:
        self._rows = rows
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[tuple[int, int]] = []
        self.error: Exception | None = None

    @property
    def total(self) -> int:
        return len(self._rows)

    async def rows(self, start: int, stop: int) -> list[ViewRow]:
        self.asked.append((start, stop))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [ViewRow(row, start + place, False) for place, row in enumerate(self._rows[start:stop])]


class GridApp(App[None]):
    """The grid alone."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []

    def compose(self) -> ComposeResult:
        yield RowGrid()

    @on(RowGrid.Failed)
    def _failed(self, event: RowGrid.Failed) -> None:
        self.errors.append(event.error)

    @property
    def grid(self) -> RowGrid:
        """The grid."""
        return self.query_one(RowGrid)


def numbered(count: int) -> list[RowDiff]:
    return [RowDiff("s", "t", "removed", {"id": str(n)}, {"id": str(n)}, None) for n in range(count)]


def lines(app: App[None]) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


async def until(pilot: Pilot[None], part: str) -> None:
    """Waits until a text is on the screen."""
    async with asyncio.timeout(10):
        while not any(part in line for line in lines(pilot.app)):
            await pilot.pause()


def hostile_rows() -> list[RowDiff]:
    rows = []
    for number, text in enumerate(HOSTILE):
        values: dict[str, str | None] = {"id": str(number), text: text, "other": None}
        rows.append(RowDiff("s", "t", "removed", {"id": str(number)}, values, None))
        other = {**values, text: f"{text}!"}
        rows.append(RowDiff("s", "t", "changed", {"id": str(number)}, values, other, (text,)))
    return rows


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (20, 8)], ids=str)
async def test_no_value_and_no_name_breaks_a_line(size: tuple[int, int]) -> None:
    rows = hostile_rows()
    app = GridApp()
    async with app.run_test(size=size) as pilot:
        app.grid.use_columns(("id",), {})
        app.grid.show_rows(Rows(rows))
        await until(pilot, "- 0")
        for position, row in enumerate(rows):
            app.grid.go_to_row(position)
            app.grid.go_to_column(next(name for name in row.then or {} if name not in {"id", "other"}))
            await pilot.pause()
            for line in lines(app):
                assert cell_len(line) == size[0]
                assert all(char.isprintable() or char == " " for char in line if char != "\u00a0")
            for strip in app.screen._compositor.render_strips():
                assert not any(segment.style and segment.style.link for segment in strip)
                assert not any("quit" in str(segment.style.meta) for segment in strip if segment.style)
        assert app.is_running


async def test_the_start_of_every_value_is_shown() -> None:
    rows = [
        RowDiff("s", "t", "removed", {}, {"id": str(n), "v": text}, None) for n, text in enumerate(HOSTILE)
    ]
    app = GridApp()
    async with app.run_test(size=(80, 40)) as pilot:
        app.grid.show_rows(Rows(rows))
        await until(pilot, "'NULL'")
        shown = lines(app)
        for number, text in enumerate(HOSTILE):
            line = next(line for line in shown if f"- {number} " in line)
            assert clean(text).strip()[:4] in line or "''" in line


async def test_only_pages_in_sight_are_fetched() -> None:
    source = Rows(numbered(1_000_000))
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show_rows(source)
        await until(pilot, "- 0 ")
        await pilot.press("end")
        await until(pilot, "- 999999")
        await pilot.press("pageup", "pageup")
        await until(pilot, "- 999970")
        await pilot.press("home")
        await until(pilot, "- 0 ")
        assert source.asked == [(0, PAGE), (999_936, 1_000_000)]


async def test_what_is_not_here_yet_has_a_line_and_pages_passed_by_are_left_out() -> None:
    source = Rows(numbered(100_000))
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show_rows(source)
        await until(pilot, "- 0 ")
        source.gate.clear()
        app.grid.go_to_row(50_000)
        await until(pilot, "row 50,001…")
        for position in (60_000, 70_000, 80_000):
            app.grid.go_to_row(position)
            await pilot.pause()
        source.gate.set()
        await until(pilot, "- 80000")
        assert len(source.asked) <= 4
        assert not any(start == 70_000 // PAGE * PAGE for start, _ in source.asked)


async def test_rows_of_a_source_that_was_replaced_do_not_show() -> None:
    old, new = Rows(numbered(5)), Rows([RowDiff("s", "t", "added", {}, None, {"id": "new"})])
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        old.gate.clear()
        app.grid.show_rows(old)
        await pilot.pause()
        app.grid.show_rows(new)
        old.gate.set()
        await until(pilot, "+ new")
        assert not any("- 0" in line for line in lines(app))
        assert app.grid.total == 1


async def test_a_source_that_fails_is_told_and_can_be_asked_again() -> None:
    source = Rows(numbered(5))
    source.error = OSError("gone")
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show_rows(source)
        async with asyncio.timeout(10):
            while not app.errors:
                await pilot.pause()
        assert str(app.errors[0]) == "gone"
        source.error = None
        app.grid.show_rows(source)
        await until(pilot, "- 4 ")


async def test_cells_go_with_their_columns_when_those_scroll() -> None:
    values: dict[str, str | None] = {f"column {n}": f"value {n}" for n in range(50)}
    rows = [RowDiff("s", "t", "removed", {}, {"id": "1", **values}, None)] * 3
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.use_columns(("id",), {})
        app.grid.show_rows(Rows(rows))
        await until(pilot, "value 0")
        app.grid.go_to_column("column 40")
        await until(pilot, "value 40")
        shown = lines(app)
        assert "column 40" in shown[1]
        assert all("value 40" in line and "- 1 " in line and "value 0" not in line for line in shown[2:5])
        assert "« " in shown[-1]
        app.grid.only_changed = True
        await pilot.pause()
        assert not any("value" in line for line in lines(app))


async def test_what_is_searched_for_stands_out_in_every_row() -> None:
    rows = [RowDiff("s", "t", "removed", {}, {"id": str(n), "v": "Needle"}, None) for n in range(3)]
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show_rows(Rows(rows))
        await until(pilot, "Needle")
        for term, reversed_cells in (("needle", 3), ("nothing", 0)):
            app.grid.term = term
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            found = [
                s for strip in strips for s in strip if "Needle" in s.text and s.style and s.style.reverse
            ]
            assert len(found) == reversed_cells


async def test_a_click_chooses_the_cell() -> None:
    rows = [RowDiff("s", "t", "removed", {}, {"id": str(n), "value": "x"}, None) for n in range(9)]
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show_rows(Rows(rows))
        await until(pilot, "- 8 ")
        await pilot.click(RowGrid, offset=(12, 5))
        assert (app.grid.cursor, app.grid.column_name) == (3, "value")


async def test_a_smaller_terminal_keeps_the_cursor_in_sight() -> None:
    app = GridApp()
    async with app.run_test(size=(80, 40)) as pilot:
        app.grid.show_rows(Rows(numbered(1_000)))
        await until(pilot, "- 0 ")
        app.grid.go_to_row(36)
        await pilot.resize_terminal(40, 10)
        await until(pilot, "- 36")


async def test_a_wider_value_on_a_later_page_is_not_cut() -> None:
    rows = [*numbered(500), RowDiff("s", "t", "added", {}, None, {"id": "x" * 30})]
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show_rows(Rows(rows))
        await until(pilot, "- 0 ")
        await pilot.press("end")
        await until(pilot, "x" * 30)
