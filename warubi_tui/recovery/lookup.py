"""Finding out what became of a call whose answer was lost."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from warubi_tui.errors import RefusedError, UnknownOutcomeError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from warubi_tui.neon.models import Branch, Operation
    from warubi_tui.recovery.control_plane import ControlPlane


@dataclass(frozen=True)
class Patience:
    """How often, and with what pause, a lost answer is looked up."""

    attempts: int = 6
    pause: timedelta = timedelta(seconds=2)


@contextmanager
def sent(title: str) -> Iterator[None]:
    """Around what follows a call that was sent: when the server is lost from sight, the outcome is unknown.

    Raises UnknownOutcomeError instead of an error that would mean that nothing was done.
    """
    try:
        yield
    except UnknownOutcomeError:
        raise
    except (RefusedError, UnreachableError) as error:
        raise UnknownOutcomeError(
            f"It was sent, but its end was not seen: {title}",
            str(error),
            "Look it up before anything is repeated.",
        ) from error


async def branch_named(client: ControlPlane, project_id: str, name: str, patience: Patience) -> Branch | None:
    """The branch with this name as soon as it is seen; None when it does not appear."""
    for attempt in range(patience.attempts):
        if attempt:
            await asyncio.sleep(patience.pause.total_seconds())
        for branch in await client.branches(project_id):
            if branch.name == name:
                return branch
    return None


async def branch_as(
    client: ControlPlane,
    project_id: str,
    branch_id: str,
    wanted: Callable[[Branch], bool],
    patience: Patience,
) -> Branch | None:
    """The branch as soon as it is as `wanted`; None when it stays otherwise."""
    for attempt in range(patience.attempts):
        if attempt:
            await asyncio.sleep(patience.pause.total_seconds())
        branch = await client.branch(project_id, branch_id)
        if wanted(branch):
            return branch
    return None


async def operations_of(
    client: ControlPlane, project_id: str, branch_ids: Collection[str], since: datetime
) -> list[Operation]:
    """What a lost answer would have listed: the operations of these branches since `since`, oldest first.

    Of several ended ones of the same action only the latest counts: an older one was another call's.
    """
    found: dict[tuple[str | None, str], Operation] = {}
    for operation in await client.operations(project_id):
        if operation.branch_id not in branch_ids or operation.created_at < since:
            continue
        key = (operation.branch_id, operation.action if operation.terminal else operation.id)
        known = found.get(key)
        if known is None or known.created_at < operation.created_at:
            found[key] = operation
    return list(reversed(found.values()))
