"""The services on the real management API and real databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from warubi_tui import timefmt
from warubi_tui.errors import RefusedError, UsageError
from warubi_tui.screens.previews import Previews
from warubi_tui.screens.services import read_only_refusal
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.config import Target
    from warubi_tui.history.events import Event
    from warubi_tui.history.moment import RestorePoint
    from warubi_tui.history.window import Window
    from warubi_tui.lsn import Lsn
    from warubi_tui.neon.changes import BranchChanges
    from warubi_tui.neon.client import NeonClient
    from warubi_tui.neon.models import Activity, Branch, Database, Endpoint, Moment, Project
    from warubi_tui.recovery.restore import RestorePlan, RestoreResult
    from warubi_tui.screens.services import Comparison, Progress
    from warubi_tui.secret import Secret


class LiveServices:
    """See `Services`. Connects when it is first asked, not before.

    Args:
        read_only: asked before every change: whether it has to be refused.
        left_behind: told when a temporary branch could not be deleted, and when the server will do it.
    """

    def __init__(
        self,
        target: Target,
        *,
        zone: tzinfo,
        clock: Callable[[], datetime],
        read_only: Callable[[], bool],
        left_behind: Callable[[str], None],
    ) -> None:
        self._target = target
        self._zone = zone
        self._now = clock
        self._read_only = read_only
        self._left_behind = left_behind
        self._previews = Previews()
        self._client: NeonClient | None = None
        self._project: Project | None = None

    async def client(self) -> NeonClient:
        if self._client is None:
            from warubi_tui.neon.client import NeonClient

            target = self._target
            self._client = NeonClient(target.host, target.key, engine=target.engine)
        return self._client

    async def project(self) -> Project:
        if self._project is None:
            from warubi_tui.neon.projects import choose_project

            self._project = await choose_project(await self.client(), self._target.project_id)
        return self._project

    async def branches(self) -> list[Branch]:
        return await (await self.client()).branches((await self.project()).id)

    async def endpoints(self) -> list[Endpoint]:
        return await (await self.client()).endpoints((await self.project()).id)

    async def databases(self, branch: Branch) -> list[Database]:
        return await (await self.client()).databases(branch.project_id, branch.id)

    async def window(self, branch: Branch) -> Window:
        from warubi_tui.history.window import history_window

        return await history_window(await self.client(), await self.project(), branch, self._now())

    async def events(self, branch: Branch) -> list[Event]:
        from warubi_tui.history.events import branch_events

        return await branch_events(await self.client(), await self.project(), branch)

    async def activity(self, branch: Branch, start: datetime, end: datetime, buckets: int) -> Activity | None:
        client = await self.client()
        return await client.activity(branch.project_id, branch.id, from_=start, to=end, buckets=buckets)

    async def moment(self, branch: Branch, at: datetime | Lsn) -> Moment | None:
        client = await self.client()
        if isinstance(at, datetime):
            return await client.moment(branch.project_id, branch.id, at=at)
        return await client.moment(branch.project_id, branch.id, lsn=at)

    async def resolve(self, branch: Branch, when: str | datetime | Lsn) -> RestorePoint:
        from warubi_tui.history.moment import resolve_point

        client, project = await self.client(), await self.project()
        return await resolve_point(client, project, branch, when, now=self._now(), zone=self._zone)

    async def plan_copy(self, branch: Branch, point: RestorePoint, name: str | None) -> RestorePlan:
        from warubi_tui.recovery.restore import plan_copy

        client, project = await self.client(), await self.project()
        return await plan_copy(client, project, branch, point, name=name, now=self._now(), zone=self._zone)

    async def plan_in_place(self, branch: Branch, point: RestorePoint, keep_as: str | None) -> RestorePlan:
        from warubi_tui.recovery.restore import plan_in_place

        client, project = await self.client(), await self.project()
        return await plan_in_place(
            client, project, branch, point, keep_as=keep_as, now=self._now(), zone=self._zone
        )

    async def plan_from(self, branch: Branch, source: Branch) -> RestorePlan:
        from warubi_tui.recovery.restore import plan_from

        client, project = await self.client(), await self.project()
        return await plan_from(client, project, branch, source, now=self._now(), zone=self._zone)

    async def connection_uri(self, branch: Branch) -> Secret:
        databases = await self.databases(branch)
        if not databases:
            raise RefusedError(f"The branch {clean(branch.name)} has no database")
        first = min(databases, key=lambda one: one.id)
        return await self._uri(branch, first.name, first.owner_name)

    async def restore(self, plan: RestorePlan, confirmation: str | None, progress: Progress) -> RestoreResult:
        from warubi_tui.recovery.restore import perform

        self._require_writes("A restore changes branches.")
        return await perform(await self.client(), plan, confirmation=confirmation, progress=progress)

    async def rename(self, branch: Branch, name: str, progress: Progress) -> None:
        await (await self._changes(branch, progress)).rename(branch, name)

    async def protect(self, branch: Branch, protected: bool, progress: Progress) -> None:
        await (await self._changes(branch, progress)).protect(branch, protected)

    async def set_default(self, branch: Branch, progress: Progress) -> None:
        await (await self._changes(branch, progress)).set_default(branch)

    async def delete(self, branch: Branch, progress: Progress) -> None:
        await (await self._changes(branch, progress)).delete(branch)

    async def _changes(self, branch: Branch, progress: Progress) -> BranchChanges:
        from warubi_tui.neon.changes import BranchChanges

        self._require_writes(f"This changes the branch {clean(branch.name)}.")
        return BranchChanges(await self.client(), branch.project_id, progress=progress)

    def _require_writes(self, reason: str) -> None:
        if self._read_only():
            raise read_only_refusal(reason)

    @asynccontextmanager
    async def comparison(
        self, then: Branch, now: Branch, database: str | None, notice: Callable[[str], None]
    ) -> AsyncIterator[Comparison]:
        from warubi_tui.diff.database import DatabaseDiff
        from warubi_tui.diff.lineage import branch_lineage

        async with AsyncExitStack() as stack:
            before = await stack.enter_async_context(self.readable(then, None, notice))
            after = await stack.enter_async_context(self.readable(now, None, notice))
            uris = await self._uris(before, after, database)
            yield DatabaseDiff(*uris, lineage=await branch_lineage(await self.client(), before, after))

    @asynccontextmanager
    async def readable(
        self, branch: Branch, at: datetime | None, notice: Callable[[str], None]
    ) -> AsyncIterator[Branch]:
        client = await self.client()
        if at is None and await client.endpoints(branch.project_id, branch.id):
            yield branch
            return
        from warubi_tui.history.moment import RestorePoint
        from warubi_tui.history.preview import preview

        name, point = clean(branch.name), None
        why = f"{name} has no compute"
        if at is not None:
            point = RestorePoint(timefmt.rfc3339(at), at, None, None)
            why = f"{name} is wanted as it was at {timefmt.utc(at)}"
        self._require_writes(f"{why}; reading it takes a temporary branch.")
        notice(f"{why}: read from a temporary branch, which is deleted afterwards")
        made = preview(client, await self.project(), branch, point, now=self._now(), notice=self._left_behind)
        async with self._previews.open(made) as same:
            yield same

    async def _uris(self, then: Branch, now: Branch, database: str | None) -> tuple[Secret, Secret]:
        there, here = await self.databases(then), await self.databases(now)
        common = [one for one in here if any(one.name == other.name for other in there)]
        wanted = [one for one in common if database in {None, one.name}]
        if not wanted:
            names = ", ".join(clean(one.name) for one in common) or "none"
            raise UsageError(
                f"Both branches have no database {clean(database)!r}"
                if database
                else "No database in common",
                f"Both have: {names}",
            )
        chosen = min(wanted, key=lambda one: one.id)
        owner_then = next(one.owner_name for one in there if one.name == chosen.name)
        return (
            await self._uri(then, chosen.name, owner_then),
            await self._uri(now, chosen.name, chosen.owner_name),
        )

    async def _uri(self, branch: Branch, database: str, role: str) -> Secret:
        client = await self.client()
        return await client.connection_uri(
            branch.project_id, branch_id=branch.id, database=database, role=role
        )

    async def close(self) -> None:
        if not await self._previews.close():
            self._left_behind("A temporary branch may be left; the server deletes it by itself within hours.")
        if self._client is not None:
            await self._client.close()
            self._client = None
