"""What every command on a project needs: the server, the project, the clock, the output."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from warubi_tui.commands.output import Output
from warubi_tui.config import Target
from warubi_tui.errors import RefusedError, UsageError
from warubi_tui.history.moment import RestorePoint, resolve_point
from warubi_tui.neon.branches import BranchRef, find_branch
from warubi_tui.neon.changes import BranchChanges
from warubi_tui.neon.client import NeonClient
from warubi_tui.neon.models import Branch, Project
from warubi_tui.neon.projects import choose_project
from warubi_tui.timefmt import age, both, local_zone


@dataclass(frozen=True)
class Session:
    """A command at work on a project."""

    client: NeonClient
    project: Project
    output: Output
    now: datetime
    """When the command began, in UTC: what relative times count from."""
    zone: tzinfo
    """What times without a zone are read in."""

    @property
    def changes(self) -> BranchChanges:
        """Changes of branches, their operations shown as they go."""
        return BranchChanges(self.client, self.project.id, progress=self.output.operations)

    async def branch(self, ref: str) -> Branch:
        """The branch with this name or id."""
        return find_branch(await self.client.branches(self.project.id), ref)

    async def branch_at(self, text: str, when: str | None = None) -> tuple[Branch, RestorePoint | None]:
        """The branch, and the point in its past that `NAME@POINT` or `when` names; None for its head.

        Raises UsageError when both name a point.
        """
        branches = await self.client.branches(self.project.id)
        ref = BranchRef.parse(text, branches)
        if ref.point is not None and when is not None:
            raise UsageError(f"Two points are named: {ref.point!r} and {when!r}.")
        branch = find_branch(branches, ref.name)
        asked = ref.point if when is None else when
        if asked is None:
            return branch, None
        point = await resolve_point(self.client, self.project, branch, asked, now=self.now, zone=self.zone)
        return branch, point

    def describe(self, point: RestorePoint) -> str:
        """A point in UTC, local time and as an age, or as an LSN: a person sees what was understood."""
        if point.at is None:
            return f"LSN {point.lsn}"
        return f"{both(point.at, self.zone)}, {age(point.at, self.now)}"


@asynccontextmanager
async def open_session(target: Target, output: Output) -> AsyncIterator[Session]:
    """Connects to the control plane and finds the project."""
    async with NeonClient(target.host, target.key, engine=target.engine) as client:
        project = await choose_project(client, target.project_id)
        yield Session(client, project, output, datetime.now(UTC), local_zone())


def require_confirmation(branch: Branch, typed: str | None) -> None:
    """Raises RefusedError unless the branch's name was typed."""
    if typed != branch.name:
        raise RefusedError(
            "Not confirmed: nothing was done.",
            f"This changes or removes the branch {branch.name} ({branch.id}).",
            f"If it is the one you mean: --confirm {branch.name}",
        )
