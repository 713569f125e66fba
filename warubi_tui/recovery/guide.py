"""Walking an incident through its scenario: which step comes next, doing it, and remembering it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from warubi_tui.errors import RefusedError, UnknownOutcomeError, UnreachableError, UsageError, WarubiError
from warubi_tui.recovery.check import Check
from warubi_tui.recovery.incident import Undone
from warubi_tui.recovery.lookup import Patience
from warubi_tui.recovery.steps import CHANGING, KINDS
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch
    from warubi_tui.recovery.control_plane import ControlPlane
    from warubi_tui.recovery.incident import Incident, StepRecord
    from warubi_tui.recovery.incident_store import IncidentStore
    from warubi_tui.recovery.inspector import Inspector, Report
    from warubi_tui.recovery.scenarios.scenario import Scenario, Step

ACCEPTED = "Accepted by a person"
"""The check that stands for a person's word that the way goes on in spite of the others."""

UNSETTLED = ("running", "unknown")
"""States of a step whose call was sent, or may have been, and whose end is not known."""


class Guide:
    """One incident, open. Every change of it is on disk before anything is sent.

    Args:
        host: the management API that `client` talks to.
        clock: gives aware UTC.
        zone: in which typed times without a zone are read.

    Raises:
        RefusedError: the incident belongs to another management API.
    """

    def __init__(
        self,
        incident: Incident,
        scenario: Scenario,
        *,
        client: ControlPlane,
        inspector: Inspector,
        store: IncidentStore,
        host: str,
        clock: Callable[[], datetime],
        zone: tzinfo,
        patience: Patience | None = None,
    ) -> None:
        if incident.host != host:
            raise RefusedError(
                "This incident belongs to another server",
                f"It was begun on {clean(incident.host)}; this console talks to {clean(host)}.",
                "Open the console with that server's settings.",
            )
        self.incident = incident
        self.scenario = scenario
        self.working = False
        """Whether a step is being done by this process right now."""
        self._client = client
        self._inspector = inspector
        self._store = store
        self._clock = clock
        self._zone = zone
        self._patience = patience or Patience()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the way as it stands: those that depend on a choice appear after it."""
        return tuple(step for step in self.scenario.steps if self._applies(step))

    @property
    def current(self) -> Step | None:
        """The first step that is not done; None at the end of the way."""
        return next((step for step in self.steps if self.record(step).state != "done"), None)

    def record(self, step: Step) -> StepRecord:
        """What is known about a step."""
        return self.incident.record(step.key)

    def unsettled(self, step: Step) -> bool:
        """Whether something was sent for this step of which it is not known what became of it."""
        sends = step.kind in CHANGING
        return sends and not self.working and self.record(step).state in UNSETTLED

    def can_look_up(self, step: Step) -> bool:
        """Whether this step's call was sent, and what became of it can be looked at (again)."""
        sent = self.record(step).state in {*UNSETTLED, "held"}
        return step.kind in CHANGING and sent and not self.working

    async def copy_and_original(self) -> tuple[Branch, Branch]:
        """The copy that was made and the branch that was hurt, as they are now.

        Raises:
            RefusedError: no copy was made yet.
        """
        facts = [self.record(step).facts for step in self.steps]
        copy_id = next((found["copy_id"] for found in facts if "copy_id" in found), None)
        if copy_id is None:
            raise RefusedError("There is no copy yet", "Restore a copy first.")
        project_id = self.incident.project_id
        copy = await self._client.branch(project_id, copy_id)
        return copy, await self._client.branch(project_id, self.incident.branch_id)

    def accepted(self, step: Step) -> bool:
        """Whether a person let the way go on although a check of the step failed or is unknown."""
        return any(check.name == ACCEPTED for check in self.record(step).checks)

    async def result(self) -> Branch:
        """The branch that the application is to use: the copy, unless the original goes back in place."""
        facts = self.incident.record("copy").facts
        in_place = self.incident.record("choose").answer == "in_place"
        found = None if in_place else facts.get("copy_id")
        return await self._client.branch(self.incident.project_id, found or self.incident.branch_id)

    async def save(self) -> None:
        """Puts the incident on disk. Raises WarubiError when that is not possible."""
        await asyncio.to_thread(self._store.save, self.incident)

    async def prepare(self, answer: str) -> Prepared:
        """Reads what the current step needs and says what it would do.

        Raises:
            UsageError: the answer cannot be understood.
            RefusedError: a guard says no, or a call of this step was sent before.
        """
        step = self._expect_current()
        self._refuse_second_call(step)
        return await KINDS[step.kind].prepare(await self._context(step), step, answer)

    async def run(self, prepared: Prepared, typed: str | None, report: Report) -> StepRecord:
        """Does a prepared step and records what came of it.

        Raises:
            RefusedError: not confirmed, or a guard said no; nothing was done.
            UnknownOutcomeError: a call was sent and its answer lost; the step is to be looked up.
            WarubiError: it failed; the record says how.
        """
        step = prepared.step
        if self.working or step != self.current:
            raise RefusedError("This is not the step to be done now", "Nothing was done.")
        self._refuse_second_call(step)
        _check_confirmation(prepared, typed)
        record = self.record(step)
        record.answer, record.checks, record.problem = prepared.answer, [], ""
        record.facts = dict(prepared.facts)
        return await self._follow(step, record, lambda: prepared.act(typed, report), sends=prepared.changes)

    async def look_up(self, report: Report) -> StepRecord:
        """Finds out what became of a call of the current step, and checks the result again. Sends nothing.

        Raises:
            RefusedError: nothing was sent.
            UnknownOutcomeError: still nothing is seen of it.
            WarubiError: it failed.
        """
        step = self._expect_current()
        record = self.record(step)
        kind = CHANGING.get(step.kind)
        if kind is None or not self.can_look_up(step):
            raise RefusedError("There is nothing to look up for this step")
        context = await self._context(step)
        facts = dict(record.facts)
        return await self._follow(
            step, record, lambda: kind.look_up(context, step, facts, report), sends=True
        )

    async def give_up(self, reason: str) -> None:
        """Declares that a call of the current step did not happen, so that it can be planned anew.

        Only a person can say so, after looking at the branches; the reason goes into the log.

        Raises:
            UsageError: no reason given.
            RefusedError: nothing is unsettled.
        """
        step = self._expect_current()
        if self.working or not self.unsettled(step):
            raise RefusedError("There is nothing to give up for this step")
        record = self.record(step)
        self._note(
            step, f"a person says it did not happen: {_reason(reason)}; was looked for: {record.facts}"
        )
        record.state, record.facts, record.problem = "todo", {}, ""
        await self.save()

    async def accept(self, reason: str) -> None:
        """Lets the way go on although a check of the current step failed or is unknown.

        Raises:
            UsageError: no reason given.
            RefusedError: the step has no such check.
        """
        step = self._expect_current()
        record = self.record(step)
        if record.state != "held":
            raise RefusedError("There is no check here to be accepted")
        words = _reason(reason)
        record.checks.append(Check(ACCEPTED, "unknown", clean(words), self._clock()))
        record.state, record.problem = "done", ""
        self._note(step, f"accepted in spite of its checks: {words}")
        await self.save()

    async def go_back(self, key: str) -> None:
        """Opens an earlier step again; it and those after it are to be done again.

        Raises:
            RefusedError: after it something was changed that has to be undone first, or is unsettled.
        """
        keys = [step.key for step in self.steps]
        if key not in keys or self.working:
            raise RefusedError("This step cannot be opened again now")
        later = self.steps[keys.index(key) :]
        for step in later:
            if self.unsettled(step) or self._changed_branch(step):
                raise RefusedError(
                    f"First undo: {step.title}",
                    "It changed a branch, or may have; going back would forget how to undo it.",
                    "Undo it or look it up, then go back.",
                )
        for step in later:
            record = self.record(step)
            if record.state != "todo":
                self._note(step, f"opened again; it had found: {record.facts}")
            self.incident.reopen(step.key)
        self.incident.closed_at = None
        await self.save()

    @property
    def undoable(self) -> Step | None:
        """The last step that changed the original or a name; None when there is nothing to undo."""
        return next((step for step in reversed(self.steps) if self._changed_branch(step)), None)

    async def prepare_undo(self) -> Prepared:
        """Prepares to take back the last step that changed something.

        Raises:
            RefusedError: there is none, or it cannot be taken back from here.
        """
        step = self.undoable
        if step is None or self.working:
            raise RefusedError("There is nothing to undo", "So far no branch was changed.")
        return await CHANGING[step.kind].prepare_undo(
            await self._context(step), step, dict(self.record(step).facts)
        )

    async def undo(self, prepared: Prepared, typed: str | None, report: Report) -> None:
        """Takes back a step. Afterwards it and those after it are to be done again.

        Raises: as `run`. After a lost answer the step stays done: look at the branches before going on.
        """
        step = prepared.step
        if self.working or step != self.undoable:
            raise RefusedError("This is not the step to be undone now", "Nothing was done.")
        _check_confirmation(prepared, typed)
        self._note(step, f"undo sent: {'; '.join(prepared.lines)}")
        await self.save()
        self.working = True
        try:
            outcome = await prepared.act(typed, report)
        except WarubiError as error:
            self._note(step, f"undo: {error}")
            await self.save()
            raise
        finally:
            self.working = False
        keys = [one.key for one in self.steps]
        for later in self.steps[keys.index(step.key) :]:
            self.incident.reopen(later.key)
        self.record(step).undone = Undone(self._clock(), outcome.facts.get("kept_name", ""))
        self._remember_made(outcome.facts)
        self._note(step, f"undone: {outcome.summary}; {dict(outcome.facts)}")
        self.incident.closed_at = None
        await self.save()

    def _applies(self, step: Step) -> bool:
        if step.only_if is None:
            return True
        key, answers = step.only_if
        record = self.incident.records.get(key)
        return record is not None and record.state == "done" and record.answer in answers

    def _changed_branch(self, step: Step) -> bool:
        record = self.record(step)
        made = record.state in {"done", "held"} and bool(record.facts)
        return made and step.kind in {"in_place", "branch_call"}

    def _refuse_second_call(self, step: Step) -> None:
        if step.kind in CHANGING and self.record(step).state in {*UNSETTLED, "held"}:
            raise RefusedError(
                "This step was sent before, and is not sent again",
                "It may have happened, or it happened and a check of it did not pass.",
                "Look it up.",
            )

    def _expect_current(self) -> Step:
        step = self.current
        if step is None:
            raise RefusedError("This incident is at its end", "Every step is done.")
        return step

    async def _context(self, step: Step) -> Context:
        incident = self.incident
        project = await self._client.project(incident.project_id)
        branch = await self._client.branch(incident.project_id, incident.branch_id)
        return Context(
            client=self._client,
            inspector=self._inspector,
            project=project,
            branch=branch,
            planned_name=incident.branch_name,
            facts=self._facts_before(step),
            now=self._clock(),
            zone=self._zone,
            patience=self._patience,
            left_behind=self.incident.left_behind,
        )

    def _facts_before(self, step: Step) -> Mapping[str, str]:
        facts: dict[str, str] = {}
        for earlier in self.steps:
            if earlier.key == step.key:
                break
            facts |= self.record(earlier).facts
        return facts

    async def _follow(
        self, step: Step, record: StepRecord, act: Callable[[], Awaitable[Outcome]], *, sends: bool
    ) -> StepRecord:
        self.working = True
        before = record.state if record.state in {*UNSETTLED, "held"} else "todo"
        record.state = "running"
        self._note(step, f"{step.title}: begun {record.facts or ''}".rstrip())
        try:
            await self.save()
            outcome = await act()
        except RefusedError as error:
            record.state, record.problem = before, str(error)
            self._note(step, f"refused: {error}")
            raise
        except UnknownOutcomeError as error:
            record.state, record.problem = "unknown", str(error)
            self._note(step, f"outcome unknown: {error}")
            raise
        except WarubiError as error:
            unseen = isinstance(error, UnreachableError) and before != "todo"
            record.state, record.problem = before if unseen else "failed", str(error)
            self._note(step, f"failed: {error}")
            raise
        except asyncio.CancelledError:
            record.state = "unknown" if sends else "todo"
            self._note(step, "interrupted")
            raise
        else:
            self._settle(step, record, outcome)
            return record
        finally:
            self.working = False
            await self.save()

    def _settle(self, step: Step, record: StepRecord, outcome: Outcome) -> None:
        record.checks = list(outcome.checks)
        record.facts = dict(outcome.facts)
        self._remember_made(outcome.facts)
        holding = _holding(outcome)
        if holding:
            record.state, record.problem = "held", f"Not passed: {', '.join(holding)}"
        else:
            record.state, record.problem = "done", ""
            if step.kind == "close":
                self.incident.closed_at = self._clock()
        self._note(step, outcome.summary)

    def _remember_made(self, facts: Mapping[str, str]) -> None:
        for what in ("copy", "kept"):
            if f"{what}_id" in facts:
                self.incident.made[facts[f"{what}_id"]] = facts[f"{what}_name"]

    def _note(self, step: Step, text: str) -> None:
        self.incident.note(self._clock(), step.key, text)


def _holding(outcome: Outcome) -> Sequence[str]:
    if not outcome.gates:
        return ()
    return [check.name for check in outcome.checks if check.state in {"fail", "unknown"}]


def _check_confirmation(prepared: Prepared, typed: str | None) -> None:
    if prepared.confirmation is not None and typed != prepared.confirmation:
        raise RefusedError(
            "Not confirmed, nothing was done",
            f"This changes the branch {clean(prepared.confirmation)}.",
            "Type the branch's name exactly as it is.",
        )


def _reason(text: str) -> str:
    if not text.strip():
        raise UsageError("Give a reason", hint="It is kept in the incident's record.")
    return text.strip()
