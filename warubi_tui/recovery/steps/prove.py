"""Proving that the result is what the copy showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warubi_tui import timefmt
from warubi_tui.errors import WarubiError
from warubi_tui.recovery.check import Check, CheckState
from warubi_tui.recovery.steps.copy import reach
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared
from warubi_tui.recovery.verify import proven
from warubi_tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

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
                checks = [*await _restored(context, copy, report), await reach(context, context.branch)]
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
            "reaches the damaged branch until the application has this branch's connection string: key c",
        ),
    ]


def _default(context: Context, copy: Branch) -> Check:
    expected = context.fact("was_default") == "yes"
    state: CheckState = "pass" if copy.default == expected else "fail"
    return context.check("Default", state, f"{copy.id} is {'' if copy.default else 'not '}the default branch")


async def _restored(context: Context, copy: Branch, report: Report) -> list[Check]:
    """The branch as it is now; where that differs, as it was when the restore ended.

    An application that writes makes the branch differ from the copy, and is no fault of the restore.
    """
    now = await _compared(context, copy, report, None)
    if isinstance(now, Check):
        return [now]
    if proven(now):
        return _digests(context, now, "now", "fail")
    untold = _digests(context, now, "now; the rest may be written since", "unknown")
    ended = context.branch.last_reset_at
    if ended is None:
        why = "the server does not say when the restore ended"
        return [*untold, context.check("Comparison", "unknown", why)]
    then = await _compared(context, copy, report, ended)
    if isinstance(then, Check):
        return [*untold, then]
    written = [proof for proof in now if not proof.equal]
    names = ", ".join(clean(f"{proof.database}: {proof.table}") for proof in written)
    return [
        *_digests(context, then, f"at the restore's end, {timefmt.utc(ended)}", "fail"),
        context.check("Now", "pass" if proven(then) else "warn", f"differing from the copy now: {names}"),
    ]


async def _compared(
    context: Context, copy: Branch, report: Report, at: datetime | None
) -> Sequence[TableProof] | Check:
    try:
        return await context.inspector.prove(context.project.id, copy, context.branch, report, at)
    except WarubiError as error:
        when = "as it is now" if at is None else f"as it was at the restore's end, {timefmt.utc(at)}"
        return context.check("Comparison", "unknown", f"the branch {when} could not be read: {error}")


def _digests(
    context: Context, proofs: Sequence[TableProof], when: str, if_unequal: CheckState
) -> list[Check]:
    equal = sum(1 for proof in proofs if proof.equal)
    unequal = any(proof.equal is False for proof in proofs)
    state: CheckState = "pass" if proven(proofs) else if_unequal if unequal else "unknown"
    checks = [
        context.check("Digests", state, f"{equal} of {len(proofs)} tables equal those of the copy, {when}")
    ]
    for proof in proofs:
        name = clean(f"Table {proof.database}: {proof.table}")
        if proof.equal is None:
            checks.append(context.check(name, "unknown", clean(proof.reason)))
        elif not proof.equal:
            checks.append(context.check(name, if_unequal, clean(proof.reason) or "differs from the copy"))
    return checks
