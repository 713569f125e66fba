"""Changing branches and seeing it through: nothing returns before the server's operations have ended.

A call whose answer is lost is never repeated. Instead the branches are looked at until the change is seen;
if it is not, UnknownOutcomeError says so. Every function may also raise what `NeonClient` and
`operations.wait` raise.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from warubi_tui.errors import RefusedError, UnknownOutcomeError
from warubi_tui.lsn import Lsn
from warubi_tui.neon.client import NeonClient, NotFoundError
from warubi_tui.neon.models import Branch, Changed, Operation
from warubi_tui.neon.operations import Progress, wait


@dataclass(frozen=True)
class LookUp:
    """How often, and with what pause, the effect of a lost answer is looked for."""

    attempts: int = 6
    pause_seconds: float = 2.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def find(self, look: Callable[[], Awaitable[Branch | None]]) -> Branch | None:
        """The first branch that `look` finds; None when it does not appear."""
        for attempt in range(self.attempts):
            if attempt:
                await self.sleep(self.pause_seconds)
            found = await look()
            if found is not None:
                return found
        return None


class BranchChanges:
    """The changes of one project's branches.

    Args:
        progress: told the operations of every change whenever they were asked for.
    """

    def __init__(
        self,
        client: NeonClient,
        project_id: str,
        *,
        progress: Progress | None = None,
        look_up: LookUp | None = None,
    ) -> None:
        self._client = client
        self._project_id = project_id
        self._progress = progress
        self._look_up = look_up or LookUp()

    async def create(
        self,
        name: str,
        *,
        parent_id: str,
        at: datetime | None = None,
        lsn: Lsn | None = None,
        compute: bool = True,
        expires_at: datetime | None = None,
    ) -> Branch:
        """Makes a branch of a parent, at its head or at a point of its past.

        Raises RefusedError when the name is taken: it is how a lost answer is looked up.
        """
        if await self._named(name) is not None:
            raise RefusedError(f"There is already a branch {name!r}.", hint="Choose another name.")
        try:
            created = await self._client.create_branch(
                self._project_id,
                parent_id=parent_id,
                name=name,
                at=at,
                lsn=lsn,
                compute=compute,
                expires_at=expires_at,
            )
        except UnknownOutcomeError as lost:
            branch = await self._look_up.find(lambda: self._named(name))
            if branch is None:
                raise lost
            return await self._settle(branch.id, await self._operations_of(branch.id))
        return await self._settle(created.branch.id, created.operations)

    async def rename(self, branch: Branch, name: str) -> Branch:
        """Gives a branch another name. Raises RefusedError when another branch has it."""
        taken = await self._named(name)
        if taken is not None and taken.id != branch.id:
            raise RefusedError(f"There is already a branch {name!r}.", hint="Choose another name.")
        return await self._change(
            branch,
            lambda: self._client.rename_branch(self._project_id, branch.id, name),
            lambda seen: seen.name == name,
        )

    async def protect(self, branch: Branch, protected: bool) -> Branch:
        """Protects a branch, or no longer does."""
        return await self._change(
            branch,
            lambda: self._client.protect_branch(self._project_id, branch.id, protected),
            lambda seen: seen.protected == protected,
        )

    async def set_default(self, branch: Branch) -> Branch:
        """Makes a branch the default of its project."""
        return await self._change(
            branch,
            lambda: self._client.set_default(self._project_id, branch.id),
            lambda seen: seen.default,
        )

    async def delete(self, branch: Branch, *, for_good: bool = False) -> None:
        """Deletes a branch, `for_good` so that it cannot be recovered; one that is gone is as good."""
        try:
            deleted = await self._client.delete_branch(self._project_id, branch.id, for_good=for_good)
        except UnknownOutcomeError as lost:
            if await self._look_up.find(lambda: self._if_gone(branch)) is None:
                raise lost
            return
        await wait(self._client, self._project_id, deleted.operations, progress=self._progress)

    async def _change(
        self,
        branch: Branch,
        send: Callable[[], Awaitable[Changed]],
        happened: Callable[[Branch], bool],
    ) -> Branch:
        try:
            changed = await send()
        except UnknownOutcomeError as lost:
            seen = await self._look_up.find(lambda: self._if_so(branch.id, happened))
            if seen is None:
                raise lost
            return await self._settle(branch.id, await self._operations_of(branch.id))
        return await self._settle(branch.id, changed.operations)

    async def _settle(self, branch_id: str, operations: Sequence[Operation]) -> Branch:
        await wait(self._client, self._project_id, operations, progress=self._progress)
        return await self._client.branch(self._project_id, branch_id)

    async def _named(self, name: str) -> Branch | None:
        branches = await self._client.branches(self._project_id)
        return next((branch for branch in branches if branch.name == name), None)

    async def _if_so(self, branch_id: str, happened: Callable[[Branch], bool]) -> Branch | None:
        branch = await self._client.branch(self._project_id, branch_id)
        return branch if happened(branch) else None

    async def _if_gone(self, branch: Branch) -> Branch | None:
        try:
            await self._client.branch(self._project_id, branch.id)
        except NotFoundError:
            return branch
        return None

    async def _operations_of(self, branch_id: str) -> list[Operation]:
        """What is still going on at a branch, when the answer that would have told is lost."""
        operations = await self._client.operations(self._project_id)
        return [
            operation
            for operation in operations
            if operation.branch_id == branch_id and not operation.succeeded
        ]
