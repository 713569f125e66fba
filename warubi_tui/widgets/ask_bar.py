"""One line at the foot of a screen that asks for a text, one question at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from warubi_tui.text import clean


class AskBar(Horizontal):
    """Hidden until it asks; enter answers, escape takes the question back."""

    DEFAULT_CSS = """
    AskBar {
        display: none;
        height: 1;
        background: $panel;
        & > #ask-label { width: auto; padding: 0 1; }
        & > Input { width: 1fr; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Never mind", id="ask.leave", tooltip="Close it; all stays", show=False),
    ]

    input = getters.query_one(Input)

    @dataclass
    class Answered(Message):
        """`text` is the answer to `question`; it may be empty."""

        question: str
        text: str

    @dataclass
    class Left(Message):
        """The keyboard should go back to where it was."""

    def __init__(self) -> None:
        super().__init__()
        self._question = ""

    def compose(self) -> ComposeResult:
        yield Static(id="ask-label")
        yield Input(compact=True)

    def ask(self, question: str, label: str, text: str = "") -> None:
        """Asks, with `text` as what stands there to begin with. `question` comes back with the answer."""
        self._question = question
        self.query_one("#ask-label", Static).update(Content(clean(label)))
        self.input.value = text
        self.display = True
        self.input.focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = False
        self.post_message(self.Left())
        self.post_message(self.Answered(self._question, event.value))

    def action_leave(self) -> None:
        """Hides the bar."""
        self.display = False
        self.post_message(self.Left())
