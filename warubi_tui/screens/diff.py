"""What differs between two branches: tables first, as they finish, then the rows of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static
from textual.worker import Worker, get_current_worker

from warubi_tui.dialogs.compare import Comparison
from warubi_tui.diff.words import schema_words
from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.screens.diff_rows import RowsScreen
from warubi_tui.text import clean, shorten
from warubi_tui.widgets.filter_bar import FilterBar

if TYPE_CHECKING:
    from warubi_tui.diff.model import Progress, SchemaChange, TableDiff
    from warubi_tui.neon.models import Branch
    from warubi_tui.screens import services

MAX_TABLES = 1_000
"""How many tables are listed; the filter brings the others in."""


_NAME = 30
_HOW = 26


class TablesTable(DataTable[object]):
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
        "'~ changed' has other values. "
        "Both sides are only read; a branch without a compute is read from a temporary branch, which is "
        "deleted afterwards. Enter shows the rows of a table; c compares other branches."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All tables", id="diff.all", tooltip="Show tables without a difference too"),
        Binding("c", "choose", "Compare…", id="diff.choose", tooltip="Choose other branches"),
        Binding("slash", "filter", "Filter", key_display="/", id="diff.filter", tooltip="By part of a name"),
        Binding(
            "s", "stop", "Stop", id="diff.stop", tooltip="Stop comparing; what is done stays", show=False
        ),
    ]

    table = getters.query_one(TablesTable)
    state = getters.query_one("#diff-state", Static)
    changes = getters.query_one("#schema-changes", Static)
    filter_bar = getters.query_one(FilterBar)

    def __init__(self) -> None:
        super().__init__()
        self._pair: tuple[Branch, Branch, str | None] | None = None
        self._comparison: services.Comparison | None = None
        self._at: Progress | None = None
        self._notices: list[str] = []
        """How the branches of this comparison are read, where that is special."""
        self._run: Worker[object] | None = None
        """What compares now."""
        self._news = False
        """Whether a table finished that is not shown yet."""
        self._show_all = False
        self._shown: list[TableDiff] = []

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="diff-state")
        yield TablesTable(id="tables", cursor_type="row")
        yield Static(id="schema-changes")
        yield FilterBar()

    def on_mount(self) -> None:
        for label, width in (
            ("Table", None),
            ("- removed", 10),
            ("+ added", 10),
            ("~ changed", 10),
            ("How", None),
        ):
            self.table.add_column(label, width=width)
        self.set_interval(0.5, self._while_running)
        self.watch(self.console, "comparing", self._take_up)

    def on_screen_resume(self) -> None:
        self.table.focus()

    def _take_up(self, pair: tuple[Branch, Branch, str | None] | None) -> None:
        self._pair = pair
        self._say_state()
        if pair is not None:
            self.load()

    def on_unmount(self) -> None:
        if self._comparison is not None:
            self._comparison.close()

    @work(exclusive=True, group="diff.run", exit_on_error=False, description="Compare two branches")
    async def load(self) -> None:
        if self._comparison is not None:
            self._comparison.close()
        self._comparison, self._at, self._shown, self._notices = None, None, [], []
        self.show_tables()
        if self._pair is None:
            return
        self.subject = self._pair[1].name
        run = self._run = get_current_worker()
        self._say_state()
        try:
            async with self.console.services.comparison(*self._pair, self._noticed) as comparison:
                self._comparison = comparison
                await comparison.run(on_table=self._table_finished, on_progress=self._progressed)
        finally:
            if self._run is run:
                self._run = None
                self.show_tables()
                self._say_state()

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
        if self._news:
            self._news = False
            self.show_tables()

    def show_tables(self) -> None:
        """Lists the tables that differ or could not be compared; all of them if asked."""
        selected = self.selected
        tables = self._comparison.tables if self._comparison else []
        wanted = self.filter_bar.text
        self._shown = [
            one
            for one in tables
            if (self._show_all or one.total or one.not_compared)
            and wanted in f"{one.schema}.{one.table}".lower()
        ][:MAX_TABLES]
        self.table.clear()
        for one in self._shown:
            self.table.add_row(*table_cells(one))
        if selected in self._shown:
            self.table.move_cursor(row=self._shown.index(selected), animate=False)
        self.filter_bar.count(len(self._shown), len(tables))
        self._show_notes()

    @on(DataTable.RowHighlighted, "#tables")
    def _show_notes(self) -> None:
        """Under the list: why the table under the cursor was not compared, and how the schemas differ."""
        table = self.selected
        notes = schema_content(self._comparison.schema if self._comparison else [])
        if table is not None and table.not_compared:
            reason = f"{table.schema}.{table.table} was not compared: {table.not_compared}"
            notes = Content("\n").join([Content.styled(clean(reason), "bold"), notes])
        self.changes.update(notes)
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
        comparison = self._comparison
        if comparison is None:
            return Content("Opening both databases…" if self._run else "Not compared. r tries again.")
        if self._run:
            at = self._at
            if at is None:
                return Content("Reading both schemas…")
            names = ", ".join(clean(f"{one.schema}.{one.table}") for one in at.current)
            number = min(at.tables_done + 1, at.tables)
            return Content(f"Comparing table {number:,} of {at.tables:,}: {names}, {at.differences:,} so far")
        if not comparison.finished:
            return Content.styled(
                "STOPPED: the tables below are complete, others are missing", "bold $text-warning"
            )
        different = sum(1 for one in comparison.tables if one.total)
        skipped = sum(1 for one in comparison.tables if one.not_compared)
        rows = sum(one.total for one in comparison.tables)
        words = f"{rows:,} rows in {different:,} of {len(comparison.tables):,} tables differ"
        if not rows and not comparison.schema and not skipped:
            words = f"No difference in {len(comparison.tables):,} tables"
        words += f" · {skipped:,} NOT compared" if skipped else ""
        notes = "".join(f" · {clean(note)}" for note in comparison.notes)
        return Content(f"{words} · {comparison.seconds:.1f} s{notes}")

    @property
    def selected(self) -> TableDiff | None:
        """The table under the cursor."""
        row = self.table.cursor_row
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stopping is possible only while something runs."""
        return None if action == "stop" and self._run is None else True

    @on(DataTable.RowSelected, "#tables")
    def _open_rows(self) -> None:
        table, comparison = self.selected, self._comparison
        if table is None or comparison is None or self._pair is None:
            return
        if not table.total:
            return
        then, now, _ = self._pair
        self.app.push_screen(RowsScreen(comparison, table, then.name, now.name))

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


def table_cells(table: TableDiff) -> list[Text]:
    """What the summary says about a table; what is too long is shown in full under the list."""
    name = clean(table.table if table.schema == "public" else f"{table.schema}.{table.table}")
    if table.not_compared:
        unknown = [Text("?", justify="right") for _ in range(3)]
        return [
            Text(shorten(name, _NAME)),
            *unknown,
            Text(shorten(f"NOT compared: {clean(table.not_compared)}", _HOW), style="bold"),
        ]
    counts = (table.removed, table.added, table.changed)
    numbers = [Text(f"{count:,}" if count else "·", justify="right") for count in counts]
    method = "by " + ", ".join(clean(column) for column in table.key) if table.key else table.method
    return [Text(shorten(name, _NAME)), *numbers, Text(f"{shorten(method, _HOW - 8)}, {table.seconds:.1f} s")]


def schema_content(changes: Iterable[SchemaChange]) -> Content:
    """The changes of the schema, one a line; nothing when there are none."""
    lines = [Content(schema_words(change)) for change in changes]
    if not lines:
        return Content("")
    title = Content.styled(f"Differences of the schemas: {len(lines)}", "bold")
    return Content("\n").join([title, *lines[:20], *([Content("…")] if len(lines) > 20 else [])])
