"""Restoring the original in place, to the state of the copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from warubi_tui.recovery import restore
from warubi_tui.recovery.steps.copy import reach
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared, operations_report
from warubi_tui.recovery.steps.point import copied_point

if TYPE_CHECKING:
    from warubi_tui.recovery.inspector import Report
    from warubi_tui.recovery.restore import RestorePlan, RestoreResult
    from warubi_tui.recovery.scenarios.scenario import Step


class InPlace:
    """Overwrites the original by its own state at the copy's LSN; the same LSN is the same data."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        plan = await restore.plan_in_place(
            context.client,
            context.project,
            context.branch,
            await copied_point(context),
            keep_as=answer.strip() or None,
            now=context.now,
            zone=context.zone,
        )
        return _prepared(context, step, plan)

    async def look_up(
        self, context: Context, step: Step, facts: Mapping[str, str], report: Report
    ) -> Outcome:
        plan = restore.RestorePlan(
            context.project,
            "in_place",
            context.branch,
            context.branch,
            None,
            context.branch.name,
            facts["kept_name"],
            (),
        )
        result = await restore.resume(
            context.client, plan, progress=operations_report(report), patience=context.patience
        )
        return await _outcome(context, result)

    async def prepare_undo(self, context: Context, step: Step, facts: Mapping[str, str]) -> Prepared:
        kept = await context.client.branch(context.project.id, facts["kept_id"])
        plan = await restore.plan_from(
            context.client, context.project, context.branch, kept, now=context.now, zone=context.zone
        )
        return _prepared(context, step, plan)


def _prepared(context: Context, step: Step, plan: RestorePlan) -> Prepared:
    async def act(typed: str | None, report: Report) -> Outcome:
        result = await restore.perform(
            context.client,
            plan,
            confirmation=typed,
            progress=operations_report(report),
            patience=context.patience,
        )
        return await _outcome(context, result)

    return Prepared(
        step,
        plan.keep_as or "",
        act,
        lines=plan.effects,
        changes=True,
        confirmation=plan.confirmation,
        facts={"kept_name": plan.keep_as or ""},
    )


async def _outcome(context: Context, result: RestoreResult) -> Outcome:
    kept = result.kept_as
    ended = f"{len(result.operations)} operations ended well in {result.seconds:.1f} s"
    same = result.branch.id == context.branch.id and result.branch.name == context.branch.name
    checks = [
        context.check("Operations", "pass", ended),
        context.check(
            "Identity",
            "pass" if same else "fail",
            f"{result.branch.name} ({result.branch.id}); before: {context.branch.name} ({context.branch.id})",
        ),
        await reach(context, result.branch),
    ]
    facts: dict[str, str] = {}
    if kept is not None:
        facts = {"kept_name": kept.name, "kept_id": kept.id}
        checks.append(context.check("Old state", "pass", f"kept as {kept.name} ({kept.id})"))
    return Outcome(f"restored {result.branch.name} in place, {ended}", checks, facts)
