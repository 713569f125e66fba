"""The differing rows of one table: a grid of them over a pane with all of the one under the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from warubi_tui.dialogs.choose import ChoiceDialog
from warubi_tui.dialogs.condition import ConditionDialog
from warubi_tui.dialogs.pick import PickDialog
from warubi_tui.diff.model import RowFilter
from warubi_tui.screens import row_copy
from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.screens.diff_value import ValueScreen
from warubi_tui.screens.diff_words import copy_options, filter_words, table_words
from warubi_tui.widgets.ask_bar import AskBar
from warubi_tui.widgets.grid.view import RowGrid
from warubi_tui.widgets.values.full import row_lines, value_lines
from warubi_tui.widgets.values.view import LinesView

if TYPE_CHECKING:
    from warubi_tui.diff.model import Op, RowDiff, TableDiff
    from warubi_tui.screens.services import Comparison, RowView
    from warubi_tui.widgets.values.lines import Line

Pane = Literal["row", "value", "none"]


class RowsScreen(ConsoleScreen):
    """Shows, filters, searches, marks and copies the rows that differ."""

    CSS_PATH = "diff_rows.tcss"
    TITLE_WORDS = "Diff: rows"
    ABOUT = (
        "Each line is one row that differs: - removed, + added, ~ changed. Changed cells are bold and read"
        " then→now; a = behind them says that both are equal in value and only written differently. NULL is"
        " written bare; an empty text is '' and a text that reads NULL is 'NULL'. The key stays in sight"
        " while the other columns scroll; « and » count those out of sight. ● is a row that you marked:"
        " marks outlive filters, and are what is copied."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "value", "Value", id="rows.value", tooltip="The whole value under the cursor"),
        Binding(
            "f", "only", "Only", id="rows.only", tooltip="All rows, only removed, only added, only changed"
        ),
        Binding(
            "s", "condition", "SQL", id="rows.condition", tooltip="Only rows that meet a condition in SQL"
        ),
        Binding(
            "o",
            "column",
            "This column",
            id="rows.column",
            tooltip="Only rows whose value changed in this column, or all",
            show=False,
        ),
        Binding("t", "text", "Text", id="rows.text", tooltip="Only rows that hold a text", show=False),
        Binding(
            "x",
            "clear",
            "No filter",
            id="rows.clear",
            tooltip="All rows again, at the one under the cursor",
            show=False,
        ),
        Binding("slash", "search", "Find", key_display="/", id="rows.search", tooltip="Find a text"),
        Binding("n", "again(1)", "Next", id="rows.next", tooltip="The next row with the text", show=False),
        Binding(
            "N",
            "again(-1)",
            "Before",
            key_display="N",
            id="rows.previous",
            tooltip="The row before with the text",
            show=False,
        ),
        Binding("space", "mark", "Mark", id="rows.mark", tooltip="Mark the row, or take its mark away"),
        Binding(
            "m", "mark_all(True)", "Mark all", id="rows.mark_all", tooltip="Mark all rows shown", show=False
        ),
        Binding(
            "u",
            "mark_all(False)",
            "Unmark all",
            id="rows.unmark_all",
            tooltip="Take the marks of all rows shown away",
            show=False,
        ),
        Binding("y", "copy", "Copy", id="rows.copy", tooltip="The marked rows, or the one under the cursor"),
        Binding("g", "jump", "Go to column", id="rows.jump", tooltip="Find a column by its name", show=False),
        Binding(
            "h",
            "hide",
            "Hide unchanged",
            id="rows.hide",
            tooltip="Hide columns that changed nowhere, or show them",
            show=False,
        ),
        Binding(
            "p",
            "pane",
            "Pane",
            id="rows.pane",
            tooltip="Below the rows: the whole row, the whole value, or more rows",
            show=False,
        ),
        Binding("escape,b", "back", "Back", id="rows.back", tooltip="Back to the tables"),
    ]

    grid = getters.query_one(RowGrid)
    state = getters.query_one("#rows-state", Static)
    pane = getters.query_one("#row-pane", LinesView)
    bar = getters.query_one(AskBar)

    def __init__(
        self,
        comparison: Comparison,
        table: TableDiff,
        then: str,
        now: str,
        *,
        wanted: RowFilter | None = None,
        suggestion: str = "",
        on_marked: Callable[[int], None],
    ) -> None:
        """
        Args:
            comparison: delivers the rows and keeps the marks.
            then, now: what the two sides are called.
            wanted: which rows to begin with.
            suggestion: a condition in SQL that is offered.
            on_marked: told how many rows of the table are marked whenever that changes.
        """
        super().__init__()
        self._comparison = comparison
        self._table = table
        self._then, self._now = then, now
        self._filter = wanted or RowFilter()
        self._suggestion = suggestion
        self._on_marked = on_marked
        self._view: RowView | None = None
        self._tried: tuple[RowFilter, RowView] | None = None
        """The rows of the last condition that was counted."""
        self._term = ""
        self._news = ""
        """What came of the last search."""
        self._pane: Pane = "row"

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="rows-state")
        yield RowGrid()
        yield LinesView(id="row-pane")
        yield AskBar()

    def on_mount(self) -> None:
        self.subject = self._now
        self.grid.use_columns(self._table.key, self._table.changed_columns)
        self.grid.focus()
        self.load()

    # The rows

    @property
    def marked(self) -> int:
        """How many rows of the table are marked."""
        return self._view.marked if self._view is not None else 0

    @work(exclusive=True, group="rows.view", exit_on_error=False, description="Find the rows to show")
    async def load(self) -> None:
        wanted = self._filter
        self._say("finding the rows…")
        view = await self._open(wanted)
        before, self._view = self._view, view
        row = self.grid.row_under_cursor
        self.grid.show_rows(view, at=row.number if row is not None and wanted == RowFilter() else 0)
        self._news = ""
        self._say()
        if before is not None and before is not view:
            await before.close()

    async def _open(self, wanted: RowFilter) -> RowView:
        if self._tried is not None and self._tried[0] == wanted:
            view = self._tried[1]
            self._tried = None
            return view
        return await self._comparison.view(self._table.schema, self._table.table, wanted)

    async def _count(self, condition: str) -> str:
        """How many rows the filter lets through with this condition."""
        wanted = replace(self._filter, condition=condition)
        view = await self._comparison.view(self._table.schema, self._table.table, wanted)
        before, self._tried = self._tried, (wanted, view)
        if before is not None:
            await before[1].close()
        return f"{view.total:,} of {self._table.kept:,} rows."

    def _show_only(self, wanted: RowFilter) -> None:
        self._filter = wanted
        self.load()

    def _say(self, doing: str = "") -> None:
        """Says what is shown, in two lines."""
        total = self.grid.total
        place = f"row {self.grid.cursor + 1:,} of {total:,}" if total else "no such rows"
        marks = f"● {self.marked:,} marked" if self.marked else ""
        second = [doing or place, filter_words(self._filter), marks, self._news]
        lines = [table_words(self._table), Content(" · ".join(part for part in second if part))]
        self.state.update(Content("\n").join(lines))

    @on(RowGrid.Failed)
    def _rows_failed(self, event: RowGrid.Failed) -> None:
        self.fail(event.error, self.load)

    # The pane

    @on(RowGrid.CellChosen)
    def _cell_chosen(self) -> None:
        self._say()
        self.show_pane()

    @work(exclusive=True, group="rows.pane", exit_on_error=False, description="Show a row in full")
    async def show_pane(self) -> None:
        """Fills the pane with the row or the value under the cursor."""
        if self._pane == "none":
            return
        row = await self._whole_row()
        if row is None:
            self.pane.show([(("No such rows." if not self.grid.total else "…", "dim"),)])
        else:
            self.pane.show(await asyncio.to_thread(self._pane_lines, row, self.grid.column_name))

    def _pane_lines(self, row: RowDiff, column: str | None) -> list[Line]:
        if self._pane == "value" and column is not None:
            return value_lines(row, column, self._then, self._now)
        return row_lines(row, self._then, self._now)

    async def _whole_row(self) -> RowDiff | None:
        """The row under the cursor with all of its values; None while it is not here."""
        kept, view = self.grid.row_under_cursor, self._view
        if kept is None or view is None:
            return None
        if kept.whole:
            return kept.row
        found = await view.rows(self.grid.cursor, self.grid.cursor + 1)
        return found[0].row if found else None

    def action_pane(self) -> None:
        """Goes from the whole row to the whole value, then to no pane, and back."""
        following: dict[Pane, Pane] = {"row": "value", "value": "none", "none": "row"}
        self._pane = following[self._pane]
        self.pane.display = self._pane != "none"
        self.show_pane()

    @work(exclusive=True, group="rows.value", exit_on_error=False, description="Show a value in full")
    async def action_value(self) -> None:
        """Opens the value under the cursor on a screen of its own."""
        row, name = await self._whole_row(), self.grid.column_name
        if row is not None and name is not None:
            names = [column.name for column in self.grid.columns]
            self.app.push_screen(ValueScreen(row, names, name, self._then, self._now))

    # Filters

    def action_only(self) -> None:
        """Goes on to the next kind of difference that this table has."""
        table = self._table
        counts: dict[Op, int] = {"removed": table.removed, "added": table.added, "changed": table.changed}
        kinds: list[Op | None] = [None, *(op for op, count in counts.items() if count)]
        now = self._filter.op
        following = kinds[(kinds.index(now) + 1) % len(kinds)] if now in kinds else None
        self._show_only(replace(self._filter, op=following))

    def action_column(self) -> None:
        """Shows only the rows that changed in the column under the cursor, or all again."""
        name = self.grid.column_name
        if self._filter.column is not None:
            self._show_only(replace(self._filter, column=None))
        elif name in self._table.changed_columns:
            self._show_only(replace(self._filter, column=name))
        else:
            self._tell("no row changed in this column")

    def action_text(self) -> None:
        """Asks for the text that rows must hold."""
        self.bar.ask("text", "only rows with", self._filter.text or "")

    @work(group="dialog", exit_on_error=False, description="Ask for a condition")
    async def action_condition(self) -> None:
        """Asks for the condition that rows must meet."""
        ask = (
            "A boolean expression over the table's columns, true of the row then or now."
            " It is evaluated by PostgreSQL in a read-only transaction."
        )
        value = self._filter.condition or self._suggestion
        condition = await self.app.push_screen_wait(ConditionDialog(ask, value, self._count))
        if condition is not None:
            self._show_only(replace(self._filter, condition=condition or None))

    def action_clear(self) -> None:
        """Shows all rows."""
        self._show_only(RowFilter())

    # Search

    def action_search(self) -> None:
        """Asks for the text to find."""
        self.bar.ask("search", "/", self._term)

    @on(AskBar.Left)
    def _to_grid(self) -> None:
        self.grid.focus()

    @on(AskBar.Answered)
    def _answered(self, event: AskBar.Answered) -> None:
        if event.question == "text":
            self._show_only(replace(self._filter, text=event.text or None))
            return
        self._term = event.text
        self.grid.term = event.text.lower()
        self._tell("")
        if self._term:
            self.find(self.grid.cursor, True)

    def action_again(self, direction: int) -> None:
        """Goes to the next row that holds the text, or to the one before."""
        if self._term:
            self.find(self.grid.cursor + direction, direction > 0)
        else:
            self.action_search()

    @work(exclusive=True, group="rows.find", exit_on_error=False, description="Search the rows")
    async def find(self, start: int, forward: bool) -> None:
        """Moves to the nearest row with the text from `start` on; past the last one, from the other end."""
        view = self._view
        if view is None or not view.total:
            return
        self._tell(f"searching {self._term!r}…")
        last = view.total - 1
        position = await view.find(self._term, start, forward) if 0 <= start <= last else None
        news = ""
        if position is None:
            position = await view.find(self._term, 0 if forward else last, forward)
            news = "went on from the other end"
        if position is None:
            self._tell(f"no row shown holds {self._term!r}")
            return
        self.grid.go_to_row(position)
        found = await view.rows(position, position + 1)
        self.grid.go_to_column(self._column_with_term(found[0].row) or self.grid.column_name)
        self._tell(news or f"found {self._term!r}")

    def _column_with_term(self, row: RowDiff) -> str | None:
        term = self._term.lower()
        for column in self.grid.columns:
            values = [side.get(column.name) for side in (row.then, row.now) if side is not None]
            if any(value is not None and term in value.lower() for value in values):
                return column.name
        return None

    def _tell(self, news: str) -> None:
        self._news = news
        self._say()

    # Marks

    @work(group="rows.mark", exit_on_error=False, description="Mark a row")
    async def action_mark(self) -> None:
        """Marks the row under the cursor, or takes its mark away, and goes on to the next one."""
        view, position, row = self._view, self.grid.cursor, self.grid.row_under_cursor
        if view is None or row is None:
            return
        self.grid.mark(position, not row.marked)
        self.grid.go_to_row(position + 1)
        await view.toggle(position)
        self._marks_changed()

    @work(exclusive=True, group="rows.mark_all", exit_on_error=False, description="Mark many rows")
    async def action_mark_all(self, value: bool) -> None:
        """Marks every row that the filter lets through, or takes those marks away."""
        view = self._view
        if view is None:
            return
        await view.mark_all(value)
        if view is self._view:
            self.grid.show_rows(view, at=self.grid.cursor)
        self._marks_changed()

    def _marks_changed(self) -> None:
        self._on_marked(self.marked)
        self._say()

    # Columns

    @work(group="dialog", exit_on_error=False, description="Ask for a column")
    async def action_jump(self) -> None:
        """Asks for the column to go to."""
        names = [column.name for column in self.grid.columns]
        name = await self.app.push_screen_wait(PickDialog("Go to a column", names))
        if name is not None:
            self.grid.go_to_column(name)

    def action_hide(self) -> None:
        """Leaves out the columns that changed in no row, or shows them again."""
        if not self._table.changed_columns:
            self._tell("no row of this table changed: rows were removed or added")
        else:
            self.grid.only_changed = not self.grid.only_changed

    # Copies

    @work(group="dialog", exit_on_error=False, description="Ask what to copy")
    async def action_copy(self) -> None:
        """Asks in which form to copy, and copies the marked rows, or else the one under the cursor."""
        row = await self._whole_row()
        if row is None:
            return
        options = copy_options(self.marked, row_copy.MOST_ROWS)
        chosen = await self.app.push_screen_wait(ChoiceDialog("Copy", "In which form?", options))
        forms: dict[str, row_copy.Form] = {"tsv": "tsv", "json": "json", "insert": "insert"}
        if chosen is None:
            return
        rows, wanted = [row], 1
        if self.marked:
            rows, wanted = await self._marked_rows()
        generated = self._comparison.generated(self._table.schema, self._table.table)
        text = await asyncio.to_thread(row_copy.rows_as, forms[chosen], rows, generated)
        # A value may hold what UTF-8 cannot: such a character arrives as a question mark.
        self.app.copy_to_clipboard(text.encode("utf-8", "replace").decode())
        self.console.say(row_copy.copied_words(len(rows), wanted, chosen.upper(), text))

    async def _marked_rows(self) -> tuple[list[RowDiff], int]:
        """The first marked rows of the table, and how many there are."""
        view = await self._comparison.view(self._table.schema, self._table.table, RowFilter(marked=True))
        rows = [one.row for one in await view.rows(0, row_copy.MOST_ROWS)]
        total = view.total
        await view.close()
        return rows, total
