"""One value of a differing row on the whole screen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import getters, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.text import clean
from warubi_tui.widgets.grid.cell import side_with
from warubi_tui.widgets.values.full import value_lines
from warubi_tui.widgets.values.view import LinesView

if TYPE_CHECKING:
    from warubi_tui.diff.model import RowDiff


class ValueScreen(ConsoleScreen):
    """A value with all of its lines, or both where it changed, line by line."""

    CSS_PATH = "diff_rows.tcss"
    TITLE_WORDS = "Diff: value"
    ABOUT = (
        "The value under the cursor of the grid: JSON is indented, bytes are dumped in hexadecimal, text is"
        " broken where it breaks. Where it changed, lines of then begin with -, lines of now with +; what is"
        " another one within a line is bold. Control characters are shown as signs; the copy holds the value"
        " as it is."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "go(1)", "Next", id="value.next", tooltip="The next column"),
        Binding("p", "go(-1)", "Before", id="value.previous", tooltip="The column before"),
        Binding("y", "copy('now')", "Copy", id="value.copy", tooltip="The value now, or the only one"),
        Binding(
            "Y",
            "copy('then')",
            "Copy then",
            key_display="Y",
            id="value.copy_then",
            tooltip="The value then, or the only one",
        ),
        Binding("escape,b", "back", "Back", id="value.back", tooltip="Back to the rows"),
    ]

    lines = getters.query_one(LinesView)
    state = getters.query_one("#value-state", Static)

    def __init__(self, row: RowDiff, names: Sequence[str], name: str, then: str, now: str) -> None:
        """
        Args:
            row: whole.
            names: the columns to go through.
            name: the one to begin with.
            then, now: what the two sides are called.
        """
        super().__init__()
        self._row = row
        self._names = names
        self._place = names.index(name)
        self._then, self._now = then, now

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="value-state")
        yield LinesView(id="value-lines")

    def on_mount(self) -> None:
        self.subject = self._now
        self.lines.focus()
        self.load()

    @work(exclusive=True, group="value.load", exit_on_error=False, description="Lay a value out")
    async def load(self) -> None:
        row, name = self._row, self._names[self._place]
        key = ", ".join(f"{clean(part)} = {clean(str(value))}" for part, value in row.key.items())
        table = f"{row.schema}.{row.table}"
        place = f"column {self._place + 1:,} of {len(self._names):,}"
        self.state.update(
            Content.assemble((clean(name), "bold"), f" of {clean(table)} · {place} · {row.op} {key}")
        )
        self.lines.show(await asyncio.to_thread(value_lines, row, name, self._then, self._now))

    def action_go(self, columns: int) -> None:
        """Shows the column before or after."""
        self._place = max(0, min(self._place + columns, len(self._names) - 1))
        self.load()

    def action_copy(self, side: str) -> None:
        """Copies the value of a side, as it is."""
        name = self._names[self._place]
        wanted = self._row.then if side == "then" else self._row.now
        values = wanted if wanted is not None and name in wanted else side_with(self._row, name)
        value = values[name] if values is not None else None
        if value is None:
            self.console.say("NULL cannot be copied" if values is not None else "There is no value here")
            return
        self.app.copy_to_clipboard(value.encode("utf-8", "replace").decode())
        self.console.say(f"Copied {len(value):,} characters")
