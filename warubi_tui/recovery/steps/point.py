"""The moment that an earlier step picked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warubi_tui.recovery.steps.kind import Context

if TYPE_CHECKING:
    from warubi_tui.history.moment import RestorePoint


async def picked_point(context: Context) -> RestorePoint:
    """The picked moment of the original. Raises RefusedError when it has left the history window."""
    return await _resolve(context, context.facts.get("lsn") or context.fact("at"))


async def copied_point(context: Context) -> RestorePoint:
    """The exact LSN at which the copy stands, else the picked moment."""
    return await _resolve(
        context, context.facts.get("copy_lsn") or context.facts.get("lsn") or context.fact("at")
    )


async def _resolve(context: Context, when: str) -> RestorePoint:
    from warubi_tui.history.moment import resolve_point

    return await resolve_point(
        context.client, context.project, context.branch, when, now=context.now, zone=context.zone
    )
