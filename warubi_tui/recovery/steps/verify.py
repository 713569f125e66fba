"""Looking into a branch for damage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warubi_tui.recovery.check import worst
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared

if TYPE_CHECKING:
    from warubi_tui.recovery.inspector import Report
    from warubi_tui.recovery.scenarios.scenario import Step


class Verify:
    """Runs the integrity checks: on the copy they hold the way when they fail, on the original they tell."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        branch = context.branch if step.subject == "original" else await context.copy()

        async def act(typed: str | None, report: Report) -> Outcome:
            checks = await context.inspector.integrity(context.project.id, branch, report)
            return Outcome(
                f"looked into {branch.name} ({branch.id}): {worst(checks)}",
                checks,
                gates=step.subject == "copy",
            )

        return Prepared(step, answer, act, lines=[f"Looks into: {branch.name} ({branch.id})"])
