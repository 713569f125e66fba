"""Picking the moment to go back to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from warubi_tui import timefmt
from warubi_tui.errors import UsageError
from warubi_tui.recovery import effects
from warubi_tui.recovery.check import Check
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared

if TYPE_CHECKING:
    from warubi_tui.history.moment import RestorePoint
    from warubi_tui.recovery.inspector import Report
    from warubi_tui.recovery.scenarios.scenario import Step

SOON = timedelta(hours=1)
"""A moment that leaves the history window sooner than this is warned about."""


class Moment:
    """Reads a time or an LSN and finds the commits on both sides of it."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        from warubi_tui.history.moment import resolve_point

        words = answer.strip()
        if not words:
            raise UsageError(
                "Type the moment to go back to", hint="For example 14:05:03.120, -15m or an LSN."
            )
        point = await resolve_point(
            context.client, context.project, context.branch, words, now=context.now, zone=context.zone
        )

        async def act(typed: str | None, report: Report) -> Outcome:
            report("finding the commits around that moment")
            return Outcome(
                f"picked {words}",
                [_target(context, point), _exact(context, point), _ages_out(context, point)],
                _facts(words, point),
                gates=False,
            )

        return Prepared(step, words, act, lines=effects.of_point(point, now=context.now, zone=context.zone))


def _facts(words: str, point: RestorePoint) -> dict[str, str]:
    facts = {"requested": words}
    if point.at is not None:
        facts["at"] = timefmt.rfc3339(point.at)
    if point.lsn is not None:
        facts["lsn"] = str(point.lsn)
    return facts


def _target(context: Context, point: RestorePoint) -> Check:
    if point.at is None:
        return context.check("Moment", "pass", f"LSN {point.lsn}, inside the history window")
    shown = timefmt.both(point.at, context.zone)
    return context.check(
        "Moment", "pass", f"{shown}, {timefmt.age(point.at, context.now)}, inside the history window"
    )


def _exact(context: Context, point: RestorePoint) -> Check:
    found = point.resolved
    if found is None:
        return context.check(
            "Commits around it", "unknown", "this server does not tell them; the copy will show what it holds"
        )
    included = f"last commit included: {effects.commit(found.time, found.lsn, context.zone)}"
    if found.next_lsn is None:
        return context.check(
            "Commits around it", "warn", f"{included}; no commit follows, so this is the branch as it is now"
        )
    left_out = f"first commit left out: {effects.commit(found.next_time, found.next_lsn, context.zone)}"
    return context.check("Commits around it", "pass", f"{included}; {left_out}")


def _ages_out(context: Context, point: RestorePoint) -> Check:
    """A moment leaves the window when it is older than what the project retains, however young the branch."""
    at = point.at or (point.resolved.time if point.resolved else None)
    if at is None:
        return context.check("Leaves the window", "unknown", "the time of this LSN is not known")
    left = at + context.project.history_retention - context.now
    return context.check(
        "Leaves the window",
        "warn" if left < SOON else "pass",
        f"in {timefmt.span_text(left)}, unless a copy is made before",
    )
