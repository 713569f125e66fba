"""What a kind of step is: it prepares, which only reads and says what would happen, and then acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Protocol

from warubi_tui.errors import UsageError
from warubi_tui.recovery.check import Check, CheckState
from warubi_tui.recovery.lookup import Patience
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch, Operation, Project
    from warubi_tui.recovery.control_plane import ControlPlane
    from warubi_tui.recovery.inspector import Inspector, Report
    from warubi_tui.recovery.scenarios.scenario import Step


@dataclass(frozen=True)
class Context:
    """What a step works with: the connections, the branch as it is now, what earlier steps found."""

    client: ControlPlane
    inspector: Inspector
    project: Project
    branch: Branch
    """The branch that the incident is about, by its id."""
    planned_name: str
    """The name that this branch had when the incident began."""
    facts: Mapping[str, str]
    """Of all steps before this one."""
    now: datetime
    zone: tzinfo
    patience: Patience
    left_behind: Callable[[Sequence[Branch]], Sequence[Branch]]
    """Of these branches, those that this incident made or renamed away."""

    def fact(self, key: str) -> str:
        """What an earlier step found. Raises UsageError when that step is still to come."""
        try:
            return self.facts[key]
        except KeyError as error:
            raise UsageError("An earlier step has to be done first", f"It will find: {key}.") from error

    def check(self, name: str, state: CheckState, evidence: str) -> Check:
        """A check made now."""
        return Check(name, state, evidence, self.now)

    async def copy(self) -> Branch:
        """The restored copy, as it is now."""
        return await self.client.branch(self.project.id, self.fact("copy_id"))


@dataclass(frozen=True)
class Outcome:
    """What a step found or did."""

    summary: str
    """One line for the log."""
    checks: Sequence[Check] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    """For later steps."""
    gates: bool = True
    """Whether a check that failed or is unknown holds the way until a person accepts it with a reason."""


@dataclass(frozen=True)
class Prepared:
    """A step about to be done, and what that means."""

    step: Step
    answer: str
    act: Callable[[str | None, Report], Awaitable[Outcome]]
    """Takes what the person typed as a confirmation."""
    lines: Sequence[str] = ()
    """The preview. Safe to draw as text."""
    changes: bool = False
    """Whether it changes something outside: then it is written down before, and looked up if lost."""
    confirmation: str | None = None
    """What has to be typed; None when nothing has to be."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """By which a lost call is found again; saved before the call."""


class StepKind(Protocol):
    """One kind of step, for every scenario that uses it."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        """Reads what is needed and says what would happen. Raises WarubiError; changes nothing."""
        ...


class ChangingStepKind(StepKind, Protocol):
    """A kind that changes something outside."""

    async def look_up(
        self, context: Context, step: Step, facts: Mapping[str, str], report: Report
    ) -> Outcome:
        """Follows a call that was sent earlier, by the facts saved before it. Sends nothing.

        Raises UnknownOutcomeError when nothing is seen of it.
        """
        ...

    async def prepare_undo(self, context: Context, step: Step, facts: Mapping[str, str]) -> Prepared:
        """Prepares to take back what the step did.

        Raises RefusedError when it cannot be taken back from here.
        """
        ...


def operations_report(report: Report) -> Callable[[Sequence[Operation]], None]:
    """Turns progress of operations into words."""

    def tell(operations: Sequence[Operation]) -> None:
        report(", ".join(f"{clean(op.action)}: {clean(op.status)}" for op in operations) or "no operations")

    return tell
