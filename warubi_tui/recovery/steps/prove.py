"""Proving that the result is what the copy showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warubi_tui.recovery.check import Check, CheckState
from warubi_tui.recovery.steps.copy import reach
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared
from warubi_tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warubi_tui.neon.models import Branch
    from warubi_tui.recovery.inspector import Report, TableProof
    from warubi_tui.recovery.scenarios.scenario import Step


class Prove:
    """After a restore in place: digests of every table against the copy. After a promotion: the names."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        copy = await context.copy()

        async def act(typed: str | None, report: Report) -> Outcome:
            if copy.name == context.planned_name:
                checks = await _promoted(context, copy)
            else:
                proofs = await context.inspector.prove(context.project.id, copy, context.branch, report)
                checks = [*_digests(context, proofs), await reach(context, context.branch)]
            return Outcome("looked at the result", checks)

        return Prepared(step, answer, act)


async def _promoted(context: Context, copy: Branch) -> list[Check]:
    named = [
        branch
        for branch in await context.client.branches(context.project.id)
        if branch.name == context.planned_name
    ]
    ids = ", ".join(branch.id for branch in named)
    return [
        context.check("Name", "pass" if ids == copy.id else "fail", f"{context.planned_name} is {ids}"),
        _default(context, copy),
        await reach(context, copy),
        context.check(
            "Application's connection",
            "warn",
            "reaches the damaged branch until the application has this branch's connection string",
        ),
    ]


def _default(context: Context, copy: Branch) -> Check:
    expected = context.fact("was_default") == "yes"
    state: CheckState = "pass" if copy.default == expected else "fail"
    return context.check("Default", state, f"{copy.id} is {'' if copy.default else 'not '}the default branch")


def _digests(context: Context, proofs: Sequence[TableProof]) -> list[Check]:
    checks = []
    for proof in proofs:
        name = clean(f"Table {proof.database}: {proof.table}")
        if proof.equal is None:
            checks.append(context.check(name, "unknown", clean(proof.reason)))
        elif not proof.equal:
            checks.append(
                context.check(
                    name, "warn", "differs from the copy: rows written since the restore, or not restored"
                )
            )
    equal = sum(1 for proof in proofs if proof.equal)
    state: CheckState = "pass" if proofs and equal == len(proofs) else "warn"
    checks.append(context.check("Digests", state, f"{equal} of {len(proofs)} tables equal those of the copy"))
    return checks
