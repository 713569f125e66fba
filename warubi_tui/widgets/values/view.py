"""Draws any number of lines, those in sight only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from warubi_tui.widgets.values.lines import wrapped

if TYPE_CHECKING:
    from rich.style import Style

    from warubi_tui.widgets.values.lines import Line, LineKind


class LinesView(ScrollView, can_focus=True):
    """Lines that scroll up and down and are wrapped to the width there is."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines-view--dim",
        "lines-view--title",
        "lines-view--null",
        "lines-view--old",
        "lines-view--new",
        "lines-view--old-part",
        "lines-view--new-part",
    }

    DEFAULT_CSS = """
    LinesView {
        border: round $border-blurred;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        &:focus { border: round $border; }
        & > .lines-view--dim { color: $text-muted; }
        & > .lines-view--title { text-style: bold; }
        & > .lines-view--null { text-style: italic; color: $text-muted; }
        & > .lines-view--old { color: $text-warning; }
        & > .lines-view--new { color: $text-primary; }
        & > .lines-view--old-part { color: $text-warning; text-style: bold; }
        & > .lines-view--new-part { color: $text-primary; text-style: bold underline; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._wrapped: Sequence[Line] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Shows other lines, from the first one on."""
        self._lines = lines
        self.scroll_to(0, 0, animate=False)
        self._wrap()

    @property
    def text(self) -> str:
        """What it shows, in sight or not."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def on_resize(self) -> None:
        self._wrap()

    def _wrap(self) -> None:
        self._wrapped = wrapped(self._lines, self.scrollable_content_region.width)
        self.virtual_size = Size(0, len(self._wrapped))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        number = self.scroll_offset.y + y
        line = self._wrapped[number] if number < len(self._wrapped) else ()
        segments = [Segment(text, self._style(kind)) for text, kind in line]
        return Strip(segments).adjust_cell_length(self.scrollable_content_region.width, self.rich_style)

    def _style(self, kind: LineKind) -> Style:
        if kind == "plain":
            return self.rich_style
        return self.rich_style + self.get_component_rich_style(f"lines-view--{kind}", partial=True)
