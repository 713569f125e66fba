"""The widget: draws the lines in sight, fetches the pages they need, and moves a cursor over the cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import Worker, WorkerState

from warubi_tui.widgets.grid.layout import Column, Columns, first_to_show, lay_out
from warubi_tui.widgets.grid.pages import PAGE, GridRow, Pages, Source
from warubi_tui.widgets.grid.strips import GUTTER, header_parts, hidden_words, line_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from warubi_tui.diff.model import ViewRow
    from warubi_tui.widgets.grid.strips import LineParts

_STRIPS_KEPT: Final = 512


class RowGrid(ScrollView, can_focus=True):
    """A grid over any number of rows: it holds the pages that were looked at last, and no others.

    Columns scroll by themselves while the key stands still; the widget has no horizontal scroll bar.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-grid--header",
        "row-grid--here",
        "row-grid--cursor",
        "row-grid--cell",
        "row-grid--marked",
        "row-grid--removed",
        "row-grid--added",
        "row-grid--changed",
        "row-grid--old",
        "row-grid--new",
        "row-grid--between",
        "row-grid--null",
        "row-grid--match",
    }

    DEFAULT_CSS = """
    RowGrid {
        height: 1fr;
        border: round $border-blurred;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        &:focus { border: round $border; }
        & > .row-grid--header { text-style: bold; background: $panel; }
        & > .row-grid--here { text-style: bold underline; background: $panel; }
        & > .row-grid--cursor { background: $primary-muted; }
        & > .row-grid--cell { text-style: reverse; }
        & > .row-grid--marked { text-style: bold; }
        & > .row-grid--removed { color: $text-warning; text-style: bold; }
        & > .row-grid--added { color: $text-primary; text-style: bold; }
        & > .row-grid--changed { text-style: bold; }
        & > .row-grid--old { color: $text-warning; text-style: bold; }
        & > .row-grid--new { color: $text-primary; text-style: bold underline; }
        & > .row-grid--between { text-style: bold; }
        & > .row-grid--null { text-style: italic; color: $text-muted; }
        & > .row-grid--match { text-style: reverse; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "row(-1)", "Up", id="grid.up", tooltip="One row up", show=False),
        Binding("down", "row(1)", "Down", id="grid.down", tooltip="One row down", show=False),
        Binding("pageup", "page(-1)", "Page up", id="grid.page_up", tooltip="One screen up", show=False),
        Binding(
            "pagedown", "page(1)", "Page down", id="grid.page_down", tooltip="One screen down", show=False
        ),
        Binding("home", "edge(0)", "First", id="grid.first", tooltip="The first row", show=False),
        Binding("end", "edge(1)", "Last", id="grid.last", tooltip="The last row", show=False),
        Binding("left", "column(-1)", "Left", id="grid.left", tooltip="One column to the left", show=False),
        Binding(
            "right", "column(1)", "Right", id="grid.right", tooltip="One column to the right", show=False
        ),
        Binding(
            "left_square_bracket",
            "changed(-1)",
            "Change before",
            key_display="[",
            id="grid.changed_before",
            tooltip="To the changed cell before, in this row",
            show=False,
        ),
        Binding(
            "right_square_bracket",
            "changed(1)",
            "Next change",
            key_display="]",
            id="grid.changed_next",
            tooltip="To the next changed cell of this row",
            show=False,
        ),
    ]

    cursor = reactive(0)
    """The position of the row under the cursor."""
    column = reactive(0)
    """The number of the column under the cursor, among those in use."""
    only_changed = reactive(False)
    """Whether columns without a change, other than the key, are left out."""
    term = reactive("")
    """Cells that hold this text are shown as found; in lower case."""

    @dataclass
    class CellChosen(Message):
        """The cursor is on another cell, or the row under it has arrived."""

        position: int

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowGrid.CellChosen)

    @dataclass
    class Failed(Message):
        """A page could not be fetched."""

        error: BaseException

    def __init__(self) -> None:
        super().__init__()
        self._source: Source | None = None
        self._columns = Columns()
        self._pages = Pages()
        self._loading = False
        self._first = 0
        """From which column on the grid is scrolled to."""
        self._strips: LRUCache[tuple[int, int | None, bool], Strip] = LRUCache(_STRIPS_KEPT)
        self._styles: dict[str, Style] = {}
        self._layout = lay_out((), 0, 1)

    def show_rows(self, source: Source, *, at: int = 0) -> None:
        """Shows the rows of another source of the same columns, with the cursor at the position `at`."""
        self._source = source
        self._pages = Pages()
        self.virtual_size = Size(0, source.total + 1)
        self.redraw()
        self.cursor = max(0, min(at, source.total - 1))
        self._reveal_row()
        self._fetch()
        self.post_message(self.CellChosen(self.cursor))

    def use_columns(self, key: Sequence[str], changed: Mapping[str, int]) -> None:
        """Says which columns stand first: the key, then those that changed, by the number of rows."""
        self._columns = Columns(key, changed)

    @property
    def total(self) -> int:
        """How many rows there are."""
        return self._source.total if self._source is not None else 0

    @property
    def columns(self) -> Sequence[Column]:
        """The columns in use; none before the first rows are here."""
        if not self.only_changed:
            return self._columns.all
        return [column for column in self._columns.all if column.rank < 2]

    @property
    def column_name(self) -> str | None:
        """The column under the cursor."""
        columns = self.columns
        return columns[self.column].name if self.column < len(columns) else None

    @property
    def row_under_cursor(self) -> GridRow | None:
        """The row under the cursor as the grid keeps it; None while it is fetched, or without rows."""
        return self._pages.row(self.cursor)

    def mark(self, position: int, marked: bool) -> None:
        """Draws a row as marked, or not."""
        self._pages.mark(position, marked)
        self.refresh_line(position + 1)

    def redraw(self) -> None:
        """Draws everything anew."""
        self._strips.clear()
        self._layout = lay_out(self.columns, self._first, self._room)
        self.border_subtitle = hidden_words(self._layout)
        self.refresh()

    def notify_style_update(self) -> None:
        self._strips.clear()
        self._styles.clear()
        super().notify_style_update()

    @property
    def _room(self) -> int:
        return max(1, self.scrollable_content_region.width - GUTTER)

    # Rows come and are drawn

    def _fetch(self) -> None:
        """Sees to it that the rows in sight are fetched."""
        if not self._loading and self._missing() is not None:
            self._loading = True
            self._load()

    @work(group="grid.page", exit_on_error=False, description="Load rows")
    async def _load(self) -> None:
        try:
            while (pages := self._missing()) is not None:
                source = self._source
                assert source is not None
                start = pages.start * PAGE
                rows = await source.rows(start, min(pages.stop * PAGE, source.total))
                if source is self._source:
                    news = [self._take(page, rows[page * PAGE - start :][:PAGE]) for page in pages]
                    self.redraw() if any(news) else self.refresh()
                    if self.cursor // PAGE in pages:
                        self.post_message(self.CellChosen(self.cursor))
        finally:
            self._loading = False

    def _take(self, page: int, rows: Sequence[ViewRow]) -> bool:
        """Keeps a page; tells whether the columns change by it."""
        return self._columns.learn(self._pages.put(page, rows))

    def _missing(self) -> range | None:
        """Pages that are wanted and not here: those in sight, or that of the cursor."""
        last = self.total - 1
        if last < 0:
            return None
        top = self.scroll_offset.y
        bottom = top + max(0, self.scrollable_content_region.height - 2)
        in_sight = range(min(top, last) // PAGE, min(bottom, last) // PAGE + 1)
        missing = [page for page in (*in_sight, self.cursor // PAGE) if page not in self._pages]
        if not missing:
            return None
        ends = [page for page in missing if page in in_sight] or missing
        return range(ends[0], ends[-1] + 1)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.post_message(self.Failed(event.worker.error))

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self._drawn(header_parts(self._layout, self.column), ("header",))
        position = self.scroll_offset.y + y - 1
        if position >= self.total:
            return Strip.blank(self.scrollable_content_region.width, self.rich_style)
        row = self._pages.row(position)
        if row is None:
            self._fetch()
            return self._drawn([(f"   row {position + 1:,}…", ("null",))])
        column = self.column if position == self.cursor else None
        key = (position, column, row.marked)
        strip = self._strips.get(key)
        if strip is None:
            base = ("cursor",) if column is not None else ()
            strip = self._drawn(line_parts(row, self._layout, column, self.term), base)
            self._strips[key] = strip
        return strip

    def _drawn(self, parts: LineParts, base: tuple[str, ...] = ()) -> Strip:
        """The parts of a line, each styled on top of `base`, as a strip over the whole width."""
        segments = [Segment(text, self._style((*base, *kinds))) for text, kinds in parts if text]
        return Strip(segments).adjust_cell_length(self.scrollable_content_region.width, self._style(base))

    def _style(self, kinds: tuple[str, ...]) -> Style:
        """The styles of the kinds on top of each other."""
        name = " ".join(kinds)
        if name not in self._styles:
            style = self.rich_style
            for kind in kinds:
                style += self.get_component_rich_style(f"row-grid--{kind}", partial=True)
            self._styles[name] = style
        return self._styles[name]

    # The cursor moves

    def watch_cursor(self, before: int) -> None:
        self._reveal_row()
        self._fetch()
        self.refresh_line(before + 1)
        self.refresh_line(self.cursor + 1)
        self.post_message(self.CellChosen(self.cursor))

    def watch_column(self) -> None:
        self._reveal_column()
        self.post_message(self.CellChosen(self.cursor))

    def watch_only_changed(self, before: bool) -> None:
        """Keeps the cursor on its column if that is still in use."""
        names = [column.name for column in self._columns.all if not before or column.rank < 2]
        name = names[self.column] if self.column < len(names) else None
        self.go_to_column(name)
        self.redraw()

    def watch_term(self) -> None:
        self.redraw()

    def go_to_column(self, name: str | None) -> None:
        """Moves the cursor to a column; to the first one if there is none of that name."""
        names = [column.name for column in self.columns]
        self.column = names.index(name) if name in names else 0
        self._reveal_column()

    def _reveal_row(self) -> None:
        height = max(1, self.scrollable_content_region.height - 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)

    def _reveal_column(self) -> None:
        self._first = first_to_show(self.columns, self._first, self.column, self._room)
        self.redraw()

    def go_to_row(self, position: int) -> None:
        """Moves the cursor to a row, or to the nearest there is."""
        self.cursor = max(0, min(position, self.total - 1))

    def action_row(self, rows: int) -> None:
        """Moves the cursor by rows."""
        self.go_to_row(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Moves the cursor by screens."""
        self.go_to_row(self.cursor + pages * max(1, self.scrollable_content_region.height - 2))

    def action_edge(self, end: int) -> None:
        """Goes to the first or the last row."""
        self.go_to_row(self.total - 1 if end else 0)

    def action_column(self, columns: int) -> None:
        """Moves the cursor by columns."""
        self.column = max(0, min(self.column + columns, len(self.columns) - 1))

    def action_changed(self, direction: int) -> None:
        """Moves the cursor to the next changed cell of its row on one side."""
        row = self.row_under_cursor
        if row is None:
            return
        changed = (i for i, column in self._on_side(direction) if column.name in row.row.columns)
        self.column = next(changed, self.column)

    def _on_side(self, direction: int) -> Iterator[tuple[int, Column]]:
        """The columns on one side of the cursor with their numbers, the nearest first."""
        numbered = list(enumerate(self.columns))
        return iter(numbered[self.column + 1 :] if direction > 0 else numbered[: self.column][::-1])

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        place = self._layout.at(offset.x - GUTTER)
        if place is not None:
            self.column = place.index
        if offset.y > 0:
            self.go_to_row(self.scroll_offset.y + offset.y - 1)

    def on_resize(self) -> None:
        self._reveal_column()
        self._reveal_row()
        self._fetch()
