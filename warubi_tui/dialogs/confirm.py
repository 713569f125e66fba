"""Before something changes: what will happen, and for what cannot be taken back, the name typed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from warubi_tui.dialogs.frame import Dialog, button, heading
from warubi_tui.text import clean


class ConfirmDialog(Dialog[bool]):
    """Asks whether to go on. With `typed`, the confirming button works only once that text was typed."""

    def __init__(self, title: str, lines: Sequence[str], confirm: str, *, typed: str | None = None) -> None:
        """
        Args:
            title, lines: the question and its consequences; foreign text.
            confirm: the label of the confirming button, a verb.
            typed: what has to be typed, usually a branch's name; drawn as text.
        """
        super().__init__()
        self._title = title
        self._lines = lines
        self._confirm = confirm
        self._typed = typed

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False):
            yield heading(clean(self._title))
            yield Static(Content("\n".join(clean(line) for line in self._lines)), classes="dialog-body")
            yield from self._typing()
            with Horizontal(classes="dialog-buttons"):
                yield button("Cancel", "cancel")
                yield button(self._confirm, "confirm", dangerous=True)

    def _typing(self) -> Iterable[Widget]:
        if self._typed is not None:
            yield Label(type_request(self._typed), classes="dialog-ask", id="ask")
            yield Input(compact=True, id="typed")

    def on_mount(self) -> None:
        self.query_one("#confirm", Button).disabled = self._typed is not None

    def awaited(self) -> Input | None:
        return self.query_one("#typed", Input) if self._typed is not None else None

    @on(Input.Changed, "#typed")
    def _check(self, event: Input.Changed) -> None:
        self.query_one("#confirm", Button).disabled = event.value != self._typed
        self.query_one("#ask", Label).update(type_request(self._typed or ""))

    @on(Input.Submitted, "#typed")
    def _to_button(self, event: Input.Submitted) -> None:
        if event.value == self._typed:
            self.query_one("#confirm", Button).focus()
        elif self._typed is not None:
            self.query_one("#ask", Label).update(another_name(self._typed))

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        self.dismiss(True if event.button.id == "confirm" else None)


def type_request(name: str) -> Content:
    """The line that asks for a name to be typed."""
    return Content.assemble("Type ", (clean(name), "bold"), " to confirm:")


def another_name(name: str) -> Content:
    """The same line, after something else was typed."""
    return Content.assemble(("✖ Not the same name. ", "$text-error"), type_request(name))
