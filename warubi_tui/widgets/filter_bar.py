"""The `/` filter of a list: it stays in sight with its count for as long as it filters."""

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


class FilterBar(Horizontal):
    """One row at the foot of a list. Enter goes back to the filtered list, escape ends the filter."""

    DEFAULT_CSS = """
    FilterBar {
        display: none;
        height: 1;
        background: $panel;
        & > #filter-label { width: auto; padding: 0 1; }
        & > Input { width: 1fr; }
        & > #filter-count { width: auto; padding: 0 1; color: $text-muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "end", "End filter", id="filter.end", tooltip="Show everything again", show=False),
    ]

    input = getters.query_one(Input)

    @dataclass
    class Changed(Message):
        """The text to filter by is now `text`; empty shows everything."""

        text: str

    @dataclass
    class Left(Message):
        """The keyboard should go back to the list."""

    def compose(self) -> ComposeResult:
        yield Static("/", id="filter-label")
        yield Input(compact=True, placeholder="part of a name")
        yield Static(id="filter-count")

    @property
    def text(self) -> str:
        """What is filtered by, in lower case."""
        return self.input.value.strip().lower()

    def open(self) -> None:
        """Shows the bar and takes the keyboard."""
        self.display = True
        self.input.focus()

    def count(self, shown: int, total: int) -> None:
        """Says how many of how many are left."""
        self.query_one("#filter-count", Static).update(Content(f"{shown} of {total}"))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self.text))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = bool(self.text)
        self.post_message(self.Left())

    def action_end(self) -> None:
        """Empties and hides the bar."""
        self.input.value = ""
        self.display = False
        self.post_message(self.Left())
