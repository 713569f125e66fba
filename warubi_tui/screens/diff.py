"""What differs between two branches: tables first, as they finish, then the rows of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static
from textual.worker import Worker, get_current_worker

from warubi_tui.dialogs.compare import Comparison
from warubi_tui.diff.damage import by_damage
from warubi_tui.diff.model import RowFilter
from warubi_tui.errors import WarubiError
from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.screens.diff_rows import RowsScreen
from warubi_tui.screens.diff_schema import SchemaScreen
from warubi_tui.screens.diff_summary import (
    Folded,
    column_widths,
    line_cells,
    progress_words,
    result_words,
    schema_notes,
    summary,
    table_notes,
)
from warubi_tui.text import clean
from warubi_tui.widgets.filter_bar import FilterBar
from warubi_tui.widgets.fitted_table import FittedTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warubi_tui.diff.findings.finding import Finding
    from warubi_tui.diff.model import Progress, TableDiff
    from warubi_tui.neon.models import Branch
    from warubi_tui.screens import services

MAX_LINES = 1_000
"""How many lines are listed; the filter brings the others in."""

EXPLAINED = 40
"""Of so many tables it is found out at once what their rows have in common, of others under the cursor."""

_REDRAW_SECONDS = 0.2
_LINES_PER_TICK = 100
"""A longer list is drawn less often while tables finish: drawing a thousand lines takes a while."""


class TablesTable(FittedTable):
    """The list; enter opens the rows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "select_cursor", "Rows", id="diff.rows", tooltip="The rows that differ in this table"
        ),
    ]


