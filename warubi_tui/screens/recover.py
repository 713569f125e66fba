"""The guided way through an accident: scenarios and incidents, then one incident step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import ContentSwitcher, OptionList, Static
from textual.widgets.option_list import Option

from warubi_tui import timefmt
from warubi_tui.dialogs.ask import AskDialog
from warubi_tui.dialogs.choose import ChoiceDialog
from warubi_tui.dialogs.confirm import ConfirmDialog
from warubi_tui.dialogs.connection import ConnectionDialog
from warubi_tui.errors import RefusedError
from warubi_tui.lsn import Lsn
from warubi_tui.recovery.guide import UNSETTLED, Guide
from warubi_tui.recovery.incident import Incident
from warubi_tui.recovery.incident_store import IncidentStore
from warubi_tui.recovery.inspection import BranchInspector
from warubi_tui.recovery.lookup import Patience
from warubi_tui.recovery.restore import PATIENT, proposed_copy_name
from warubi_tui.recovery.scenarios import SCENARIOS, scenario
from warubi_tui.recovery.scenarios.scenario import Scenario
from warubi_tui.recovery.steps import CHANGING
from warubi_tui.screens import recover_text
from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.screens.services import read_only_refusal
from warubi_tui.screens.work import Work
from warubi_tui.text import clean
from warubi_tui.widgets.error_panel import ErrorPanel

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch
    from warubi_tui.recovery.control_plane import ControlPlane
    from warubi_tui.recovery.inspector import Inspector, Readable, Report
    from warubi_tui.recovery.scenarios.scenario import Step
    from warubi_tui.recovery.steps.kind import Prepared

WITHOUT_ANSWER = frozenset({"compare", "verify", "in_place", "branch_call", "prove"})
"""Kinds of steps that start without asking for anything."""

LONG = frozenset({"compare", "verify", "prove", *CHANGING})
"""Kinds of steps that run on the app, so that they go on when the screen is left."""


_OF_AN_INCIDENT = frozenset(
    {"look_up", "give_up", "accept", "undo", "go_back", "diff", "timeline", "connection", "log"}
)


class IncidentList(OptionList):
    """Scenarios to begin and incidents to go on with."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Open", id="recover.open", tooltip="Begin the scenario, or go on"),
    ]


