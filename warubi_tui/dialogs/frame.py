"""What all dialogs share: the frame, escape, Cancel with the focus, and that no typed character is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label
from textual.worker import Worker, WorkerState

Result = TypeVar("Result")


class Dialog(ModalScreen[Result | None], Generic[Result]):
    """A dialog answers with its result, or with None when it was cancelled."""

    CSS_PATH = "dialogs.tcss"
    AUTO_FOCUS = "#cancel"

    @dataclass
    class Broken(Message):
        """Something unexpected failed in a dialog, and it closed."""

        error: BaseException

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="dialog.cancel", tooltip="Close; nothing is done"),
    ]

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Closes the dialog over an error that it does not know, for the screen below to show it."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.post_message(self.Broken(event.worker.error))
            self.dismiss(None)

    def action_cancel(self) -> None:
        """Closes the dialog without an answer."""
        self.dismiss(None)

    def awaited(self) -> Input | None:
        """The field that has to be filled in next; what is typed while a button has the focus goes there."""
        return None

    def on_key(self, event: events.Key) -> None:
        """Takes a character typed on a button to the field that waits for it."""
        if event.is_printable and event.character is not None and self._type(event.character):
            event.stop()

    def on_paste(self, event: events.Paste) -> None:
        """Takes a text pasted on a button to the field that waits for it."""
        if self._type(event.text):
            event.stop()

    def _taking(self) -> Input | None:
        """The field for a text that no widget took.

        A field with the focus takes its own keys: those that reach the dialog were pressed a moment before,
        while a button still had the focus.
        """
        if isinstance(self.focused, Input):
            return self.focused
        return self.awaited() if isinstance(self.focused, Button) else None

    def _type(self, text: str) -> bool:
        field = self._taking()
        if field is None:
            return False
        field.select_on_focus = False
        self.set_focus(field)
        field.insert_text_at_cursor("".join(text.splitlines()[:1]))
        return True


def heading(text: str | Content) -> Label:
    """The title line of a dialog. A plain string is drawn as it is."""
    return Label(text if isinstance(text, Content) else Content(text), classes="dialog-title")


def button(label: str, name: str, *, dangerous: bool = False) -> Button:
    """A flat button with the id `name`."""
    return Button(Content(label), id=name, variant="error" if dangerous else "default", compact=True)
