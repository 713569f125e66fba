"""Home: every branch of the project as a tree, and what can be done with the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import DataTable, Static

from warubi_tui import timefmt
from warubi_tui.dialogs.ask import AskDialog
from warubi_tui.dialogs.confirm import ConfirmDialog
from warubi_tui.dialogs.connection import ConnectionDialog
from warubi_tui.errors import UsageError
from warubi_tui.neon.branches import NAME_LENGTH, children
from warubi_tui.screens.branch_rows import (
    AGE,
    MAX_ROWS,
    BranchRow,
    age_cell,
    branch_facts,
    branch_rows,
    columns,
    original_of,
)
from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.screens.work import Work
from warubi_tui.widgets.facts import facts_content
from warubi_tui.widgets.filter_bar import FilterBar
from warubi_tui.widgets.fitted_table import FittedTable

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch, Endpoint, Project

AGE_SECONDS: Final = 1
"""How often the ages on the screen are brought up to date."""

_CHANGES = frozenset({"restore", "rename", "protect", "set_default", "delete", "put_back"})


class BranchTable(FittedTable):
    """The list; enter opens the timeline."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "select_cursor", "Timeline", id="branches.timeline", tooltip="Its history on a time axis"
        ),
    ]


class BranchesScreen(ConsoleScreen):
    """The tree of branches with a detail pane."""

    CSS_PATH = "branches.tcss"
    TITLE_WORDS = "Branches"
    REFRESH_SECONDS: ClassVar[float] = 15
    ABOUT = (
        "Every branch of the project. 'Data as of' is the moment a branch left its parent. "
        "Enter opens the timeline of the branch under the cursor; a restored copy beside it is always safe. "
        "In read-only mode nothing that changes a branch is available: w allows changes."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "restore", "Restore…", id="branches.restore", tooltip="Bring back an earlier state"),
        Binding("d", "diff", "Diff…", id="branches.diff", tooltip="Compare this branch with another one"),
        Binding(
            "e", "rename", "Rename…", id="branches.rename", tooltip="Give the branch another name", show=False
        ),
        Binding(
            "p",
            "protect",
            "Protect",
            id="branches.protect",
            tooltip="Protect the branch, or stop",
            show=False,
        ),
        Binding(
            "f",
            "set_default",
            "Set default…",
            id="branches.default",
            tooltip="Make it the default branch",
            show=False,
        ),
        Binding(
            "u",
            "put_back",
            "Put back…",
            id="branches.put_back",
            tooltip="Undo a restore: put a kept state back over its branch",
            show=False,
        ),
        Binding(
            "c",
            "connection",
            "Connect…",
            id="branches.connection",
            tooltip="Its connection string, masked until asked for",
            show=False,
        ),
        Binding("x", "delete", "Delete…", id="branches.delete", tooltip="Delete the branch", show=False),
        Binding(
            "slash", "filter", "Filter", key_display="/", id="branches.filter", tooltip="By part of a name"
        ),
        Binding("4", "app.show('recover')", "Recover", id="branches.recover", tooltip="Guided, step by step"),
    ]

    branches: var[tuple[Branch, ...]] = var(())
    project: var[Project | None] = var(None)
    loaded_at: var[datetime | None] = var(None)
    """When `branches` were fetched; older than the last failed try means they are stale."""

    table = getters.query_one(BranchTable)
    detail = getters.query_one("#branch-detail", Static)
    state = getters.query_one("#branches-state", Static)
    filter_bar = getters.query_one(FilterBar)

    def __init__(self) -> None:
        super().__init__()
        self._endpoints: Sequence[Endpoint] = ()
        self._failed = False
        self._shown: dict[str, Branch] = {}
        self._rows: list[BranchRow] = []
        """The rows of the table where it has room for their ages."""

    def compose_body(self) -> Iterable[Widget]:
        yield Static(Content("Asking for the branches…"), id="branches-state")
        with Horizontal(id="branches-body"):
            yield BranchTable(id="branches", cursor_type="row")
            with VerticalScroll(id="branch-pane", can_focus=False):
                yield Static(id="branch-detail")
        yield FilterBar()

    def on_mount(self) -> None:
        self.console.work_changed.subscribe(self, self._work_changed)
        self.table.focus()
        self.watch(self.console, "read_only", self._read_only_changed, init=False)
        self._say_state(loading=True)
        self.set_interval(AGE_SECONDS, self.refresh_ages)
        self.call_after_refresh(self.load)

    def _read_only_changed(self) -> None:
        self._say_state()

    @work(exclusive=True, group="branches.load", exit_on_error=False, description="Load the branches")
    async def load(self) -> None:
        services = self.console.services
        self._failed = True
        self._say_state(loading=True)
        try:
            self.project = await services.project()
            self.console.project_name = self.project.name
            self.branches = tuple(await services.branches())
            self._endpoints = await services.endpoints()
            self.loaded_at = self.console.now()
            self._failed = False
        finally:
            self._say_state()
        self.show_branches()

    def show_branches(self) -> None:
        """Fills the table, keeping the cursor on its branch."""
        selected = self.selected
        shown = columns(self.table.size.width - 1)
        rows = branch_rows(self.branches, self.filter_bar.text, self.console.now())
        self._shown = {row.branch.id: row.branch for row in rows}
        self.table.clear(columns=True)
        for label, width in shown:
            self.table.add_column(label, width=width, key=label)
        for row in rows:
            self.table.add_row(*row.cells(shown), key=row.branch.id)
        self._rows = rows if AGE in {label for label, _ in shown} else []
        if selected is not None and selected.id in self._shown:
            self.table.move_cursor(row=self.table.get_row_index(selected.id), animate=False)
        self.filter_bar.count(len(rows), len(self.branches))
        self._show_detail()
        self._say_state()

    def refresh_ages(self) -> None:
        """Says how old the branches are by now."""
        if not self.is_current or self.loaded_at is None:
            return
        now = self.console.now()
        for row in self._rows:
            age = age_cell(row.branch, now)
            if self.table.get_cell(row.branch.id, AGE) != age:
                self.table.update_cell(row.branch.id, AGE, age)
        self._describe_selected()

    @on(FittedTable.Resized)
    def _fit_columns(self) -> None:
        if self.branches:
            self.show_branches()

    @property
    def selected(self) -> Branch | None:
        """The branch under the cursor."""
        if not self.table.is_valid_coordinate(self.table.cursor_coordinate):
            return None
        key = self.table.coordinate_to_cell_key(self.table.cursor_coordinate).row_key.value
        return self._shown.get(key or "")

    def _say_state(self, *, loading: bool = False) -> None:
        """The line above the table: how many, how much history, how fresh; or why there is nothing."""
        now, loaded = self.console.now(), self.loaded_at
        if loaded is None:
            words = "Asking for the branches…" if loading else "No branches loaded. r tries again."
            self.state.update(Content(words))
            return
        if not self.branches:
            self.state.update(Content("This project has no branches. r loads again."))
            return
        count = len(self.branches)
        facts = [f"{count} branch" if count == 1 else f"{count} branches"]
        if self.project is not None:
            kept = self.project.history_retention
            facts.append(
                f"history kept {timefmt.span_text(kept)}" if kept else "no history kept: cannot restore"
            )
        if count > MAX_ROWS:
            facts.append(f"the first {MAX_ROWS} shown: / filters")
        if self.console.read_only:
            facts.append("read-only: w allows changes")
        if self._failed and not loading:
            stale = f" · STALE, as of {timefmt.age(loaded, now)} ({timefmt.utc(loaded, 'seconds')})"
            self.state.update(Content.assemble(" · ".join(facts), (stale, "bold $text-warning")))
        else:
            self.state.update(Content(" · ".join(facts)))

    @on(DataTable.RowHighlighted, "#branches")
    def _show_detail(self) -> None:
        self.subject = self.selected.name if self.selected else ""
        self._describe_selected()
        self.refresh_bindings()

    def _describe_selected(self) -> None:
        branch = self.selected
        if branch is None:
            nothing = "Nothing matches the filter." if self.filter_bar.text else ""
            self.detail.update(Content(nothing))
        else:
            endpoint = next((one for one in self._endpoints if one.branch_id == branch.id), None)
            parent = next((one for one in self.branches if one.id == branch.parent_id), None)
            facts = branch_facts(branch, parent, endpoint, now=self.console.now(), zone=self.console.zone)
            self.detail.update(facts_content(facts))

    def _work_changed(self, changed: Work) -> None:
        if changed.finished is not None:
            self.load()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What changes a branch is greyed out in read-only mode and without a branch."""
        if action in _CHANGES and self.console.read_only:
            return None
        if action in _CHANGES | {"timeline", "diff", "connection"} and self.selected is None:
            return None
        if action == "put_back" and self.selected and original_of(self.selected, self.branches) is None:
            return None
        return True

    @on(DataTable.RowSelected, "#branches")
    def action_timeline(self) -> None:
        """Opens the timeline of the branch under the cursor."""
        if self.selected is not None:
            self.console.show_timeline(self.selected)

    def action_restore(self) -> None:
        """Opens the restore dialog for the branch under the cursor."""
        if self.selected is not None:
            self.console.restore(self.selected, "")

    def action_put_back(self) -> None:
        """Asks whether to put the kept state under the cursor back over the branch it was kept of."""
        kept = self.selected
        original = original_of(kept, self.branches) if kept is not None else None
        if kept is not None and original is not None:
            self.console.put_back(kept, original)

    @work(group="branches.connection", exit_on_error=False, description="Show the connection string")
    async def action_connection(self) -> None:
        """Shows the connection string of the branch under the cursor, masked."""
        branch = self.selected
        if branch is not None:
            uri = await self.console.services.connection_uri(branch)
            self.app.push_screen(ConnectionDialog(branch.name, uri))

    def action_diff(self) -> None:
        """Asks what to compare; a copy is compared with the branch it came from."""
        if self.selected is not None:
            self.console.choose_comparison(self.branches, self.selected)

    @work(group="dialog", exit_on_error=False, description="Ask for a new name")
    async def action_rename(self) -> None:
        """Asks for a new name and gives it."""
        branch = self.selected
        if branch is None:
            return
        taken = {one.name for one in self.branches}

        def meaning(text: str) -> str:
            name = text.strip()
            if name == branch.name:
                return "This is its name now."
            if name in taken:
                raise UsageError("There is already a branch with this name")
            if len(name) > NAME_LENGTH:
                raise UsageError(f"A name has at most {NAME_LENGTH} characters")
            return f"{branch.name} will be called {name}. Its data and connection string stay."

        name = await self.app.push_screen_wait(
            AskDialog("Rename a branch", "New name:", "Rename", value=branch.name, meaning=meaning)
        )
        if name is not None and name.strip() != branch.name:
            services = self.console.services
            self.console.run_work(
                f"Rename {branch.name} to {name.strip()}",
                lambda job: services.rename(branch, name.strip(), job.progress),
                branch=branch.name,
            )

    @work(group="dialog", exit_on_error=False, description="Ask whether to stop protecting")
    async def action_protect(self) -> None:
        """Protects the branch at once; asks before the protection is taken away."""
        branch = self.selected
        if branch is None:
            return
        if branch.protected and not await self.app.push_screen_wait(
            ConfirmDialog(
                f"Take the protection from {branch.name}?",
                ["A branch without protection can be deleted and overwritten."],
                "Take it away",
                typed=branch.name,
            )
        ):
            return
        protected, services = not branch.protected, self.console.services
        self.console.run_work(
            f"Protect {branch.name}" if protected else f"Stop protecting {branch.name}",
            lambda job: services.protect(branch, protected, job.progress),
        )

    @work(group="dialog", exit_on_error=False, description="Ask whether to set the default")
    async def action_set_default(self) -> None:
        """Makes the branch the default one, after its name was typed."""
        branch = self.selected
        if branch is not None and branch.default:
            self.console.say(f"{branch.name} is the default branch already")
            return
        if branch is None or not await self.app.push_screen_wait(
            ConfirmDialog(
                f"Make {branch.name} the default branch?",
                [
                    "Tools that name no branch will use it from now on.",
                    "No data and no connection string changes.",
                    "Undo: make the present default branch the default again.",
                ],
                "Set default",
                typed=branch.name,
            )
        ):
            return
        services = self.console.services
        self.console.run_work(
            f"Make {branch.name} the default branch", lambda job: services.set_default(branch, job.progress)
        )

    @work(group="dialog", exit_on_error=False, description="Ask whether to delete")
    async def action_delete(self) -> None:
        """Deletes the branch, after its name was typed."""
        branch = self.selected
        if branch is None:
            return
        below = children(self.branches, branch.id)
        lines = [
            f"Deletes: {branch.name} ({branch.id}), every database in it and its connection string.",
            "Undo: none here. Whoever still uses this branch loses it.",
        ]
        if below:
            names = ", ".join(child.name for child in below)
            lines.insert(1, f"It has children ({names}): the server will refuse.")
        if branch.default:
            lines.insert(1, "It is the default branch: the server will refuse.")
        if branch.protected:
            lines.insert(1, "It is protected: the server will refuse.")
        if await self.app.push_screen_wait(
            ConfirmDialog(f"Delete the branch {branch.name}?", lines, "Delete", typed=branch.name)
        ):
            services = self.console.services
            self.console.run_work(
                f"Delete {branch.name}", lambda job: services.delete(branch, job.progress), *lines
            )

    def action_filter(self) -> None:
        """Opens the filter."""
        self.filter_bar.open()

    @on(FilterBar.Changed)
    def _filtered(self) -> None:
        self.show_branches()

    @on(FilterBar.Left)
    def _to_table(self) -> None:
        self.table.focus()
