"""Saying what happened, and proving that this is the right place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warubi_tui import timefmt
from warubi_tui.errors import UsageError
from warubi_tui.recovery.check import Check
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.recovery.inspector import Report
    from warubi_tui.recovery.scenarios.scenario import Step


class Describe:
    """Takes the person's words, and checks the branch, its window and what runs on it."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        words = answer.strip()
        if not words:
            raise UsageError("Say what happened, in a few words", hint="It is kept in the incident's record.")

        async def act(typed: str | None, report: Report) -> Outcome:
            report("looking at the branch and its history window")
            checks = [_place(context), await _window(context), await _operations(context)]
            was_default = "yes" if context.branch.default else "no"
            return Outcome(f"said: {clean(words)}", checks, {"was_default": was_default})

        return Prepared(step, words, act)


def _place(context: Context) -> Check:
    branch = context.branch
    traits = [
        trait for trait, holds in (("default", branch.default), ("protected", branch.protected)) if holds
    ]
    where = f"{branch.name} ({branch.id}) in project {context.project.name} ({context.project.id})"
    evidence = f"{where}, {branch.current_state}{''.join(f', {trait}' for trait in traits)}"
    if branch.name != context.planned_name:
        return context.check("Branch", "warn", clean(f"{evidence}; it was named {context.planned_name}"))
    return context.check("Branch", "pass", clean(evidence))


async def _window(context: Context) -> Check:
    from warubi_tui.history.window import history_window

    if not context.project.history_retention:
        return context.check(
            "History window", "fail", "the project keeps no history: nothing can be restored"
        )
    window = await history_window(context.client, context.project, context.branch, context.now)
    span = timefmt.span_text(window.end - window.start)
    return context.check(
        "History window",
        "pass" if window.source == "server" else "warn",
        f"from {timefmt.both(window.start, context.zone)}, {span} long"
        + ("" if window.source == "server" else "; computed from the retention, the server may keep less"),
    )


async def _operations(context: Context) -> Check:
    running = [
        operation
        for operation in await context.client.operations(context.project.id)
        if not operation.terminal and operation.branch_id == context.branch.id
    ]
    if not running:
        return context.check("Running operations", "pass", "none on this branch")
    names = ", ".join(f"{clean(operation.action)} {clean(operation.status)}" for operation in running)
    return context.check("Running operations", "warn", f"{names}: changes wait until they end")
