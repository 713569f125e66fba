"""The history window of one branch as a time axis: find the moment, see what it holds, restore it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from warubi_tui import timefmt
from warubi_tui.dialogs.ask import AskDialog
from warubi_tui.errors import RefusedError
from warubi_tui.lsn import Lsn
from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.screens.work import Work
from warubi_tui.text import clean
from warubi_tui.widgets.facts import facts_content
from warubi_tui.widgets.timeline.view import TimelineView, glyph
from warubi_tui.widgets.timeline.viewport import to_datetime, to_microseconds

if TYPE_CHECKING:
    from warubi_tui.history.window import Window
    from warubi_tui.neon.models import Branch, Moment

SETTLE_SECONDS: Final = 0.15
"""How long cursor and view have to rest before the server is asked about them."""

_MICROSECOND: Final = timedelta(microseconds=1)


class TimelineScreen(ConsoleScreen):
    """One branch, one axis, one cursor."""

    CSS_PATH = "timeline.tcss"
    TITLE_WORDS = "Timeline"
    ABOUT = (
        "The part of the past that can be restored. Arrows move the cursor, + and - zoom at it, "
        "t takes a time (14:05, -15m, yesterday 14:05 Europe/Berlin, 2026-11-22T14:05:00.250Z) or an LSN. "
        "● created, ◇ a branch made of it, ↺ overwritten by a restore, ✗ expires, "
        "▪ operation. A restore holds every commit up to the cursor "
        "and nothing after it; [ and ] go from commit to commit where the server knows them."
    )
    REFRESH_SECONDS: ClassVar[float] = 15

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "restore", "Restore…", id="timeline.restore", tooltip="Restore to this moment"),
        Binding("t", "type_time", "Time…", id="timeline.time", tooltip="Go to a time or LSN that you type"),
        Binding(
            "left_square_bracket",
            "before_commit",
            "Before commit",
            key_display="[",
            id="timeline.before",
            tooltip="To just before the last commit included",
            show=False,
        ),
        Binding(
            "right_square_bracket",
            "next_commit",
            "Next commit",
            key_display="]",
            id="timeline.commit",
            tooltip="To the first commit left out",
            show=False,
        ),
    ]

    axis = getters.query_one(TimelineView)
    state = getters.query_one("#timeline-state", Static)
    readout = getters.query_one("#readout", Static)

    def __init__(self) -> None:
        super().__init__()
        self.branch: Branch | None = None
        self.window: Window | None = None
        self.moment: Moment | None = None
        """What a restore to the cursor would hold; None while unknown."""
        self._moment_words = ""
        self._moment_timer: Timer | None = None
        self._activity_timer: Timer | None = None

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="timeline-state")
        yield TimelineView(self.console.zone)
        yield Static(id="readout")

    def on_mount(self) -> None:
        self.console.work_changed.subscribe(self, self._work_changed)

        self.watch(self.console, "timeline_of", self._take_up)

    def on_screen_resume(self) -> None:
        self.axis.focus()

    def _take_up(self, wanted: Branch | None) -> None:
        """Loads another branch; the same one keeps its place on the axis."""
        if wanted is not None and (self.branch is None or wanted.id != self.branch.id):
            self._forget(wanted)
        if self.window is None:
            self.load()

    def _forget(self, branch: Branch) -> None:
        self.branch, self.window, self.moment = branch, None, None
        self._moment_words = ""
        self.axis.forget()
        self.subject = branch.name
        self.readout.update("")

    @work(exclusive=True, group="timeline.load", exit_on_error=False, description="Load the timeline")
    async def load(self) -> None:
        services = self.console.services
        if self.branch is None:
            self.state.update("Asking for the default branch…")
            branches = await services.branches()
            self._forget(next((one for one in branches if one.default), branches[0]))
        branch = self.branch
        assert branch is not None
        if self.window is None:
            self.state.update(Content(f"Asking for the history of {clean(branch.name)}…"))
        try:
            self.window = await services.window(branch)
            self.axis.show_window(self.window.start, self.window.end)
            self.axis.happened = await services.events(branch)
        finally:
            self._say_state()
        self._ask_activity()

    def _say_state(self) -> None:
        branch, window = self.branch, self.window
        if branch is None or window is None:
            self.state.update("No history loaded. r tries again.")
            return
        words = f" · restorable from {timefmt.utc(window.start, 'seconds')}"
        words += f" ({timefmt.age(window.start, self.console.now())})"
        if window.source == "computed":
            words += " at best; the server may keep less"
        self.state.update(Content.assemble((clean(branch.name), "bold"), words))

    @on(TimelineView.CursorMoved)
    def _cursor_moved(self, event: TimelineView.CursorMoved) -> None:
        self.moment, self._moment_words = None, "…"
        self._show_readout()
        if self._moment_timer is not None:
            self._moment_timer.stop()
        self._moment_timer = self.set_timer(SETTLE_SECONDS, lambda: self._ask_moment(event.at))

    @work(
        exclusive=True, group="timeline.moment", exit_on_error=False, description="Ask what the moment holds"
    )
    async def _ask_moment(self, at: datetime) -> None:
        assert self.branch is not None
        self.moment = await self.console.services.moment(self.branch, at)
        self._moment_words = "" if self.moment else "the server tells it when the branch is made"
        self._show_readout()

    @on(TimelineView.NoEvent)
    def _no_event(self, event: TimelineView.NoEvent) -> None:
        self.console.say(f"There is no event {event.side} the cursor")

    @on(TimelineView.Moved)
    def _view_moved(self) -> None:
        if self._activity_timer is not None:
            self._activity_timer.stop()
        self._activity_timer = self.set_timer(SETTLE_SECONDS, self._ask_activity)

    @work(exclusive=True, group="timeline.activity", exit_on_error=False, description="Ask for the activity")
    async def _ask_activity(self) -> None:
        view = self.axis.viewport
        if self.branch is None or view is None:
            return
        start, end = to_datetime(view.start), to_datetime(view.end)
        self.axis.activity = await self.console.services.activity(self.branch, start, end, view.width)

    @property
    def cursor(self) -> datetime:
        """The chosen instant."""
        return to_datetime(self.axis.cursor)

    def _show_readout(self) -> None:
        at, now, zone = self.cursor, self.console.now(), self.console.zone
        facts: list[tuple[str, str | Content]] = [
            ("UTC", Content.assemble((timefmt.utc(at), "bold"), f"   {timefmt.age(at, now)}")),
        ]
        if not timefmt.is_utc(zone):
            facts.append(("local", timefmt.local(at, zone)))
        facts += self._moment_facts()
        event = self.axis.event_at_cursor()
        if event is not None:
            facts.append(("event", f"{glyph(event.kind)} {event.title} at {timefmt.utc(event.at)}"))
            if event.detail:
                facts.append(("", event.detail))
        self.readout.update(facts_content(facts))

    def _moment_facts(self) -> list[tuple[str, str | Content]]:
        moment = self.moment
        if moment is None:
            return [("LSN", self._moment_words)]
        last = f", last commit {timefmt.utc(moment.time)}" if moment.time else ""
        facts: list[tuple[str, str | Content]] = [("LSN", Content.assemble((str(moment.lsn), "bold"), last))]
        if moment.next_lsn is None:
            facts.append(("left out", "nothing: this is the newest commit"))
        else:
            at = timefmt.utc(moment.next_time) if moment.next_time else ""
            facts.append(("left out", f"commit {at} (LSN {moment.next_lsn}) and all later"))
        return facts

    def _work_changed(self, changed: Work) -> None:
        if changed.finished is not None and self.branch is not None:
            self.load()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Restoring is greyed out in read-only mode; commits can be walked only where they are known."""
        if action == "restore" and (self.console.read_only or self.window is None):
            return None
        return True

    def action_restore(self) -> None:
        """Opens the restore dialog for the moment under the cursor."""
        if self.branch is not None and self.window is not None:
            self.console.restore(self.branch, timefmt.utc(self.cursor))

    @work(group="dialog", exit_on_error=False, description="Ask for a time")
    async def action_type_time(self) -> None:
        """Asks for a time and goes there."""
        window = self.window
        if window is None:
            return
        console = self.console

        def read(text: str) -> datetime:
            return timefmt.parse_when(text, now=console.now(), zone=console.zone)

        def meaning(text: str) -> str:
            if Lsn.looks_like(text):
                return f"LSN {Lsn.parse(text)}: to the last commit up to there"
            at = read(text)
            lines = [timefmt.utc(at), timefmt.age(at, console.now())]
            if not timefmt.is_utc(console.zone):
                lines.insert(1, timefmt.local(at, console.zone))
            if not window.start <= at <= window.end:
                lines.append("Outside the history window: the cursor will stop at its edge.")
            return "\n".join(lines)

        typed = await self.app.push_screen_wait(
            AskDialog(
                "Go to a time or LSN",
                "A time, with or without a zone, -15m, or an LSN:",
                "Go there",
                meaning=meaning,
            )
        )
        if typed is not None and Lsn.looks_like(typed):
            self._go_to_lsn(Lsn.parse(typed))
        elif typed is not None:
            self.axis.choose(to_microseconds(read(typed)))

    @work(
        exclusive=True, group="timeline.lsn", exit_on_error=False, description="Ask when an LSN was written"
    )
    async def _go_to_lsn(self, lsn: Lsn) -> None:
        assert self.branch is not None
        moment = await self.console.services.moment(self.branch, lsn)
        if moment is None or moment.time is None:
            raise RefusedError(
                f"The time of LSN {lsn} is not known",
                "The server does not tell which commit stands there.",
                "A restore takes the LSN as it is: press enter and type it there.",
            )
        self.axis.choose(to_microseconds(moment.time))

    def action_before_commit(self) -> None:
        """Goes to the last instant that does not hold the commit included last."""
        if self.moment is not None and self.moment.time is not None:
            self.axis.choose(to_microseconds(self.moment.time - _MICROSECOND))

    def action_next_commit(self) -> None:
        """Goes to the first instant that holds the commit left out first."""
        if self.moment is not None and self.moment.next_time is not None:
            self.axis.choose(to_microseconds(self.moment.next_time))