class StepList(OptionList):
    """The steps of one incident."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Do step", id="recover.do", tooltip="Do the current step"),
    ]


class RecoverScreen(ConsoleScreen):
    """Scenarios and incidents; an open incident is kept while its steps run.

    Args:
        inspector: makes what looks into the branches.
        patience: how long a lost answer is looked up.
    """

    CSS_PATH = "recover.tcss"
    TITLE_WORDS = "Recover"
    ABOUT = (
        "Choose what happened, or go on with an incident. Every step says what it asks, what it checked, what"
        " is safe and how to undo it; enter does the current step. What was done is kept on disk: leave when"
        " you like. Nothing is overwritten before you type the branch's name."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "Go on", id="recover.go", tooltip="As in the list, wherever the focus is"),
        Binding("l", "look_up", "Look up", id="recover.lookup", tooltip="What became of it"),
        Binding("a", "accept", "Accept…", id="recover.accept", tooltip="Go on in spite of it"),
        Binding("n", "give_up", "Not done…", id="recover.giveup", tooltip="It did not happen; plan it anew"),
        Binding("u", "undo", "Undo…", id="recover.undo", tooltip="Take back the last change of a branch"),
        Binding(
            "b", "go_back", "Back to…", id="recover.back", tooltip="Open the step under the cursor again"
        ),
        Binding("d", "diff", "Diff", id="recover.diff", tooltip="Copy against original, row by row"),
        Binding("t", "timeline", "Timeline", id="recover.timeline", tooltip="The branch on a time axis"),
        Binding(
            "c", "connection", "Connect", id="recover.connection", tooltip="The result's connection string"
        ),
        Binding("o", "log", "Log", id="recover.log", tooltip="What was done so far", show=False),
        Binding(
            "x",
            "close_incident",
            "Close…",
            id="recover.close",
            tooltip="Take the incident off the list, or bring it back",
        ),
        Binding("h", "toggle_closed", "Closed", id="recover.closed", tooltip="Show closed incidents, or not"),
    ]

    guide: var[Guide | None] = var(None, init=False)
    """The open incident."""
    doing = var("")
    """What the running step says it is doing."""
    shows_log = var(False)
    shows_closed = var(False)
    """Whether closed incidents are in the list."""

    switcher = getters.query_one("#recover-views", ContentSwitcher)
    incidents = getters.query_one(IncidentList)
    steps = getters.query_one(StepList)
    detail = getters.query_one("#step-detail", Static)
    state = getters.query_one("#recover-state", Static)

    def __init__(
        self,
        inspector: Callable[[ControlPlane, Callable[[], datetime], Readable], Inspector] = BranchInspector,
        patience: Patience = PATIENT,
    ) -> None:
        super().__init__()
        self._inspector = inspector
        self._patience = patience
        self._store = IncidentStore()
        self._guides: dict[str, Guide] = {}

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="recover-state")
        with ContentSwitcher(initial="recover-start", id="recover-views"):
            with Vertical(id="recover-start"):
                yield IncidentList(id="incidents", markup=False)
            with Horizontal(id="recover-walk"):
                yield StepList(id="steps", markup=False)
                with VerticalScroll(id="step-pane"):
                    yield Static(id="step-detail")

    def on_mount(self) -> None:
        self.console.work_changed.subscribe(self, self._work_changed)
        self.load()
        self.incidents.focus()

    def _work_changed(self, _: Work) -> None:
        self.show_incident()

    def load(self) -> None:
        """Fills the list of scenarios and incidents, or draws the open incident again."""
        if self.guide is not None:
            self.show_incident()
            return
        self._list_incidents()

    @work(
        exclusive=True, thread=True, group="recover.list", exit_on_error=False, description="List incidents"
    )
    def _list_incidents(self) -> None:
        everything, unreadable = self._store.list()
        found = [one for one in everything if self.shows_closed or one.archived_at is None]
        now = self.console.now()
        options: list[Option | None] = [
            Option(recover_text.scenario_line(one), id=f"begin {one.key}") for one in SCENARIOS
        ]
        if found or unreadable:
            options.append(None)
        for incident in sorted(found, key=lambda one: one.closed_at is not None):
            known = _known_scenario(incident.scenario)
            title = known.title if known else clean(incident.scenario)
            options.append(
                Option(
                    recover_text.incident_line(incident, title, _standing(incident, known), now),
                    id=f"open {incident.id}",
                )
            )
        options += [
            Option(recover_text.unreadable_line(one), id=f"broken {number}", disabled=True)
            for number, one in enumerate(unreadable)
        ]
        hidden = len(everything) - len(found)
        self.app.call_from_thread(self._show_list, options, f" {hidden} closed: h shows." if hidden else "")

    def _show_list(self, options: list[Option | None], hidden: str) -> None:
        self.incidents.set_options(options)
        self.incidents.highlighted = 0
        self.state.update(Content(f"What happened? Choose it, or go on with an incident.{hidden}"))

    def watch_shows_closed(self) -> None:
        self.load()

    @on(OptionList.OptionHighlighted, "#incidents")
    def _list_cursor_moved(self) -> None:
        self.refresh_bindings()

    def action_go(self) -> None:
        """Does what enter does in the list."""
        (self.incidents if self.guide is None else self.steps).action_select()

    @on(OptionList.OptionSelected, "#incidents")
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        verb, _, what = (event.option.id or "").partition(" ")
        if verb == "begin":
            self._begin(scenario(what))
        elif verb == "open":
            self._open(what)

    @work(exclusive=True, group="recover.open", exit_on_error=False, description="Begin an incident")
    async def _begin(self, chosen: Scenario) -> None:
        branches = await self.console.services.branches()
        client = await self.console.services.client()
        default = next((one for one in branches if one.default), None)
        name = await self.app.push_screen_wait(
            AskDialog(
                chosen.title,
                "Which branch was hurt? Its name or id:",
                "Begin",
                value=default.name if default else "",
                meaning=lambda text: _branch_words(branches, text),
            )
        )
        if name is None:
            return
        branch = _find(branches, name)
        incident = Incident.begin(
            chosen.key,
            host=client.host,
            project_id=branch.project_id,
            branch_id=branch.id,
            branch_name=branch.name,
            now=self.console.now(),
        )
        guide = self._make_guide(incident, client, client.host)
        await guide.save()
        self._enter(guide)

    @work(exclusive=True, group="recover.open", exit_on_error=False, description="Open an incident")
    async def _open(self, incident_id: str) -> None:
        guide = self._guides.get(incident_id)
        if guide is None or not guide.working:
            client = await self.console.services.client()
            guide = self._make_guide(self._store.load(incident_id), client, client.host)
        self._enter(guide)

    def _make_guide(self, incident: Incident, client: ControlPlane, host: str) -> Guide:
        known = _known_scenario(incident.scenario)
        if known is None:
            raise RefusedError(
                "This incident follows a scenario that this version does not know",
                clean(incident.scenario),
                "Open it with the version that began it.",
            )
        return Guide(
            incident,
            known,
            client=client,
            inspector=self._inspector(client, self.console.now, self.console.services.readable),
            store=self._store,
            host=host,
            clock=self.console.now,
            zone=self.console.zone,
            patience=self._patience,
        )

    def _enter(self, guide: Guide) -> None:
        self._guides[guide.incident.id] = guide
        self.guide = guide
        self.shows_log = False
        self.subject = guide.incident.branch_name
        self.switcher.current = "recover-walk"
        self.show_incident(to_current=True)
        self.steps.focus()

    def show_incident(self, *, to_current: bool = False) -> None:
        """Draws the open incident; with `to_current` the cursor goes to the step to be done."""
        guide = self.guide
        if guide is None:
            return
        steps = guide.steps
        at = self.steps.highlighted or 0
        if to_current:
            at = steps.index(guide.current) if guide.current else len(steps) - 1
        with self.prevent(OptionList.OptionHighlighted):
            self.steps.set_options(
                [
                    Option(recover_text.step_line(guide, step, number), id=step.key)
                    for number, step in enumerate(steps, start=1)
                ]
            )
            self.steps.highlighted = min(at, len(steps) - 1)
        self._show_detail()

    @on(OptionList.OptionHighlighted, "#steps")
    def _show_detail(self) -> None:
        guide, step = self.guide, self.selected_step
        if guide is None or step is None:
            return
        if self.shows_log:
            content = recover_text.log(guide.incident, self.console.zone)
        else:
            content = recover_text.step_detail(guide, step, self._keys(guide, step), self.console.zone)
            if step == guide.steps[0]:
                content = Content("\n").join([content, recover_text.notes(guide.scenario)])
        self.detail.update(content)
        self.state.update(Content(self._state_words(guide)))
        self.refresh_bindings()

    def _state_words(self, guide: Guide) -> str:
        name = f"{guide.scenario.title} of {clean(guide.incident.branch_name)}"
        if guide.working:
            return f"{name}: {clean(self.doing) or 'working'}"
        if guide.current is None:
            return f"{name}: every step is done"
        return f"{name}: step {guide.steps.index(guide.current) + 1} of {len(guide.steps)}"

    def watch_doing(self) -> None:
        if self.guide is not None:
            self.state.update(Content(self._state_words(self.guide)))

    def watch_shows_log(self) -> None:
        self._show_detail()

    @property
    def selected_step(self) -> Step | None:
        """The step under the cursor."""
        if self.guide is None or self.steps.highlighted is None:
            return None
        return self.guide.scenario.step(self.steps.get_option_at_index(self.steps.highlighted).id or "")

    def _keys(self, guide: Guide, step: Step) -> str:
        if guide.working:
            return ""
        if step != guide.current:
            return f"enter goes on to: {guide.current.title}" if guide.current else ""
        words = {
            "look_up": ("l", "looks up what became of it"),
            "give_up": ("n", "it did not happen"),
            "accept": ("a", "go on in spite of it"),
        }
        possible = self._possible(guide)
        keys = [key for action, key in words.items() if action in possible]
        if "look_up" not in possible:
            keys.insert(0, ("enter", "does this step"))
        return recover_text.keys_line(keys)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides keys that mean nothing now."""
        if action in _OF_AN_INCIDENT:
            return self.guide is not None and action in self._possible(self.guide)
        if action == "close_incident":
            return self._listed_id is not None if self.guide is None else not self.guide.working
        if action == "toggle_closed":
            return self.guide is None
        return super().check_action(action, parameters)

    def _possible(self, guide: Guide) -> set[str]:
        """The actions that mean something now."""
        possible = {"log", "timeline", "connection"}
        if any("copy_id" in guide.record(step).facts for step in guide.steps):
            possible.add("diff")
        if guide.working:
            return possible
        current, selected = guide.current, self.selected_step
        if guide.undoable is not None:
            possible.add("undo")
        if selected is not None and selected != current and guide.record(selected).state != "todo":
            possible.add("go_back")
        if current is not None:
            if guide.can_look_up(current):
                possible.add("look_up")
            if guide.unsettled(current):
                possible.add("give_up")
            if guide.record(current).state == "held":
                possible.add("accept")
        return possible

    @on(OptionList.OptionSelected, "#steps")
    def _do_selected(self) -> None:
        guide = self.guide
        if guide is None or guide.working:
            return
        if self.selected_step != guide.current:
            self.show_incident(to_current=True)
            return
        self._do_step(guide)

    @work(exclusive=True, group="recover.step", exit_on_error=False, description="Do a step")
    async def _do_step(self, guide: Guide) -> None:
        step = guide.current
        if step is None or not self._may_change(step):
            return
        if guide.can_look_up(step):
            self._look_up(guide)
            return
        self.app.clear_notifications()
        answer = await self._ask(guide, step)
        if answer is None:
            return
        prepared = await guide.prepare(answer)
        if not await self._confirmed(prepared):
            return
        await self._start(
            guide, prepared.step, lambda report: guide.run(prepared, prepared.confirmation, report)
        )

    async def _ask(self, guide: Guide, step: Step) -> str | None:
        if step.kind in WITHOUT_ANSWER:
            return ""
        if step.options:
            return await self.app.push_screen_wait(ChoiceDialog(step.title, step.ask, step.options))
        name = guide.incident.branch_name
        value = proposed_copy_name(name, self.console.now()) if step.kind == "copy" else ""
        return await self.app.push_screen_wait(
            AskDialog(
                step.title, step.ask, "Go on", value=value, meaning=lambda text: self._meaning(step, text)
            )
        )

    def _meaning(self, step: Step, text: str) -> str:
        if step.kind != "moment":
            return step.safe
        if Lsn.looks_like(text):
            return f"LSN {Lsn.parse(text)}"
        if text.strip().lower() == "now":
            return "the branch as it is now"
        now, zone = self.console.now(), self.console.zone
        at = timefmt.parse_when(text, now=now, zone=zone)
        return f"{timefmt.both(at, zone)}, {timefmt.age(at, now)}"

    async def _confirmed(self, prepared: Prepared, *, undo: bool = False) -> bool:
        if not prepared.changes:
            return True
        self.app.clear_notifications()
        title = f"Undo: {prepared.step.title}" if undo else prepared.step.title
        dialog = ConfirmDialog(title, prepared.lines, "Go ahead", typed=prepared.confirmation)
        answer = await self.app.push_screen_wait(dialog)
        return answer is True and self._may_change(prepared.step)

    async def _start(self, guide: Guide, step: Step, act: Callable[[Report], Awaitable[object]]) -> None:
        """Runs a step: a long one on the app, a short one here."""
        self.doing = step.title

        def report(words: str) -> None:
            self.doing = words

        async def job(work: Work) -> None:
            try:
                await act(report)
                if guide.record(step).state == "held":
                    work.verdict = "Held by a check"
                work.note(*(f"{one.name}: {one.state}, {one.evidence}" for one in guide.record(step).checks))
            finally:
                self._show_result(guide, step)

        if step.kind in LONG:
            self.console.run_work(f"{step.title}: {guide.incident.branch_name}", job)
            return
        try:
            await act(report)
        finally:
            self._show_result(guide, step)

    def _show_result(self, guide: Guide, step: Step) -> None:
        """Leaves the cursor on a step that found something, so that it is read before the next one."""
        self.doing = ""
        self.show_incident(to_current=not guide.record(step).checks)

    def _may_change(self, step: Step) -> bool:
        if step.kind in CHANGING and self.console.read_only:
            self.fail(read_only_refusal(f"{step.title} changes branches."))
            return False
        return True

    def action_look_up(self) -> None:
        """Finds out what became of a call, without sending it again."""
        if self.guide is not None:
            self._look_up(self.guide)

    @work(exclusive=True, group="recover.step", exit_on_error=False, description="Look up a step")
    async def _look_up(self, guide: Guide) -> None:
        if guide.current is not None:
            await self._start(guide, guide.current, guide.look_up)

    def action_accept(self) -> None:
        """Goes on in spite of a check, with a reason."""
        if self.guide is not None:
            self._reason("Go on in spite of the checks?", "Why is this right?", "Accept", self.guide.accept)

    def action_give_up(self) -> None:
        """Declares that a lost call did not happen."""
        if self.guide is not None:
            ask = "Look at the branches first. How do you know that it did not happen?"
            self._reason("It did not happen?", ask, "It did not", self.guide.give_up)

    @work(exclusive=True, group="recover.step", exit_on_error=False, description="Ask for a reason")
    async def _reason(
        self, title: str, ask: str, accept: str, then: Callable[[str], Awaitable[None]]
    ) -> None:
        reason = await self.app.push_screen_wait(
            AskDialog(title, ask, accept, meaning=lambda _: "It is kept in the incident's record.")
        )
        if reason is not None:
            await then(reason)
            self.show_incident(to_current=True)

    @work(exclusive=True, group="recover.step", exit_on_error=False, description="Undo a step")
    async def action_undo(self) -> None:
        """Takes back the last change of a branch."""
        guide = self.guide
        if guide is None or guide.undoable is None or not self._may_change(guide.undoable):
            return
        prepared = await guide.prepare_undo()
        if await self._confirmed(prepared, undo=True):
            await self._start(
                guide, prepared.step, lambda report: guide.undo(prepared, prepared.confirmation, report)
            )

    @work(exclusive=True, group="recover.step", exit_on_error=False, description="Go back to a step")
    async def action_go_back(self) -> None:
        """Opens the step under the cursor again."""
        guide, step = self.guide, self.selected_step
        if guide is None or step is None:
            return
        lines = [
            "This step and those after it are to be done again.",
            "Nothing is undone on the server: a copy that was made stays.",
        ]
        if await self.app.push_screen_wait(ConfirmDialog(f"Back to: {step.title}?", lines, "Go back")):
            await guide.go_back(step.key)
            self.show_incident(to_current=True)

    @work(exclusive=True, group="recover.step", exit_on_error=False, description="Open the comparison")
    async def action_diff(self) -> None:
        """Shows the copy against the original, row by row."""
        if self.guide is not None:
            copy, original = await self.guide.copy_and_original()
            self.console.show_diff(copy, original)

    @work(exclusive=True, group="recover.step", exit_on_error=False, description="Open the timeline")
    async def action_timeline(self) -> None:
        """Shows the hurt branch on a time axis, to find the moment."""
        if self.guide is not None:
            incident = self.guide.incident
            client = await self.console.services.client()
            self.console.show_timeline(await client.branch(incident.project_id, incident.branch_id))

    @work(exclusive=True, group="recover.step", exit_on_error=False, description="Show the connection")
    async def action_connection(self) -> None:
        """Shows where the result is reached, without the password until it is asked for."""
        if self.guide is None:
            return
        client = await self.console.services.client()
        branch = await self.guide.result()
        databases = await client.databases(branch.project_id, branch.id)
        if not databases:
            raise RefusedError(f"The branch {clean(branch.name)} has no database")
        first = min(databases, key=lambda one: one.id)
        uri = await client.connection_uri(
            branch.project_id, branch_id=branch.id, database=first.name, role=first.owner_name
        )
        await self.app.push_screen_wait(ConnectionDialog(branch.name, uri))

    @property
    def _listed_id(self) -> str | None:
        """The incident under the cursor of the list."""
        if self.incidents.highlighted is None or self.incidents.highlighted >= self.incidents.option_count:
            return None
        verb, _, what = (self.incidents.get_option_at_index(self.incidents.highlighted).id or "").partition(
            " "
        )
        return what if verb == "open" else None

    def action_toggle_closed(self) -> None:
        """Shows closed incidents in the list, or hides them."""
        self.shows_closed = not self.shows_closed

    @work(exclusive=True, group="recover.open", exit_on_error=False, description="Close an incident")
    async def action_close_incident(self) -> None:
        """Takes an incident off the list after saying what it leaves behind; a closed one comes back."""
        guide, listed = self.guide, self._listed_id
        if guide is None and listed is None:
            return
        known = self._guides.get(listed or "")
        if known is not None and known.working:
            raise RefusedError("A step of this incident is being done", "Close it when the step has ended.")
        incident = guide.incident if guide else await asyncio.to_thread(self._store.load, listed or "")
        if incident.archived_at is not None:
            incident.bring_back(self.console.now())
        else:
            lines = await self._closing_lines(incident)
            if not await self.app.push_screen_wait(ConfirmDialog("Close the incident?", lines, "Close it")):
                return
            incident.archive(self.console.now())
        await asyncio.to_thread(self._store.save, incident)
        if guide is not None:
            self._leave_incident()
        else:
            self.load()

    async def _closing_lines(self, incident: Incident) -> list[str]:
        known = _known_scenario(incident.scenario)
        titles = {step.key: step.title for step in known.steps} if known else {}
        unsettled = [
            titles.get(key, key) for key, record in incident.records.items() if record.state in UNSETTLED
        ]
        client = await self.console.services.client()
        if incident.host == client.host:
            branches = incident.left_behind(await client.branches(incident.project_id))
            left = [f"{one.name} ({one.id})" for one in branches]
        else:
            left = [f"{name} ({identity}) on {incident.host}" for identity, name in incident.made.items()]
        return recover_text.closing_lines(incident, unsettled, left)

    def action_log(self) -> None:
        """Shows the incident's log, or the step again."""
        self.shows_log = not self.shows_log

    def action_back(self) -> None:
        """Closes the error, then the log, then the incident, then the screen."""
        if self.guide is None or self.query_one(ErrorPanel).display:
            super().action_back()
        elif self.shows_log:
            self.shows_log = False
        else:
            self._leave_incident()

    def _leave_incident(self) -> None:
        self.guide = None
        self.subject = ""
        self.switcher.current = "recover-start"
        self.incidents.focus()
        self.load()


