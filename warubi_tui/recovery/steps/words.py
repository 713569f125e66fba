"""Steps in which a person decides or vouches, and warubi only writes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warubi_tui.errors import UsageError
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.recovery.inspector import Report
    from warubi_tui.recovery.scenarios.scenario import Step


class Choose:
    """Takes one of the step's options."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        chosen = next((option for option in step.options if option.value == answer), None)
        if chosen is None:
            raise UsageError("Choose one of the ways", ", ".join(option.title for option in step.options))

        async def act(typed: str | None, report: Report) -> Outcome:
            return Outcome(f"chose: {chosen.title}", gates=False)

        return Prepared(step, chosen.value, act, lines=[f"{chosen.title}: {chosen.meaning}"])


class Attest:
    """Takes a person's word for something that warubi cannot see."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        words = answer.strip()
        if not words:
            raise UsageError(
                "Say what was done and by whom", hint="It is recorded as your word, not as a check."
            )

        async def act(typed: str | None, report: Report) -> Outcome:
            said = context.check(
                step.title, "unknown", f"a person's word, not checked by warubi: {clean(words)}"
            )
            return Outcome(f"a person confirmed: {clean(words)}", [said], gates=False)

        return Prepared(step, words, act)


class Close:
    """Takes the person's word that the application is well, and lists what stays behind."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        words = answer.strip()
        if not words:
            raise UsageError("Say what you saw of the application", hint="It is recorded as your word.")
        branches = await context.client.branches(context.project.id)
        left = [
            f"Stays: the branch {clean(branch.name)} ({branch.id}), until you delete it"
            for branch in context.left_behind(branches)
        ]

        async def act(typed: str | None, report: Report) -> Outcome:
            said = context.check(
                "Application", "unknown", f"a person's word, not checked by warubi: {clean(words)}"
            )
            stays = context.check("Left behind", "warn" if left else "pass", "; ".join(left) or "nothing")
            return Outcome(f"closed: {clean(words)}", [said, stays], gates=False)

        return Prepared(step, words, act, lines=left)
