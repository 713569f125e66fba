"""What every screen may ask of the app, and what every screen has: header, error panel, footer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar

from textual import getters
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive, var
from textual.screen import Screen
from textual.signal import Signal
from textual.widget import Widget
from textual.widgets import Footer
from textual.worker import Worker, WorkerState

from warubi_tui.screens.error_door import in_words
from warubi_tui.screens.work import Work, WorkState
from warubi_tui.text import clean
from warubi_tui.widgets.error_panel import ErrorPanel
from warubi_tui.widgets.header import ConsoleHeader, HeaderFacts

if TYPE_CHECKING:
    from warubi_tui.config import Target
    from warubi_tui.dialogs.compare import Comparison
    from warubi_tui.neon.models import Branch
    from warubi_tui.screens.services import Services


WIDE = 130
"""From this many columns on, screens show a second pane and more columns."""


class Console(App[None]):
    """The app as the screens know it: the services, the clock, the running work, the way between screens."""

    read_only = var(True)
    """Whether everything that changes something is switched off."""

    project_name = var("")

    timeline_of: var[Branch | None] = var(None)
    """The branch whose timeline is on the timeline screen."""

    comparing: var[tuple[Branch, Branch, str | None] | None] = var(None, always_update=True)
    """Then, now and the database of the comparison on the diff screen. Setting it compares anew."""

    def __init__(
        self, target: Target, services: Services, *, zone: tzinfo, clock: Callable[[], datetime]
    ) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
        self.target = target
        self.services = services
        self.zone = zone
        self.now = clock
        self.works: list[Work] = []
        self.work_changed: Signal[Work] = Signal(self, "work changed")
        self._work_of: dict[Worker[None], Work] = {}

    def watch_read_only(self) -> None:
        self.refresh_bindings()
        for header in self.screen.query(ConsoleHeader) if self.screen_stack else ():
            header.refresh()

    def say(self, news: str) -> None:
        """A short piece of good news. Errors go through `ConsoleScreen.fail`."""
        self.notify(clean(news), markup=False)

    def report(self, error: BaseException, retry: Callable[[], object] | None = None) -> None:
        """Shows what went wrong in the error panel of the screen in front."""
        screen = next((one for one in reversed(self.screen_stack) if isinstance(one, ConsoleScreen)), None)
        if screen is not None:
            screen.fail(error, retry)

    def run_work(
        self, title: str, job: Callable[[Work], Awaitable[None]], *plan: str, branch: str = ""
    ) -> Work:
        """Starts `job` on the app, so that it goes on when its screen is left.

        Args:
            title: what it does, in the words of the confirmation.
            job: gets the `Work` to report progress and results to; a raised error ends the work as failed.
            plan: what was announced; it stays in sight while the work goes on.
            branch: the name of the branch it is about.
        """
        for panel in self.screen.query(ErrorPanel):
            panel.hide()
        work = Work(title, self.now(), self.work_changed.publish, branch=branch, plan=plan)
        self.works.insert(0, work)

        async def run() -> None:
            await job(work)

        worker = self.run_worker(run(), group="work", description=clean(title), exit_on_error=False)
        self._work_of[worker] = work
        self.work_changed.publish(work)
        return work

    @property
    def running_works(self) -> list[Work]:
        """The work that has not ended yet."""
        return [work for work in self.works if work.state is WorkState.RUNNING]

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Ends the work of a worker that ended."""
        if event.state not in {WorkerState.SUCCESS, WorkerState.ERROR}:
            return
        work = self._work_of.pop(event.worker, None)
        if work is None:
            if event.worker.error is not None:
                self.report(event.worker.error)
            return
        error = None if event.worker.error is None else in_words(event.worker.error, self.target.key)
        work.end(self.now(), error)
        if error is None:
            self.say(f"{work.verdict}: {work.title}")
        else:
            self.report(error)

    async def begin(self) -> None:
        """Goes from the first frame to the home screen."""
        raise NotImplementedError

    def show_timeline(self, branch: Branch) -> None:
        """Opens the timeline of `branch`."""
        raise NotImplementedError

    def show_diff(self, then: Branch, now: Branch, database: str | None = None) -> None:
        """Opens the comparison of two branches, the state of then against the state of now.

        Args:
            database: by its name; None is the first one that both have.
        """
        raise NotImplementedError

    def choose_comparison(
        self, branches: Sequence[Branch], branch: Branch, pair: Comparison | None = None
    ) -> object:
        """Asks what to compare, beginning with `pair` or what fits `branch`, and opens the comparison."""
        raise NotImplementedError

    def restore(self, branch: Branch, when: str) -> object:
        """Opens the restore dialog for `branch`, with `when` as the typed time or LSN."""
        raise NotImplementedError

    def put_back(self, kept: Branch, original: Branch) -> object:
        """Asks whether to overwrite `original` by the state that `kept` holds, and does it."""
        raise NotImplementedError

    def show_work(self) -> None:
        """Opens the list of running and finished work."""
        raise NotImplementedError


class ConsoleScreen(Screen[None]):
    """A screen of the console. Subclasses give `compose_body` and load their data in `load`."""

    console = getters.app(Console)

    TITLE_WORDS: ClassVar[str] = ""
    """What this screen is called in the help."""

    ABOUT: ClassVar[str] = ""
    """What the help says about this screen, above its keys."""

    REFRESH_SECONDS: ClassVar[float] = 0
    """How often the screen in front loads again by itself; 0 is never."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape", "back", "Back", id="screen.back", tooltip="Close the message, or go back", show=False
        ),
        Binding(
            "r",
            "reload",
            "Reload",
            id="screen.reload",
            tooltip="Load again, or retry what failed",
            show=False,
        ),
    ]

    subject = reactive("")
    """The name of the branch this screen is about; it stands in the header."""

    def compose(self) -> ComposeResult:
        yield ConsoleHeader(self.header_facts)
        yield from self.compose_body()
        yield ErrorPanel()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        if self.REFRESH_SECONDS:
            self.set_interval(self.REFRESH_SECONDS, self._load_quietly)

    def _load_quietly(self) -> None:
        if self.is_current and not self.query_one(ErrorPanel).display:
            self.load()

    def compose_body(self) -> Iterable[Widget]:
        """What stands between the header and the footer."""
        return ()

    def load(self) -> object:
        """Fetches what the screen shows, in a worker."""

    def header_facts(self) -> HeaderFacts:
        """What the header says now."""
        console = self.console
        return HeaderFacts(
            profile=console.target.profile,
            project=console.project_name or console.target.project_id or "…",
            branch=self.subject,
            environment=console.target.environment,
            read_only=console.read_only,
            now=console.now(),
            zone=console.zone,
        )

    def watch_subject(self) -> None:
        for header in self.query(ConsoleHeader):
            header.refresh()

    def fail(self, error: BaseException, retry: Callable[[], object] | None = None) -> None:
        """Puts `error` into the screen's error panel, with a way to try again if there is one.

        Good news that would lie over it goes away.
        """
        self.app.clear_notifications()
        self.query_one(ErrorPanel).show(in_words(error, self.console.target.key), retry)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Brings the error of any worker of this screen to the error panel."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.fail(event.worker.error, self.load)

    def action_reload(self) -> None:
        """Retries what failed, else loads again."""
        panel = self.query_one(ErrorPanel)
        retry = panel.retry if panel.display else None
        panel.hide()
        (retry or self.load)()

    def action_back(self) -> None:
        """Closes the error panel if it is open, else goes home."""
        panel = self.query_one(ErrorPanel)
        if panel.display:
            panel.hide()
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        else:
            self.app.switch_mode("branches")
