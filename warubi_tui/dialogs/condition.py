"""A condition in SQL that limits what is shown; it is tried before it is taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from warubi_tui.dialogs.ask import refusal
from warubi_tui.dialogs.frame import Dialog, button, heading
from warubi_tui.errors import WarubiError
from warubi_tui.text import clean, clean_lines


class ConditionDialog(Dialog[str]):
    """Enter counts what meets the condition, or says why it cannot; enter again takes it.

    An empty condition is taken at once: it ends the filter.
    """

    AUTO_FOCUS = "#condition"

    def __init__(self, ask: str, value: str, count: Callable[[str], Awaitable[str]]) -> None:
        """
        Args:
            ask: what the condition is about.
            value: what stands there to begin with.
            count: says how many rows meet a condition; raises WarubiError where that cannot be said.
        """
        super().__init__()
        self._ask = ask
        self._value = value
        self._count = count
        self._counted: str | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield heading("Only rows that meet a condition")
            yield Label(Content(clean_lines(self._ask)), classes="dialog-ask")
            yield Input(clean(self._value), compact=True, id="condition", placeholder="status = 'open'")
            yield Static("Enter counts the rows.", id="condition-count", classes="dialog-body")
            with Horizontal(classes="dialog-buttons"):
                yield button("Cancel", "cancel")
                yield button("Count", "count")
                yield button("Show these rows", "accept")

    def on_mount(self) -> None:
        self.query_one("#accept", Button).disabled = True

    @property
    def _condition(self) -> str:
        return self.query_one("#condition", Input).value.strip()

    def _say(self, words: str | Content) -> None:
        self.query_one("#condition-count", Static).update(
            words if isinstance(words, Content) else Content(words)
        )

    @on(Input.Changed)
    def _typed(self) -> None:
        """What was counted is no longer what stands there."""
        self.workers.cancel_group(self, "condition.count")
        self._counted = None
        self.query_one("#accept", Button).disabled = True
        self._say("Enter counts the rows." if self._condition else "Enter shows all rows again.")

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if self._condition in {"", self._counted}:
            self.dismiss(self._condition)
        else:
            self.count()

    @work(exclusive=True, group="condition.count", exit_on_error=False, description="Count rows")
    async def count(self) -> None:
        """Counts what meets the condition that stands there."""
        condition = self._condition
        self._say("Counting…")
        try:
            words = await self._count(condition)
        except WarubiError as error:
            self._say(refusal(error))
            return
        self._counted = condition
        self.query_one("#accept", Button).disabled = False
        self._say(f"{words} Enter shows them.")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "count":
            self._submitted()
        else:
            self.dismiss(self._condition if event.button.id == "accept" else None)
