"""The console as a whole: its screens, the keys that work everywhere, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen

from warubi_tui.dialogs.frame import Dialog
from warubi_tui.errors import WarubiError
from warubi_tui.screens.console import Console, ConsoleScreen
from warubi_tui.screens.error_door import write_crash_log
from warubi_tui.screens.palette import BindingCommands
from warubi_tui.screens.terminal import LOST, end_with_terminal
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.config import Target
    from warubi_tui.dialogs.compare import Comparison
    from warubi_tui.dialogs.notice import Notice
    from warubi_tui.dialogs.restore import RestoreDecision
    from warubi_tui.neon.models import Branch
    from warubi_tui.screens.services import Services
    from warubi_tui.screens.work import Work

PRODUCTION = "production"
"""The environment in which the console starts read-only."""


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def _start() -> Screen[None]:
    from warubi_tui.screens.start import StartScreen

    return StartScreen()


def _branches() -> Screen[None]:
    from warubi_tui.screens.branches import BranchesScreen

    return BranchesScreen()


def _timeline() -> Screen[None]:
    from warubi_tui.screens.timeline import TimelineScreen

    return TimelineScreen()


def _diff() -> Screen[None]:
    from warubi_tui.screens.diff import DiffScreen

    return DiffScreen()


def _recover() -> Screen[None]:
    from warubi_tui.screens.recover import RecoverScreen

    return RecoverScreen()


def _work() -> Screen[None]:
    from warubi_tui.screens.work_list import WorkScreen

    return WorkScreen()


class WarubiApp(Console):
    """The recovery console.

    Args:
        target: where to talk to.
        zone: the zone in which times are shown beside UTC.
        clock: the present as an aware UTC datetime.
        services: what the screens ask; by default the real ones for `target`.
        briefing: shown once the first screen is there.
    """

    TITLE = "warubi"
    CSS_PATH = "styles/app.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = App.COMMANDS | {BindingCommands}

    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {
        "start": _start,
        "branches": _branches,
        "timeline": _timeline,
        "diff": _diff,
        "recover": _recover,
        "work": _work,
    }
    DEFAULT_MODE = "start"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "show('branches')", "Branches", id="app.branches", tooltip="Every branch", show=False),
        Binding(
            "2", "show('timeline')", "Timeline", id="app.timeline", tooltip="The last timeline", show=False
        ),
        Binding("3", "show('diff')", "Diff", id="app.diff", tooltip="The last comparison", show=False),
        Binding(
            "4", "show('recover')", "Recover", id="app.recover", tooltip="Guided, step by step", show=False
        ),
        Binding(
            "5", "show('work')", "Work", id="app.work", tooltip="What is being done, and was", show=False
        ),
        Binding(
            "w", "toggle_writes", "Writes", id="app.writes", tooltip="Allow changes, or stop", show=False
        ),
        Binding(
            "question_mark,f1", "help", "Help", key_display="?", id="app.help", tooltip="Keys of this screen"
        ),
        Binding("q", "leave", "Quit", id="app.quit", tooltip="Leave the console"),
        Binding(
            "ctrl+q",
            "leave",
            "Quit",
            id="app.quit_always",
            tooltip="Leave the console, also while typing",
            show=False,
            priority=True,
        ),
    ]

    def __init__(
        self,
        target: Target,
        *,
        zone: tzinfo,
        clock: Callable[[], datetime] = utc_now,
        services: Services | None = None,
        briefing: Notice | None = None,
    ) -> None:
        if services is None:
            from warubi_tui.screens.live import LiveServices

            services = LiveServices(
                target,
                zone=zone,
                clock=clock,
                read_only=lambda: self.read_only,
                left_behind=self._left_behind,
            )
        super().__init__(target, services, zone=zone, clock=clock)
        self.set_reactive(Console.read_only, target.environment.lower() == PRODUCTION)
        self._briefing = briefing
        self._crash: Exception | None = None
        self._last_words = ""

    def on_mount(self) -> None:
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            end_with_terminal(lambda: loop.call_soon_threadsafe(self._leave_lost_terminal))

    def _leave_lost_terminal(self) -> None:
        self.exit(return_code=LOST)

    async def on_unmount(self) -> None:
        await self.services.close()

    def _left_behind(self, words: str) -> None:
        """Says what is to be cleared away: in the error panel, or on the terminal when the app is gone."""
        if self.is_running:
            self.report(WarubiError("A temporary branch was left behind", words))
        else:
            self._last_words = "\n".join(filter(None, (self._last_words, clean(words))))

    async def begin(self) -> None:
        """Goes from the first frame to the home screen, and shows the briefing there."""
        await self.switch_mode("branches")
        if self._briefing is not None:
            from warubi_tui.dialogs.notice import NoticeDialog

            await self.push_screen(NoticeDialog(self._briefing))

    def show_timeline(self, branch: Branch) -> None:
        self.timeline_of = branch
        self.switch_mode("timeline")

    def show_diff(self, then: Branch, now: Branch, database: str | None = None) -> None:
        self.switch_mode("diff")
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.comparing = (then, now, database)

    def show_work(self) -> None:
        self.switch_mode("work")

    @work(group="dialog", exit_on_error=False, description="Choose a comparison")
    async def choose_comparison(
        self, branches: Sequence[Branch], branch: Branch, pair: Comparison | None = None
    ) -> None:
        from warubi_tui.dialogs.compare import CompareDialog, suggestion

        chosen = await self.push_screen_wait(CompareDialog(branches, pair or suggestion(branches, branch)))
        if chosen is not None:
            self.show_diff(chosen.then, chosen.now, chosen.database)

    @work(group="dialog", exit_on_error=False, description="Ask what to restore")
    async def restore(self, branch: Branch, when: str) -> None:
        from warubi_tui.dialogs.restore import RestoreDialog

        decision = await self.push_screen_wait(RestoreDialog(branch, when, self.services))
        if decision is not None:
            self._start_restore(decision)

    @work(group="dialog", exit_on_error=False, description="Ask whether to put a kept state back")
    async def put_back(self, kept: Branch, original: Branch) -> None:
        from warubi_tui.dialogs.confirm import ConfirmDialog
        from warubi_tui.dialogs.restore import RestoreDecision

        plan = await self.services.plan_from(original, kept)
        if await self.push_screen_wait(
            ConfirmDialog(
                f"Put this back over {original.name}?", plan.effects, "Put back", typed=plan.confirmation
            )
        ):
            self._start_restore(RestoreDecision(plan, plan.confirmation))

    def _start_restore(self, decision: RestoreDecision) -> None:
        plan = decision.plan
        self.run_work(
            decision.title,
            lambda job: self._restore(decision, job),
            *plan.effects,
            branch=(plan.target or plan.source).name,
        )
        self.show_work()

    async def _restore(self, decision: RestoreDecision, job: Work) -> None:
        plan = decision.plan
        result = await self.services.restore(plan, decision.confirmation, job.progress)
        if result.kept_as is not None:
            job.note(f"Kept as: {result.kept_as.name} ({result.kept_as.id})")
            job.comparison = (result.branch, result.kept_as)
        else:
            job.note(f"New branch: {result.branch.name} ({result.branch.id})")
            job.comparison = (result.branch, plan.source)

    @on(Dialog.Broken)
    def _dialog_broke(self, event: Dialog.Broken) -> None:
        self.report(event.error)

    def action_show(self, mode: str) -> None:
        """Goes to one of the main screens."""
        self.switch_mode(mode)

    def action_toggle_writes(self) -> None:
        """Switches between read-only and allowing changes."""
        self.read_only = not self.read_only
        self.say("Read-only: nothing can be changed" if self.read_only else "Changes are allowed now")

    def action_help(self) -> None:
        """Shows the keys of the screen in front."""
        from warubi_tui.screens.help import HelpScreen, key_rows

        screen = self.screen
        active = list(screen.active_bindings.values())
        display = [(one.binding.key, self.get_key_display(one.binding)) for one in active]
        title, about = ("Keys", "")
        if isinstance(screen, ConsoleScreen):
            title, about = screen.TITLE_WORDS, screen.ABOUT
        self.push_screen(HelpScreen(title, about, key_rows(active, display)))

    @work(group="dialog", exit_on_error=False, description="Ask whether to leave")
    async def action_leave(self) -> None:
        """Leaves; asks first when something is still running."""
        from warubi_tui.dialogs.confirm import ConfirmDialog

        running = self.running_works
        if running:
            lines = [f"Still running: {one.title}" for one in running]
            lines.append("The server goes on with what it was asked; nobody will be watching.")
            if not await self.push_screen_wait(ConfirmDialog("Leave while work is running?", lines, "Leave")):
                return
        self.exit()

    async def action_quit(self) -> None:
        """The palette's way to leave asks like every other."""
        self.action_leave()

    def _handle_exception(self, error: Exception) -> None:
        self._crash = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Leaves with a short message; what is needed to find the fault goes to a private file.

        Textual's own way prints the local variables of every frame, and those hold keys and rows.
        """
        error = self._crash or RuntimeError("unknown")
        path = write_crash_log(error, utc_now(), self.target.key)
        lines = [f"warubi stopped: {type(error).__name__}.", "Your branches are not affected by this."]
        lines.append(f"Where it happened is in {path}" if path else "The log could not be written.")
        self._last_words = "\n".join(lines)
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        if self._last_words:
            self.error_console.print(Text(self._last_words), soft_wrap=True)
            self._last_words = ""
        super()._print_error_renderables()
