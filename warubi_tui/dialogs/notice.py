"""Something to read before one goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from warubi_tui.dialogs.frame import Dialog, button, heading
from warubi_tui.text import clean


@dataclass(frozen=True)
class Notice:
    """A title and lines; foreign text."""

    title: str
    lines: Sequence[str]


class NoticeDialog(Dialog[None]):
    """Shows a notice until enter or escape."""

    def __init__(self, notice: Notice) -> None:
        super().__init__()
        self._notice = notice

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False):
            yield heading(clean(self._notice.title))
            lines = "\n".join(clean(line) for line in self._notice.lines)
            yield Static(Content(lines), classes="dialog-body")
            with Horizontal(classes="dialog-buttons"):
                yield button("Go on", "cancel")

    @on(Button.Pressed)
    def _go_on(self) -> None:
        self.dismiss(None)
