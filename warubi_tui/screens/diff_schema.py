"""How two schemas differ: as a list to read, or as text that a diff would print."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import getters, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from warubi_tui.diff.words import schema_words
from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.text import clean
from warubi_tui.widgets.values.view import LinesView

if TYPE_CHECKING:
    from warubi_tui.diff.model import SchemaChange
    from warubi_tui.screens.services import Comparison
    from warubi_tui.widgets.values.lines import Line, LineKind

_KINDS: dict[str, LineKind] = {"-": "old", "+": "new"}


class SchemaScreen(ConsoleScreen):
    """The differences of the schemas: one a line, or where they stand in the text of both."""

    CSS_PATH = "diff_rows.tcss"
    TITLE_WORDS = "Diff: schema"
    ABOUT = (
        "What of the schema is another one than then: - is not there any more, + was not there, ~ is"
        " different. u shows both schemas as SQL with the lines that differ; y copies what is shown."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "text", "List or text", id="schema.text", tooltip="As a list, or as SQL with - and +"),
        Binding("y", "copy", "Copy", id="schema.copy", tooltip="Copy all that is shown"),
        Binding("escape,b", "back", "Back", id="schema.back", tooltip="Back to the tables"),
    ]

    lines = getters.query_one(LinesView)
    state = getters.query_one("#schema-state", Static)

    def __init__(self, comparison: Comparison, then: str, now: str) -> None:
        """
        Args:
            comparison: has the changes.
            then, now: what the two sides are called.
        """
        super().__init__()
        self._comparison = comparison
        self._then, self._now = then, now
        self._as_text = False

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="schema-state")
        yield LinesView(id="schema-lines")

    def on_mount(self) -> None:
        self.subject = self._now
        self.lines.focus()
        self.load()

    @work(exclusive=True, group="schema.load", exit_on_error=False, description="Show the schemas")
    async def load(self) -> None:
        changes = self._comparison.schema
        count = f"{len(changes):,} differences" if len(changes) != 1 else "1 difference"
        self.state.update(
            Content.assemble(
                (count, "bold"), f" of the schemas · then {clean(self._then)}, now {clean(self._now)}"
            )
        )
        if self._as_text:
            text = await asyncio.to_thread(self._comparison.schema_text)
            self.lines.show([_text_line(line) for line in text.splitlines()])
        else:
            self.lines.show([_line(change) for change in changes])

    def action_text(self) -> None:
        """Shows the list of changes, or both schemas as SQL line by line."""
        self._as_text = not self._as_text
        self.load()

    def action_copy(self) -> None:
        """Copies what is shown."""
        self.app.copy_to_clipboard(self.lines.text)
        self.console.say("Copied the differences of the schemas")


def _line(change: SchemaChange) -> Line:
    words = schema_words(change)
    return ((words, _KINDS.get(words[0], "plain")),)


def _text_line(line: str) -> Line:
    kind = "dim" if line.startswith(("---", "+++", "@@")) else _KINDS.get(line[:1], "plain")
    return ((clean(line), kind),)
