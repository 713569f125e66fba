"""A branch's connection string, masked until it is asked for."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Button, Static

from warubi_tui.dialogs.frame import Dialog, button, heading
from warubi_tui.secret import Secret, redact
from warubi_tui.text import clean


class ConnectionDialog(Dialog[None]):
    """Shows where a branch is reached. The password is drawn only after the reveal key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "reveal", "Show", id="connection.reveal", tooltip="Show the password, or hide it"),
        Binding("c", "copy", "Copy", id="connection.copy", tooltip="Copy it, with the password"),
    ]

    revealed = reactive(False)
    """Whether the password is on the screen."""

    def __init__(self, branch_name: str, uri: Secret) -> None:
        """
        Args:
            branch_name: foreign text.
        """
        super().__init__()
        self._branch_name = branch_name
        self._uri = uri

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield heading(f"Connection string of {clean(self._branch_name)}")
            yield Static(id="uri", classes="dialog-body")
            yield Static(
                Content("v shows the password, c copies the whole string to the clipboard, esc closes."),
                classes="dialog-body",
            )
            with Horizontal(classes="dialog-buttons"):
                yield button("Close", "cancel")
                yield button("Copy", "copy")
                yield button("Show", "reveal")

    def watch_revealed(self) -> None:
        whole = self._uri.reveal()
        self.query_one("#uri", Static).update(Content(clean(whole if self.revealed else redact(whole))))
        self.query_one("#reveal", Button).label = Content("Hide" if self.revealed else "Show")

    def action_reveal(self) -> None:
        """Shows or hides the password."""
        self.revealed = not self.revealed

    def action_copy(self) -> None:
        """Puts the whole string on the terminal's clipboard."""
        self.app.copy_to_clipboard(self._uri.reveal())
        self.notify("Copied, with the password", markup=False)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "reveal":
            self.action_reveal()
        elif event.button.id == "copy":
            self.action_copy()
        else:
            self.dismiss(None)