def _known_scenario(key: str) -> Scenario | None:
    return next((one for one in SCENARIOS if one.key == key), None)


def _standing(incident: Incident, known: Scenario | None) -> str:
    if incident.archived_at is not None:
        return f"closed {timefmt.utc(incident.archived_at, 'seconds')}; x brings it back"
    if incident.closed_at is not None:
        return f"finished {timefmt.utc(incident.closed_at, 'seconds')}"
    titles = {step.key: step.title for step in known.steps} if known else {}
    done = [titles.get(key, clean(key)) for key, record in incident.records.items() if record.state == "done"]
    unsure = [
        titles.get(key, clean(key))
        for key, one in incident.records.items()
        if one.state in {"unknown", "running"}
    ]
    if unsure:
        return f"outcome unknown: {unsure[-1]}"
    undone = [
        f"; undone {timefmt.utc(one.undone.at, 'seconds')}: {titles.get(key, clean(key))}"
        for key, one in incident.records.items()
        if one.undone is not None and one.state == "todo"
    ]
    return f"open, {len(done)} steps done{f', last: {done[-1]}' if done else ''}{''.join(undone[-1:])}"


def _find(branches: list[Branch], text: str) -> Branch:
    from warubi_tui.neon.branches import find_branch

    return find_branch(branches, text.strip())


def _branch_words(branches: list[Branch], text: str) -> str:
    branch = _find(branches, text)
    return f"{branch.name} ({branch.id}){', the default branch' if branch.default else ''}"
