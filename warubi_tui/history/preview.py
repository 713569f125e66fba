"""The past of a branch as a branch: made for a look, and deleted again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from warubi_tui.errors import WarubiError
from warubi_tui.history.moment import RestorePoint
from warubi_tui.neon.branches import new_name
from warubi_tui.neon.changes import BranchChanges
from warubi_tui.neon.client import NeonClient
from warubi_tui.neon.models import Branch, Project
from warubi_tui.neon.operations import Progress

LIFETIME: Final = timedelta(hours=2)
"""When the server deletes a preview that nobody deleted, because warubi was killed."""


@asynccontextmanager
async def preview(
    client: NeonClient,
    project: Project,
    branch: Branch,
    point: RestorePoint | None,
    *,
    now: datetime,
    progress: Progress | None = None,
    notice: Callable[[str], None],
) -> AsyncIterator[Branch]:
    """A temporary branch, with a compute, that holds `branch` as it was at `point`; None is its head.

    It is deleted at the end, whatever happened meanwhile: an error, an interruption, a lost answer.

    Args:
        notice: told when it could not be deleted, and when the server will do it.

    Raises:
        what `BranchChanges.create` raises.
    """
    changes = BranchChanges(client, project.id, progress=progress)
    taken = {other.name for other in await client.branches(project.id)}
    name = new_name(branch.name, "preview", now, taken)
    expires_at = now + LIFETIME
    try:
        yield await changes.create(
            name,
            parent_id=branch.id,
            at=point.at if point else None,
            lsn=point.lsn if point else None,
            expires_at=expires_at,
        )
    finally:
        try:
            await asyncio.shield(_delete(client, project.id, name))
        except WarubiError as error:
            notice(
                f"The temporary branch {name} could not be deleted ({error.title}). The server deletes it by"
                f" itself within {LIFETIME}, or you do: warubi branch delete {name} --confirm {name}"
            )


async def _delete(client: NeonClient, project_id: str, name: str) -> None:
    for branch in await client.branches(project_id):
        if branch.name == name:
            await BranchChanges(client, project_id).delete(branch, for_good=True)
