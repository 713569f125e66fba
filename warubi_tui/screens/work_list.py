"""What the console is doing and has done: it goes on whether or not one is looking."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.text import Text
from textual import getters, on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static

from warubi_tui import timefmt
from warubi_tui.neon.models import Operation
from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.screens.work import Work, WorkState
from warubi_tui.text import clean, clean_lines, shorten_middle
from warubi_tui.widgets.facts import facts_content
from warubi_tui.widgets.fitted_table import FittedTable

_MARKS: Final = {
    WorkState.RUNNING: "▶",
    WorkState.DONE: "✔",
    WorkState.FAILED: "✖",
    WorkState.UNKNOWN: "?",
}
_STYLES: Final = {
    WorkState.RUNNING: "bold",
    WorkState.DONE: "$text-success",
    WorkState.FAILED: "bold $text-error",
    WorkState.UNKNOWN: "bold $text-warning",
}


_PADDING: Final = 2
_TITLE_LEAST: Final = 20


class WorkScreen(ConsoleScreen):
    """The list of work, newest first, and the operations of the one under the cursor."""

    CSS_PATH = "work_list.tcss"
    TITLE_WORDS = "Work"
    ABOUT = (
        "Every change that was started here, newest first. Work goes on when you leave this screen; "
        "come back with 5. 'Outcome unknown' means the answer was lost: look at the branches before you "
        "repeat it."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "d", "compare", "Diff", id="work.compare", tooltip="Compare the restored state with the other one"
        ),
        Binding("b", "home", "Branches", id="work.branches", tooltip="To the list of branches"),
    ]

    table = getters.query_one("#works", FittedTable)
    detail = getters.query_one("#work-detail", Static)

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="works-state")
        yield FittedTable(id="works", cursor_type="row")
        with VerticalScroll(id="work-pane", can_focus=False):
            yield Static(id="work-detail")

    def on_mount(self) -> None:
        self.console.work_changed.subscribe(self, self._show)
        self.set_interval(1, self._show_running)
        self._show()
        self.table.focus()

    def on_screen_resume(self) -> None:
        if self.console.works:
            self.table.move_cursor(row=0, animate=False)
        self._show()

    def load(self) -> None:
        self._show()

    def _show(self, changed: Work | None = None) -> None:
        row = self.table.cursor_row
        room = self._make_columns()
        for work in self.console.works:
            self.table.add_row(
                Text(_MARKS[work.state]),
                Text(shorten_middle(clean(work.title), room)),
                Text(work.state.value),
                Text(timefmt.utc(work.started, "seconds")[11:]),
            )
        self.table.move_cursor(row=min(row, max(len(self.console.works) - 1, 0)), animate=False)
        running = len(self.console.running_works)
        words = f"{running} running, {len(self.console.works) - running} ended"
        self.query_one("#works-state", Static).update(
            words if self.console.works else "Nothing was started yet."
        )
        self._show_detail()

    def _make_columns(self) -> int:
        """Empties the table and gives the titles what the other columns leave: that many cells."""
        others = (("State", len(WorkState.UNKNOWN.value)), ("Started", len("14:07:58Z")))
        taken = 1 + 2 * _PADDING + sum(width + _PADDING for _, width in others)
        room = max(self.table.size.width - taken - 1, _TITLE_LEAST)
        self.table.clear(columns=True)
        for label, width in (("", 1), ("Work", room), *others):
            self.table.add_column(label, width=width)
        return room

    @on(FittedTable.Resized)
    def _fit_columns(self) -> None:
        self._show()

    def _show_running(self) -> None:
        if self.is_current and self.selected is not None and self.selected.finished is None:
            self._show_detail()

    @property
    def selected(self) -> Work | None:
        """The work under the cursor."""
        works, row = self.console.works, self.table.cursor_row
        return works[row] if 0 <= row < len(works) else None

    @on(DataTable.RowHighlighted, "#works")
    def _show_detail(self) -> None:
        work = self.selected
        self.subject = work.branch if work else ""
        if work is None:
            self.detail.update("Restores and other changes that you start are listed here.")
        else:
            self.detail.update(self._describe(work))
        self.refresh_bindings()

    def _describe(self, work: Work) -> Content:
        took = (work.finished or self.console.now()) - work.started
        state = f"{_MARKS[work.state]} {work.state.value}, {took.total_seconds():.0f} s"
        parts = [
            Content.styled(clean(work.title), "bold"),
            Content.styled(state, _STYLES[work.state]),
        ]
        if work.operations:
            parts.append(facts_content(_operation_fact(one) for one in work.operations))
        parts += [Content(clean(line)) for line in work.results]
        if work.error is not None:
            parts.append(Content(clean_lines(str(work.error))))
        if work.state is WorkState.DONE and work.comparison is not None:
            parts.append(Content("d shows the difference between the restored state and the other one."))
        if work.plan:
            parts += [Content.styled("\nAs announced", "bold"), *(Content(clean(line)) for line in work.plan)]
        return Content("\n").join(parts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to compare only after a restore."""
        if action == "compare" and (self.selected is None or self.selected.comparison is None):
            return None
        return True

    def action_compare(self) -> None:
        """Compares what the work made with what it was made of."""
        if self.selected is not None and self.selected.comparison is not None:
            self.console.show_diff(*self.selected.comparison)

    def action_home(self) -> None:
        """Goes to the branches."""
        self.app.switch_mode("branches")


def _operation_fact(operation: Operation) -> tuple[str, str]:
    mark = "✔" if operation.succeeded else "✖" if operation.failed else "▶"
    seconds = f" {operation.duration.total_seconds():.1f} s" if operation.terminal else ""
    reason = f": {operation.error}" if operation.error else ""
    return f"{mark} {clean(operation.words)}", f"{operation.status}{seconds}{reason}"
