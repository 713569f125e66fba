"""A grid over any number of differing rows: it holds only the pages that were looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import Worker, WorkerState

from warubi_tui.text import clean
from warubi_tui.widgets.cells import cell_text, fit

if TYPE_CHECKING:
    from warubi_tui.diff.model import RowDiff

PAGE: Final = 200
"""Rows fetched at once."""
_PAGES_KEPT: Final = 20
_WIDEST: Final = 32
_NARROWEST: Final = 4
_GUTTER: Final = 2
_ARROW: Final = "→"

MARKS: Final = {"removed": "-", "added": "+", "changed": "~"}
"""What the gutter shows."""

Fetch = Callable[[int, int], "Awaitable[Sequence[RowDiff]]"]


@dataclass(frozen=True, slots=True)
class GridColumn:
    """A column of the grid with its width in cells."""

    name: str
    width: int


def grid_columns(rows: Sequence[RowDiff], key: Sequence[str]) -> list[GridColumn]:
    """The columns of `rows`: the key, then what changed, then the others, wide enough for most values."""
    names: dict[str, int] = dict.fromkeys(key, 0)
    for row in rows:
        names.update((name, 1) for name in row.columns if name not in names)
    for row in rows:
        for values in (row.then, row.now):
            names.update((name, 2) for name in values or {} if name not in names)
    ordered = sorted(names, key=lambda name: names[name])
    return [GridColumn(name, _width(name, rows)) for name in ordered]


def _width(name: str, rows: Sequence[RowDiff]) -> int:
    longest = max((cell_len(cell_words(row, name, _WIDEST)) for row in rows), default=0)
    return max(_NARROWEST, min(_WIDEST, max(longest, cell_len(clean(name)))))


def cell_words(row: RowDiff, name: str, cells: int) -> str:
    """What stands in a cell: the value, `then→now` where it changed, or nothing without such a column."""
    if name in row.columns and row.then is not None and row.now is not None:
        then, now = cell_text(row.then.get(name), cells), cell_text(row.now.get(name), cells)
        if cell_len(then) + 1 + cell_len(now) > cells:
            then = fit(then, max((cells - 1) // 2, cells - 1 - cell_len(now)))
            now = fit(now, cells - 1 - cell_len(then))
        return f"{then}{_ARROW}{now}"
    values = row.then if row.op == "removed" else row.now
    if values is None or name not in values:
        return ""
    return cell_text(values[name], cells)


class RowGrid(ScrollView, can_focus=True):
    """Draws a line as it comes into sight; until its page arrives a placeholder stands there."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-grid--header",
        "row-grid--cursor",
        "row-grid--removed-mark",
        "row-grid--added-mark",
        "row-grid--changed-mark",
        "row-grid--changed",
        "row-grid--null",
    }

    DEFAULT_CSS = """
    RowGrid {
        height: 1fr;
        border: round $border-blurred;
        scrollbar-size-vertical: 1;
        &:focus { border: round $border; }
        & > .row-grid--header { text-style: bold; background: $panel; }
        & > .row-grid--cursor { background: $primary-muted; }
        & > .row-grid--removed-mark { color: $text-warning; text-style: bold; }
        & > .row-grid--added-mark { color: $text-primary; text-style: bold; }
        & > .row-grid--changed-mark { text-style: bold; }
        & > .row-grid--changed { text-style: bold underline; }
        & > .row-grid--null { text-style: italic; color: $text-muted; }
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
        Binding("left", "column(-1)", "Left", id="grid.left", tooltip="Columns to the left", show=False),
        Binding("right", "column(1)", "Right", id="grid.right", tooltip="Columns to the right", show=False),
    ]

    cursor = reactive(0)
    """The row under the cursor, from 0."""

    @dataclass
    class RowChosen(Message):
        """The cursor is on another row; None while that row is still fetched."""

        row: RowDiff | None

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowGrid.RowChosen)

    @dataclass
    class Failed(Message):
        """A page could not be fetched."""

        error: BaseException

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        """How many rows there are."""
        self._fetch: Fetch | None = None
        self._key: Sequence[str] = ()
        self._columns: list[GridColumn] = []
        self._pages: OrderedDict[int, Sequence[RowDiff]] = OrderedDict()
        self._wanted: set[int] = set()

    def show_rows(self, total: int, key: Sequence[str], fetch: Fetch) -> None:
        """Shows `total` rows that `fetch(start, stop)` delivers; `key` names the columns to put first."""
        self.total, self._key, self._fetch = total, key, fetch
        self._pages.clear()
        self._wanted.clear()
        self._columns = []
        self.scroll_to(0, 0, animate=False)
        self.cursor = 0
        self._measure()
        if total:
            self._want(0)
        self.post_message(self.RowChosen(None))

    @property
    def row_under_cursor(self) -> RowDiff | None:
        """The row under the cursor; None while it is fetched, or without rows."""
        return self._row(self.cursor)

    def _row(self, number: int) -> RowDiff | None:
        page = self._pages.get(number // PAGE)
        offset = number % PAGE
        return page[offset] if page is not None and offset < len(page) else None

    def _want(self, page: int) -> None:
        """Asks for a page unless it is here or on its way."""
        if page in self._pages or page in self._wanted or not 0 <= page * PAGE < self.total:
            return
        self._wanted.add(page)
        self._load(page)

    @work(group="grid.page", exit_on_error=False, description="Load a page of rows")
    async def _load(self, page: int) -> None:
        fetch = self._fetch
        assert fetch is not None
        rows = await fetch(page * PAGE, (page + 1) * PAGE)
        if fetch is not self._fetch:
            return
        self._wanted.discard(page)
        self._pages[page] = rows
        while len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)
        if not self._columns:
            self._columns = grid_columns(rows, self._key)
            self._measure()
        self.refresh()
        if self.cursor // PAGE == page:
            self.post_message(self.RowChosen(self.row_under_cursor))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.post_message(self.Failed(event.worker.error))

    def _measure(self) -> None:
        width = _GUTTER + sum(column.width + 2 for column in self._columns)
        self.virtual_size = Size(width, self.total + 1)

    def render_line(self, y: int) -> Strip:
        scroll_x, scroll_y = self.scroll_offset
        width = self.scrollable_content_region.width
        line = self._line(scroll_y + y - 1) if y else self._header()
        return line.crop_extend(scroll_x, scroll_x + width, line_style(line) or self.rich_style)

    def _header(self) -> Strip:
        style = self.get_component_rich_style("row-grid--header")
        text = " " * _GUTTER + "".join(_fitted(clean(one.name), one.width) for one in self._columns)
        return Strip([Segment(text or " ", style)])

    def _line(self, number: int) -> Strip:
        if number >= self.total:
            return Strip([Segment(" ", self.rich_style)])
        base = self.rich_style
        if number == self.cursor:
            base += self.get_component_rich_style("row-grid--cursor", partial=True)
        row = self._row(number)
        if row is None:
            self._want(number // PAGE)
            return Strip([Segment(f"  row {number + 1}…", base + Style(dim=True))])
        mark = base + self.get_component_rich_style(f"row-grid--{row.op}-mark", partial=True)
        segments = [Segment(f"{MARKS[row.op]} ", mark)]
        for column in self._columns:
            segments += self._cell(row, column, base)
        return Strip(segments)

    def _cell(self, row: RowDiff, column: GridColumn, base: Style) -> list[Segment]:
        words = cell_words(row, column.name, column.width)
        text = _fitted(words, column.width)
        values = row.then if row.op == "removed" else row.now
        style = base
        if column.name in row.columns:
            style += self.get_component_rich_style("row-grid--changed", partial=True)
        elif values is not None and column.name in values and values[column.name] is None:
            style += self.get_component_rich_style("row-grid--null", partial=True)
        return [Segment(text[: len(words)], style), Segment(text[len(words) :], base)]

    def watch_cursor(self) -> None:
        self._reveal()
        self._want(self.cursor // PAGE)
        self.refresh()
        self.post_message(self.RowChosen(self.row_under_cursor))

    def _reveal(self) -> None:
        height = max(1, self.scrollable_content_region.height - 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)

    def _go(self, number: int) -> None:
        self.cursor = max(0, min(number, self.total - 1))

    def action_row(self, rows: int) -> None:
        """Moves the cursor by rows."""
        self._go(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Moves the cursor by screens."""
        self._go(self.cursor + pages * max(1, self.scrollable_content_region.height - 2))

    def action_edge(self, end: int) -> None:
        """Goes to the first or the last row."""
        self._go(self.total - 1 if end else 0)

    def action_column(self, direction: int) -> None:
        """Scrolls to the next column on that side."""
        edges = [0]
        for column in self._columns:
            edges.append(edges[-1] + column.width + 2)
        here = self.scroll_offset.x
        if direction > 0:
            target = next((edge for edge in edges if edge > here), here)
        else:
            target = next((edge for edge in reversed(edges) if edge < here), 0)
        self.scroll_to(x=target, animate=False)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y > 0:
            self._go(self.scroll_offset.y + offset.y - 1)

    def on_resize(self) -> None:
        self.refresh(Region(0, 0, *self.size))


def line_style(line: Strip) -> Style | None:
    """The style to go on with to the right of a line."""
    for segment in reversed(list(line)):
        if segment.style is not None:
            return Style(bgcolor=segment.style.bgcolor)
    return None


def _fitted(text: str, width: int) -> str:
    """Exactly `width` cells and two blanks."""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width) + "  "