class DiffScreen(ConsoleScreen):
    """The summary of a comparison, table by table."""

    CSS_PATH = "diff.tcss"
    TITLE_WORDS = "Diff"
    ABOUT = (
        "Compares the state of then, which is trusted, with the state of now. "
        "'- removed' was there then and is not there now, '+ added' the other way round, "
        "'~ changed' has other values. Tables show as they finish, most damage first. "
        "Both sides are only read; a branch without a compute is read from a temporary branch, which is "
        "deleted afterwards. Enter shows the rows of a table; c compares other branches. Under the list "
        "stands what the rows of the table have in common, how it was compared, and what was left out."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All tables", id="diff.all", tooltip="Show tables without a difference too"),
        Binding("c", "choose", "Compare…", id="diff.choose", tooltip="Choose other branches"),
        Binding("slash", "filter", "Filter", key_display="/", id="diff.filter", tooltip="By part of a name"),
        Binding(
            "f",
            "found",
            "Found",
            id="diff.found",
            tooltip="The rows that have in common what is said under the list",
        ),
        Binding("v", "schema", "Schema", id="diff.schema", tooltip="How the schemas differ"),
        Binding(
            "s", "stop", "Stop", id="diff.stop", tooltip="Stop comparing; what is done stays", show=False
        ),
    ]

    table = getters.query_one(TablesTable)
    state = getters.query_one("#diff-state", Static)
    notes = getters.query_one("#diff-notes", Static)
    filter_bar = getters.query_one(FilterBar)

    def __init__(self) -> None:
        super().__init__()
        self._pair: tuple[Branch, Branch, str | None] | None = None
        self.comparison: services.Comparison | None = None
        """What is shown; it keeps the marks of its rows until the next one begins."""
        self.marked: dict[tuple[str, str], int] = {}
        """How many rows are marked, by schema and table; tables without a mark may be missing.

        `comparison.view(schema, table, RowFilter(marked=True))` reads them.
        """
        self._at: Progress | None = None
        self._notices: list[str] = []
        """How the branches of this comparison are read, where that is special."""
        self._run: Worker[object] | None = None
        """What compares now."""
        self._findings: dict[tuple[str, str], Sequence[Finding]] = {}
        self._news = False
        """Whether a table finished that is not shown yet."""
        self._ticks = 0
        """Since the tables were drawn."""
        self._show_all = False
        self._lines: list[TableDiff | Folded] = []

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="diff-state")
        yield TablesTable(id="tables", cursor_type="row")
        yield Static(id="diff-notes")
        yield FilterBar()

    def on_mount(self) -> None:
        self.set_interval(_REDRAW_SECONDS, self._while_running)
        self.watch(self.console, "comparing", self._take_up)

    def on_screen_resume(self) -> None:
        self.table.focus()
        self.show_tables()

    def _take_up(self, pair: tuple[Branch, Branch, str | None] | None) -> None:
        self._pair = pair
        self._say_state()
        if pair is not None:
            self.load()

    def on_unmount(self) -> None:
        if self.comparison is not None:
            self.comparison.close()

    @work(exclusive=True, group="diff.run", exit_on_error=False, description="Compare two branches")
    async def load(self) -> None:
        if self.comparison is not None:
            self.comparison.close()
        self.comparison, self._at, self._lines, self._notices = None, None, [], []
        self.marked.clear()
        self._findings = {}
        self.show_tables()
        if self._pair is None:
            return
        self.subject = self._pair[1].name
        run = self._run = get_current_worker()
        self._say_state()
        try:
            async with self.console.services.comparison(*self._pair, self._noticed) as comparison:
                self.comparison = comparison
                await comparison.run(on_table=self._table_finished, on_progress=self._progressed)
                self._ended(run)
                await self._explain(comparison)
        finally:
            self._ended(run)

    def _ended(self, run: Worker[object]) -> None:
        """Shows what came of a comparison, if it is still the one that is shown."""
        if self._run is run:
            self._run = None
            self.show_tables()
            self._say_state()

    async def _explain(self, comparison: services.Comparison) -> None:
        """Finds out what the rows of the worst tables have in common."""
        worst = by_damage(one for one in comparison.tables if one.total and not one.not_compared)
        for table in worst[:EXPLAINED]:
            await self._explain_table(comparison, table)

    async def _explain_table(self, comparison: services.Comparison, table: TableDiff) -> None:
        name = (table.schema, table.table)
        if name in self._findings:
            return
        try:
            found = await comparison.findings([table])
        except WarubiError:
            # The comparison is whole without it, and the server that failed says so elsewhere.
            found = {}
        if comparison is self.comparison:
            self._findings[name] = found.get(name, ())
            self.show_notes()

    @on(DataTable.RowHighlighted, "#tables")
    def _chosen(self) -> None:
        self.show_notes()
        if self._run is None:
            self.explain_selected()

    @work(exclusive=True, group="diff.explain", exit_on_error=False, description="Explain a table")
    async def explain_selected(self) -> None:
        """Finds out what the rows of the table under the cursor have in common."""
        table, comparison = self.selected, self.comparison
        if table is not None and comparison is not None and table.total and not table.not_compared:
            await self._explain_table(comparison, table)

    def _noticed(self, words: str) -> None:
        self._notices.append(words)
        self._say_state()

    def _table_finished(self, table: TableDiff) -> None:
        self._news = True

    def _progressed(self, progress: Progress) -> None:
        self._at = progress

    def _while_running(self) -> None:
        """Shows the tables that finished since the last time: thousands of them do not stall the keyboard."""
        if self._run:
            self._say_state()
        self._ticks += 1
        if self._news and self._ticks > len(self._lines) // _LINES_PER_TICK:
            self._news, self._ticks = False, 0
            self.show_tables()

    @on(FittedTable.Resized)
    def show_tables(self) -> None:
        """Lists the tables in the order of damage; the cursor stays on its table, or else on the worst."""
        selected = self.line if self.table.cursor_row else None
        tables = self.comparison.tables if self.comparison else []
        part = self.filter_bar.text
        self._lines = summary(tables, part, self._show_all or bool(part))[:MAX_LINES]
        self._draw_table()
        places = [place for place, line in enumerate(self._lines) if _same(line, selected)]
        if places:
            self.table.move_cursor(row=places[0], animate=False)
        listed = sum(1 for line in self._lines if not isinstance(line, Folded))
        self.filter_bar.count(listed, len(tables))
        self.show_notes()

    def _draw_table(self) -> None:
        widths = column_widths(self.table.scrollable_content_region.width)
        numbers = (label.rjust(widths.count) for label in ("- removed", "+ added", "~ changed"))
        labels = ("Table", *numbers, "How")
        cells = (widths.name, widths.count, widths.count, widths.count, widths.how)
        self.table.clear(columns=True)
        for label, width in zip(labels, cells, strict=True):
            self.table.add_column(label, width=width)
        for line in self._lines:
            marked = 0 if isinstance(line, Folded) else self.marked.get((line.schema, line.table), 0)
            self.table.add_row(*line_cells(line, widths, marked))

    def show_notes(self) -> None:
        """Says under the list what there is to know about the table under the cursor, and the schemas."""
        table = self.selected
        lines = list(schema_notes(self.comparison.schema if self.comparison else []))
        if table is not None:
            lines = [*table_notes(table, self._findings.get((table.schema, table.table), ())), *lines]
        self.notes.update(Content("\n").join(lines))
        self.refresh_bindings()

    def _say_state(self) -> None:
        if self._pair is None:
            self.state.update("Nothing is compared yet: c chooses two branches.")
            return
        then, now, database = self._pair
        head = Content.assemble("then ", (clean(then.name), "bold"), "  now ", (clean(now.name), "bold"))
        if database:
            head += Content(f"  database {clean(database)}")
        notices = [Content(clean(notice)) for notice in self._notices]
        self.state.update(Content("\n").join([head, self._progress_content(), *notices]))

    def _progress_content(self) -> Content:
        comparison = self.comparison
        if comparison is None:
            return Content("Opening both databases…" if self._run else "Not compared. r tries again.")
        if self._run:
            return Content("Reading both schemas…" if self._at is None else progress_words(self._at))
        if not comparison.finished:
            return Content.styled(
                "STOPPED: the tables below are complete, others are missing", "bold $text-warning"
            )
        return Content(result_words(comparison))

    @property
    def line(self) -> TableDiff | Folded | None:
        """The line under the cursor."""
        row = self.table.cursor_row
        return self._lines[row] if 0 <= row < len(self._lines) else None

    @property
    def selected(self) -> TableDiff | None:
        """The table under the cursor."""
        line = self.line
        return None if isinstance(line, Folded) else line

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What there is nothing for is greyed out."""
        if action == "stop":
            return None if self._run is None else True
        if action == "found":
            return True if self._finding() is not None else None
        if action == "schema":
            return True if self.comparison is not None and self.comparison.schema else None
        return True

    @on(DataTable.RowSelected, "#tables")
    def _open_line(self) -> None:
        if isinstance(self.line, Folded):
            self.action_all()
        else:
            self._open_rows(RowFilter())

    def _open_rows(self, wanted: RowFilter) -> None:
        table, comparison = self.selected, self.comparison
        if table is None or comparison is None or self._pair is None:
            return
        if table.not_compared or not table.total:
            return
        then, now, _ = self._pair
        finding = self._finding()
        name = (table.schema, table.table)
        self.app.push_screen(
            RowsScreen(
                comparison,
                table,
                then.name,
                now.name,
                wanted=wanted,
                suggestion=(finding.filter if finding else None) or "",
                on_marked=lambda count: self.marked.update({name: count}),
            )
        )

    def _finding(self) -> Finding | None:
        """The first thing that rows of the table under the cursor have in common."""
        table = self.selected
        found = self._findings.get((table.schema, table.table), ()) if table is not None else ()
        return next((finding for finding in found if finding.filter), None)

    def action_found(self) -> None:
        """Opens the rows that have in common what is said under the list."""
        finding = self._finding()
        if finding is not None:
            self._open_rows(RowFilter(op=finding.op, condition=finding.filter))

    def action_schema(self) -> None:
        """Opens the differences of the schemas."""
        if self.comparison is not None and self._pair is not None:
            self.app.push_screen(SchemaScreen(self.comparison, self._pair[0].name, self._pair[1].name))

    def action_all(self) -> None:
        """Shows or hides the tables without a difference."""
        self._show_all = not self._show_all
        self.show_tables()

    @work(group="diff.choose", exit_on_error=False, description="List the branches to compare")
    async def action_choose(self) -> None:
        """Asks which branches to compare."""
        branches = await self.console.services.branches()
        by_id = {one.id: one for one in branches}
        shown, pair = None, None
        if self._pair is not None:
            then, shown = (by_id.get(one.id) for one in self._pair[:2])
            if then is not None and shown is not None:
                pair = Comparison(then, shown, self._pair[2])
        if branches:
            self.console.choose_comparison(branches, shown or branches[0], pair)

    def action_stop(self) -> None:
        """Stops the comparison; both servers stop their queries."""
        self.workers.cancel_group(self, "diff.run")

    def action_filter(self) -> None:
        """Opens the filter."""
        self.filter_bar.open()

    @on(FilterBar.Changed)
    def _filtered(self) -> None:
        self.show_tables()

    @on(FilterBar.Left)
    def _to_table(self) -> None:
        self.table.focus()


def _same(line: TableDiff | Folded, other: TableDiff | Folded | None) -> bool:
    """Whether both stand for the same table, or for the same tables."""
    if isinstance(line, Folded) or isinstance(other, Folded) or other is None:
        return isinstance(line, Folded) and isinstance(other, Folded)
    return (line.schema, line.table) == (other.schema, other.table)
