"""Which two branches to compare, and which database of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, Select, Static

from warubi_tui.dialogs.frame import Dialog, button, heading
from warubi_tui.neon.branches import tree
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch


@dataclass(frozen=True)
class Comparison:
    """Two branches and a database; None is the first one that both have."""

    then: Branch
    now: Branch
    database: str | None


class CompareDialog(Dialog[Comparison]):
    """Asks for the two branches."""

    def __init__(self, branches: Sequence[Branch], first: Comparison) -> None:
        """
        Args:
            branches: what can be chosen.
            first: what is chosen to begin with; both are among `branches`.
        """
        super().__init__()
        self._branches = {row.branch.id: row.branch for row in tree(branches)}
        self._first = first

    def compose(self) -> ComposeResult:
        options = [(Text(clean(one.name)), one.id) for one in self._branches.values()]
        with Vertical(classes="dialog"):
            yield heading("Compare two branches")
            with Horizontal(classes="dialog-field"):
                yield Label("Then (trusted)")
                yield Select(options, value=self._first.then.id, allow_blank=False, id="then", compact=True)
            with Horizontal(classes="dialog-field"):
                yield Label("Now")
                yield Select(options, value=self._first.now.id, allow_blank=False, id="now", compact=True)
            with Horizontal(classes="dialog-field"):
                yield Label("Database")
                yield Input(
                    self._first.database,
                    compact=True,
                    id="database",
                    placeholder="the first one that both have",
                )
            yield Static(
                Content("Both are only read. 'Removed' was there then and is not there now."),
                classes="dialog-body",
            )
            with Horizontal(classes="dialog-buttons"):
                yield button("Cancel", "cancel")
                yield button("Compare", "compare")

    @on(Select.Changed)
    def _check(self) -> None:
        then, now = (self.query_one(name, Select).value for name in ("#then", "#now"))
        self.query_one("#compare", Button).disabled = then == now

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        if event.button.id != "compare":
            self.dismiss(None)
            return
        then, now = (self._branches[str(self.query_one(name, Select).value)] for name in ("#then", "#now"))
        self.dismiss(Comparison(then, now, self.query_one("#database", Input).value.strip() or None))


def suggestion(branches: Sequence[Branch], branch: Branch) -> Comparison:
    """What to compare `branch` with: a copy with its parent; a root with its newest child.

    Without one, the default branch with the newest other one, and others with the default branch.
    """
    parent = next((one for one in branches if one.id == branch.parent_id), None)
    if parent is not None:
        return Comparison(branch, parent, None)
    below = [one for one in branches if one.parent_id == branch.id]
    if below:
        return Comparison(max(below, key=lambda one: one.created_at), branch, None)
    others = [one for one in branches if one.id != branch.id]
    if branch.default and others:
        return Comparison(max(others, key=lambda one: one.created_at), branch, None)
    default = next((one for one in others if one.default), branch)
    return Comparison(branch, default, None)
