"""Restoring a copy beside the original."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from warubi_tui.errors import RefusedError, WarubiError
from warubi_tui.recovery import restore
from warubi_tui.recovery.check import Check
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared, operations_report
from warubi_tui.recovery.steps.point import picked_point
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch
    from warubi_tui.recovery.inspector import Report
    from warubi_tui.recovery.restore import RestorePlan, RestoreResult
    from warubi_tui.recovery.scenarios.scenario import Step


class Copy:
    """Makes a branch with the state of the picked moment."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        plan = await restore.plan_copy(
            context.client,
            context.project,
            context.branch,
            await picked_point(context),
            name=answer.strip() or None,
            now=context.now,
            zone=context.zone,
        )

        async def act(typed: str | None, report: Report) -> Outcome:
            result = await restore.perform(
                context.client, plan, progress=operations_report(report), patience=context.patience
            )
            return await _outcome(context, plan, result)

        facts = {"copy_name": plan.name}
        return Prepared(step, plan.name, act, lines=plan.effects, changes=True, facts=facts)

    async def look_up(
        self, context: Context, step: Step, facts: Mapping[str, str], report: Report
    ) -> Outcome:
        plan = restore.RestorePlan(
            context.project, "copy", context.branch, None, None, facts["copy_name"], None, ()
        )
        result = await restore.resume(
            context.client, plan, progress=operations_report(report), patience=context.patience
        )
        return await _outcome(context, plan, result)

    async def prepare_undo(self, context: Context, step: Step, facts: Mapping[str, str]) -> Prepared:
        raise RefusedError(
            "The copy is not deleted from here",
            f"It is the branch {clean(facts['copy_name'])}; it changes nothing in the original.",
            "Go back to the moment to make another copy; delete this one on the Branches screen.",
        )


async def _outcome(context: Context, plan: RestorePlan, result: RestoreResult) -> Outcome:
    copy = result.branch
    facts = {"copy_name": copy.name, "copy_id": copy.id}
    if copy.parent_lsn is not None:
        facts["copy_lsn"] = str(copy.parent_lsn)
    ended = f"{len(result.operations)} operations ended well in {result.seconds:.1f} s"
    checks = [
        context.check("Operations", "pass", ended),
        _origin(context, copy),
        _position(context, plan, copy),
        await reach(context, copy),
    ]
    return Outcome(f"restored the copy {copy.name} ({copy.id}), {ended}", checks, facts)


def _origin(context: Context, copy: Branch) -> Check:
    if copy.parent_id == context.branch.id:
        return context.check("Origin", "pass", f"its parent is {context.branch.name} ({context.branch.id})")
    return context.check("Origin", "fail", f"its parent is {copy.parent_id}, not {context.branch.id}")


def _position(context: Context, plan: RestorePlan, copy: Branch) -> Check:
    if copy.parent_lsn is None:
        return context.check("Position", "unknown", "the server does not tell the copy's LSN")
    found = plan.point.resolved if plan.point else None
    if found is not None and found.next_lsn is not None and copy.parent_lsn > found.next_lsn:
        return context.check(
            "Position", "fail", f"it stands at LSN {copy.parent_lsn}, after a commit that should be left out"
        )
    return context.check("Position", "pass", f"it stands at LSN {copy.parent_lsn}")


async def reach(context: Context, branch: Branch) -> Check:
    """Whether a fresh connection to the branch works."""
    try:
        return await context.inspector.reach(context.project.id, branch)
    except WarubiError as error:
        return context.check("Connection", "unknown", str(error))
