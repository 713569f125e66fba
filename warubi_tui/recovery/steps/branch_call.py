"""The three calls of rename and promote, one step each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from warubi_tui.errors import RefusedError, UnknownOutcomeError
from warubi_tui.recovery.lookup import branch_as
from warubi_tui.recovery.promote import BranchCall, PromotePlan, make_call, plan_promote
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared, operations_report

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch
    from warubi_tui.recovery.inspector import Report
    from warubi_tui.recovery.scenarios.scenario import Step


class PromoteCall:
    """Makes one call unless the branch already is as the call leaves it."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        if step.call == "set_default" and context.fact("was_default") == "no":
            return _needless(step)
        plan = await _plan(context, answer.strip() or None)
        call = _call(plan, step)
        facts = {"kept_name": plan.keep_as, "kept_id": context.branch.id}
        return await _prepared(context, step, call, [call.title, *plan.effects], facts)

    async def look_up(
        self, context: Context, step: Step, facts: Mapping[str, str], report: Report
    ) -> Outcome:
        call = _call(await _plan(context, facts.get("kept_name")), step)
        report(f"looking whether it happened: {call.title}")
        branch = await branch_as(
            context.client, context.project.id, call.branch_id, call.done, context.patience
        )
        if branch is None:
            raise UnknownOutcomeError(f"It is not seen to have happened: {call.title}")
        return _outcome(context, call, branch, facts, "seen to have happened")

    async def prepare_undo(self, context: Context, step: Step, facts: Mapping[str, str]) -> Prepared:
        call = _call(await _plan(context, facts.get("kept_name")), step)
        if call.kind == "set_default":
            back = replace(
                call, branch_id=context.branch.id, before=context.branch.name, after=context.branch.name
            )
        else:
            back = replace(call, before=call.after, after=call.before)
        return await _prepared(context, step, back, [back.title], {})


def _needless(step: Step) -> Prepared:
    async def act(typed: str | None, report: Report) -> Outcome:
        return Outcome("not needed: the original was not the default branch", gates=False)

    return Prepared(step, "", act, lines=["Not needed: the original was not the default branch"])


async def _plan(context: Context, keep_as: str | None) -> PromotePlan:
    """The plan as it was at the start, whatever of it is done already."""
    kept = keep_as or context.facts.get("kept_name")
    original = replace(context.branch, name=context.planned_name, default=True)
    copy = replace(await context.copy(), name=context.fact("copy_name"))
    return plan_promote(context.project, original, copy, keep_as=kept, now=context.now)


def _call(plan: PromotePlan, step: Step) -> BranchCall:
    position = {"rename_original": 0, "rename_copy": 1, "set_default": 2}
    return plan.calls[position[step.call or "rename_original"]]


async def _prepared(
    context: Context, step: Step, call: BranchCall, lines: list[str], facts: Mapping[str, str]
) -> Prepared:
    branch = await context.client.branch(context.project.id, call.branch_id)

    async def act(typed: str | None, report: Report) -> Outcome:
        result = await make_call(
            context.client,
            context.project.id,
            call,
            confirmation=typed,
            progress=operations_report(report),
            patience=context.patience,
        )
        how = "done" if result.sent else "was so already"
        return _outcome(context, call, result.branch, facts, how)

    return Prepared(
        step,
        call.after,
        act,
        lines=lines,
        changes=True,
        confirmation=call.confirmation(branch),
        facts=facts,
    )


def _outcome(
    context: Context, call: BranchCall, branch: Branch, facts: Mapping[str, str], how: str
) -> Outcome:
    if not call.done(branch):
        raise RefusedError(f"The server said yes, but it is not so: {call.title}")
    evidence = f"{branch.id} is named {branch.name}{', the default' if branch.default else ''}"
    return Outcome(f"{call.title}: {how}", [context.check(call.title, "pass", evidence)], facts)
