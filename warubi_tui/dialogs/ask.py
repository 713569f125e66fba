"""One line of text: a new name, a time."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from warubi_tui.dialogs.frame import Dialog, button, heading
from warubi_tui.errors import WarubiError
from warubi_tui.text import clean, clean_lines


class AskDialog(Dialog[str]):
    """Asks for a line of text and says at once what the text means or why it cannot be taken."""

    AUTO_FOCUS = "#answer"

    def __init__(
        self, title: str, ask: str, accept: str, *, value: str = "", meaning: Callable[[str], str]
    ) -> None:
        """
        Args:
            title, ask: the question, and the line above the input; foreign text.
            accept: the label of the accepting button.
            value: what stands in the input at first.
            meaning: says what a text means, or raises WarubiError when it cannot be taken.
        """
        super().__init__()
        self._title = title
        self._ask = ask
        self._accept = accept
        self._value = value
        self._meaning = meaning

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield heading(clean(self._title))
            yield Label(Content(clean_lines(self._ask)), classes="dialog-ask")
            yield Input(clean(self._value), compact=True, id="answer")
            yield Static(id="meaning", classes="dialog-body")
            with Horizontal(classes="dialog-buttons"):
                yield button("Cancel", "cancel")
                yield button(self._accept, "accept")

    def on_mount(self) -> None:
        self.query_one("#accept", Button).disabled = not self._value.strip()

    @on(Input.Changed, "#answer")
    def _explain(self, event: Input.Changed) -> None:
        explanation = self.query_one("#meaning", Static)
        accept = self.query_one("#accept", Button)
        accept.disabled = True
        if not event.value.strip():
            explanation.update("")
            return
        try:
            explanation.update(Content(clean_lines(self._meaning(event.value))))
            accept.disabled = False
        except WarubiError as error:
            explanation.update(refusal(error))

    @on(Input.Submitted, "#answer")
    def _submitted(self) -> None:
        accept = self.query_one("#accept", Button)
        if not accept.disabled:
            accept.press()

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        self.dismiss(self.query_one("#answer", Input).value if event.button.id == "accept" else None)


def refusal(error: WarubiError) -> Content:
    """Why something cannot be taken, for the place where it was typed."""
    parts = [Content.styled(f"✖ {clean(error.title)}", "$text-error")]
    parts += [Content(clean_lines(text)) for text in (error.detail, error.hint) if text]
    return Content("\n").join(parts)
