"""Draws the history window as a time axis with lanes, and maps keys and mouse to moving around in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from warubi_tui import timefmt
from warubi_tui.text import clean, shorten
from warubi_tui.widgets.timeline.canvas import Canvas
from warubi_tui.widgets.timeline.lanes import Mark, bars, commits_by_cell, place
from warubi_tui.widgets.timeline.ticks import label, length_words, precision, step_for, ticks
from warubi_tui.widgets.timeline.viewport import Viewport, to_datetime, to_microseconds

if TYPE_CHECKING:
    from warubi_tui.history.events import Event
    from warubi_tui.neon.models import Activity

GUTTER: Final = 9
"""Cells at the left for the names of the rows."""

GLYPHS: Final = {"created": "●", "branch": "◇", "restore": "↺", "reset": "↺", "expiry": "✗", "operation": "▪"}
_OTHER_GLYPH: Final = "•"
_NAME_LENGTH: Final = 28
_DAY_LENGTH: Final = len("2026-11-22 ")


def glyph(kind: str) -> str:
    """The mark of a kind of event, one cell wide."""
    return GLYPHS.get(kind, _OTHER_GLYPH)


class TimelineView(Widget, can_focus=True):
    """The time axis. Everything inside is integer microseconds; messages carry aware UTC datetimes."""

    DEFAULT_CSS = """
    TimelineView {
        height: 1fr;
        padding: 0 1;
        border: round $border-blurred;
        &:focus { border: round $border; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Earlier", id="axis.left", tooltip="One cell earlier", show=False),
        Binding("right", "move(1)", "Later", id="axis.right", tooltip="One cell later", show=False),
        Binding(
            "shift+left,pageup",
            "pan(-1)",
            "Pan back",
            id="axis.pan_left",
            tooltip="Half a screen earlier",
            show=False,
        ),
        Binding(
            "shift+right,pagedown",
            "pan(1)",
            "Pan on",
            id="axis.pan_right",
            tooltip="Half a screen later",
            show=False,
        ),
        Binding(
            "plus,equals_sign",
            "zoom(1, 2)",
            "Zoom",
            key_display="+",
            id="axis.in",
            tooltip="In, at the cursor",
        ),
        Binding(
            "minus",
            "zoom(2, 1)",
            "Zoom out",
            key_display="-",
            id="axis.out",
            tooltip="At the cursor",
            show=False,
        ),
        Binding("0", "fit", "All", id="axis.fit", tooltip="The whole history window", show=False),
        Binding("home", "edge(0)", "Oldest", id="axis.oldest", tooltip="The start of the window", show=False),
        Binding("end", "edge(1)", "Newest", id="axis.newest", tooltip="The end of the window", show=False),
        Binding("n", "snap(1)", "Next event", id="axis.next", tooltip="To the next event"),
        Binding(
            "p", "snap(-1)", "Previous event", id="axis.previous", tooltip="To the event before", show=False
        ),
    ]

    viewport: reactive[Viewport | None] = reactive(None)
    cursor: reactive[int] = reactive(0)
    """The chosen instant in microseconds since the epoch, always inside the window."""
    happened: reactive[Sequence[Event]] = reactive(())
    """What happened to the branch, oldest first."""
    activity: reactive[Activity | None] = reactive(None)
    """Commits over time; None where the server does not tell, and then the lane is not there."""

    @dataclass
    class CursorMoved(Message):
        """Another instant is chosen."""

        at: datetime

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TimelineView.CursorMoved)

    @dataclass
    class Moved(Message):
        """Another part of the window is in sight: from `start` to `end`, on `cells` cells."""

        start: datetime
        end: datetime
        cells: int

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TimelineView.Moved)

    @dataclass
    class NoEvent(Message):
        """There is no event on this side of the cursor: `before` or `after`."""

        side: str

    def __init__(self, zone: tzinfo) -> None:
        super().__init__()
        self._zone = zone

    @property
    def cells(self) -> int:
        """How many cells the axis has."""
        return max(1, self.size.width - GUTTER)

    def show_window(self, start: datetime, end: datetime, *, cursor: datetime | None = None) -> None:
        """Takes a history window. A new one is shown whole, with the cursor at its end or at `cursor`."""
        first, last = to_microseconds(start), max(to_microseconds(start), to_microseconds(end))
        if self.viewport is None or cursor is not None:
            self.viewport = Viewport.over(first, last, self.cells)
            self.choose(last if cursor is None else to_microseconds(cursor))
        else:
            at_end = self.cursor == self.viewport.last
            self.viewport = self.viewport.within(first, last)
            if at_end or self.viewport.clamp(self.cursor) != self.cursor:
                self.choose(last if at_end else self.cursor, follow=False)

    def forget(self) -> None:
        """Shows nothing, before another branch is loaded."""
        self.viewport = None
        self.happened = ()
        self.activity = None

    def choose(self, instant: int, *, follow: bool = True) -> None:
        """Puts the cursor on the instant of the window nearest to `instant` and brings it into sight."""
        if self.viewport is None:
            return
        self.cursor = self.viewport.clamp(instant)
        if follow:
            self.viewport = self.viewport.reveal(self.cursor)
        self.post_message(self.CursorMoved(to_datetime(self.cursor)))

    def event_at_cursor(self) -> Event | None:
        """An event in the cell of the cursor, the one nearest to the cursor."""
        if self.viewport is None:
            return None
        cell = self.viewport.cell_of(self.cursor)
        here = [one for one in self.happened if self.viewport.cell_of(to_microseconds(one.at)) == cell]
        return min(here, key=lambda one: abs(to_microseconds(one.at) - self.cursor), default=None)

    def watch_viewport(self, old: Viewport | None, new: Viewport | None) -> None:
        if new is not None and old != new:
            self.post_message(self.Moved(to_datetime(new.start), to_datetime(new.end), new.width))

    def on_resize(self) -> None:
        if self.viewport is not None:
            self.viewport = self.viewport.resized(self.cells)

    def action_move(self, cells: int) -> None:
        """Moves the cursor by cells of the axis."""
        view = self.viewport
        if view is None:
            return
        if not view.shows(self.cursor):
            self.choose(self.cursor)
            return
        cell = view.cell_of(self.cursor) + cells
        target = view.time_at(cell)
        if target == self.cursor:
            target += cells
        if not 0 <= cell < view.width:
            self.viewport = view.pan(cells * max(1, view.width // 4))
        self.choose(target)

    def action_pan(self, halves: int) -> None:
        """Moves the visible part by half its width; the cursor keeps its place on the screen."""
        view = self.viewport
        if view is None:
            return
        moved = view.pan(halves * max(1, view.width // 2))
        self.viewport = moved
        self.choose(self.cursor + moved.start - view.start)

    def action_zoom(self, numerator: int, denominator: int) -> None:
        """Zooms, keeping the cursor where it is."""
        if self.viewport is not None:
            self.viewport = self.viewport.reveal(self.cursor).zoom(numerator, denominator, self.cursor)

    def action_fit(self) -> None:
        """Shows the whole window."""
        if self.viewport is not None:
            self.viewport = self.viewport.fit()

    def action_edge(self, end: int) -> None:
        """Goes to the oldest or the newest instant."""
        if self.viewport is not None:
            self.choose(self.viewport.last if end else self.viewport.first)

    def action_snap(self, direction: int) -> None:
        """Goes to the next or the previous event."""
        instants = sorted({self._reachable(one) for one in self.happened})
        if direction > 0:
            target = next((instant for instant in instants if instant > self.cursor), None)
        else:
            target = next((instant for instant in reversed(instants) if instant < self.cursor), None)
        if target is None:
            self.post_message(self.NoEvent("after" if direction > 0 else "before"))
        else:
            self.choose(target)

    def _reachable(self, event: Event) -> int:
        instant = to_microseconds(event.at)
        return instant if self.viewport is None else self.viewport.clamp(instant)

    def on_click(self, event: events.Click) -> None:
        cell = self._cell_under(event)
        if self.viewport is not None and cell is not None:
            self.choose(self.viewport.time_at(cell))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._zoom_under(event, 2, 3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._zoom_under(event, 3, 2)

    def _zoom_under(self, event: events.MouseEvent, numerator: int, denominator: int) -> None:
        cell = self._cell_under(event)
        if self.viewport is not None and cell is not None:
            event.stop()
            self.viewport = self.viewport.zoom(numerator, denominator, self.viewport.time_at(cell))

    def _cell_under(self, event: events.MouseEvent) -> int | None:
        """The cell of the axis under the pointer."""
        offset = event.get_content_offset(self)
        if offset is None or not GUTTER <= offset.x < GUTTER + self.cells:
            return None
        return offset.x - GUTTER

    def render(self) -> RenderResult:
        if self.viewport is None:
            return ""
        return Drawing(self, self.viewport, self._zone).content()


class Drawing:
    """One picture of a timeline: range, overview, tick labels in UTC and local, activity, events, cursor."""

    def __init__(self, view: TimelineView, viewport: Viewport, zone: tzinfo) -> None:
        self._view = view
        self._viewport = viewport
        self._zone = zone
        self._canvas = Canvas(GUTTER + viewport.width, max(view.size.height, 8))

    def content(self) -> RenderResult:
        """The finished picture."""
        canvas = self._canvas
        self._range(0)
        self._overview(1)
        axis = self._ticks(2)
        free = canvas.height - axis - 2
        top = axis + 1
        if self._view.activity is not None:
            high = max(2, free // 2)
            self._activity(self._view.activity, top, high)
            top += high
        self._events(top, canvas.height - 1 - top)
        self._cursor(axis)
        return canvas.content()

    def _name(self, row: int, name: str) -> None:
        self._canvas.write(row, 0, f"{name:>{GUTTER - 1}}", "dim")

    def _range(self, row: int) -> None:
        view = self._viewport
        exact = precision(step_for(view))
        start, end = (timefmt.utc(to_datetime(edge), exact) for edge in (view.start, view.end - 1))
        if start[:_DAY_LENGTH] == end[:_DAY_LENGTH]:
            end = end[_DAY_LENGTH:]
        middle = f"{length_words(view.span)} of {length_words(view.length)}"
        self._canvas.write(row, GUTTER, start)
        self._canvas.write(row, GUTTER + view.width - len(end), end)
        room = view.width - len(start) - len(end)
        if len(middle) + 4 <= room:
            self._canvas.write(row, GUTTER + len(start) + (room - len(middle)) // 2, middle, "bold")
        self._name(row, "shown")

    def _overview(self, row: int) -> None:
        """Which part of the window is in sight."""
        view = self._viewport
        self._canvas.write(row, GUTTER, "─" * view.width, "dim")
        first = (view.start - view.first) * view.width // view.length
        last = max(first + 1, -(-(view.end - view.first) * view.width // view.length))
        self._canvas.write(row, GUTTER + first, "━" * (last - first), "$primary")
        self._name(row, "window")

    def _ticks(self, row: int) -> int:
        """Labels and axis; returns the row of the axis."""
        view = self._viewport
        step = step_for(view)
        zones = [UTC] if timefmt.is_utc(self._zone) else [UTC, self._zone]
        axis = row + len(zones)
        self._canvas.write(axis, GUTTER, "─" * view.width, "dim")
        for tick in ticks(view, step):
            for line, zone in enumerate(zones, row):
                text = label(tick.instant, step, zone)
                if tick.cell + len(text) <= view.width:
                    self._canvas.write(line, GUTTER + tick.cell, text, "" if line == row else "dim")
            self._canvas.write(axis, GUTTER + tick.cell, "┬", "dim")
        for line, zone in enumerate(zones, row):
            name = to_datetime(self._view.cursor).astimezone(zone).tzname() or "local"
            self._name(line, shorten(clean(name), GUTTER - 1))
        return axis

    def _activity(self, activity: Activity, row: int, high: int) -> None:
        buckets = (
            (to_microseconds(one.start), to_microseconds(one.end), one.commits) for one in activity.buckets
        )
        cells = commits_by_cell(buckets, self._viewport)
        for offset, line in enumerate(bars(cells, high)):
            self._canvas.write(row + offset, GUTTER, line, "$accent")
        self._name(row, f"≤ {max(cells)}")
        self._name(row + high - 1, "commits")

    def _events(self, row: int, rows: int) -> None:
        view = self._viewport
        marks = [
            Mark(view.cell_of(instant), glyph(one.kind), shorten(clean(one.title), _NAME_LENGTH))
            for one in self._view.happened
            if view.shows(instant := to_microseconds(one.at))
        ]
        for spot in place(marks, view.width, max(rows, 0)):
            self._canvas.write(row + spot.row, GUTTER + spot.cell, spot.text)
        if rows > 0:
            self._name(row, "events")

    def _cursor(self, axis: int) -> None:
        view, last = self._viewport, self._canvas.height - 1
        if not view.shows(self._view.cursor):
            side = "◀ cursor" if self._view.cursor < view.start else "cursor ▶"
            self._canvas.write(
                last, GUTTER if side[0] == "◀" else GUTTER + view.width - len(side), side, "bold"
            )
            return
        cell = GUTTER + view.cell_of(self._view.cursor)
        self._canvas.column(cell, range(axis, last), "bold $text on $primary")
        text = timefmt.utc(to_datetime(self._view.cursor))
        foot = f"▲ {text}" if cell + len(text) + 2 <= self._canvas.width else f"{text} ▲"
        start = cell if foot[0] == "▲" else cell - len(foot) + 1
        self._canvas.write(last, start, foot, "bold $primary")
        self._name(last, "cursor")
