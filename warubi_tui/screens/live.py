"""The services on the real management API and real databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from warubi_tui.errors import UsageError
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.config import Target
    from warubi_tui.history.events import Event
    from warubi_tui.history.moment import RestorePoint
    from warubi_tui.history.window import Window
    from warubi_tui.lsn import Lsn
    from warubi_tui.neon.client import NeonClient
    from warubi_tui.neon.models import Activity, Branch, Changed, Database, Deleted, Endpoint, Moment, Project
    from warubi_tui.recovery.restore import RestorePlan, RestoreResult
    from warubi_tui.screens.services import Comparison, Progress
    from warubi_tui.secret import Secret


class LiveServices:
    """See `Services`. Connects when it is first asked, not before."""

    def __init__(self, target: Target, *, zone: tzinfo, clock: Callable[[], datetime]) -> None:
        self._target = target
        self._zone = zone
        self._now = clock
        self._client: NeonClient | None = None
        self._project: Project | None = None

    async def client(self) -> NeonClient:
        if self._client is None:
            from warubi_tui.neon.client import NeonClient

            self._client = NeonClient(self._target.host, self._target.key)
        return self._client

    async def project(self) -> Project:
        client = await self.client()
        if self._project is None:
            project_id = self._target.project_id or await self._only_project(client)
            self._project = await client.project(project_id)
        return self._project

    async def _only_project(self, client: NeonClient) -> str:
        projects = await client.projects()
        if len(projects) == 1:
            return projects[0].id
        listed = ", ".join(f"{clean(one.name)} = {one.id}" for one in projects) or "none"
        raise UsageError(
            "Which project is meant?" if projects else "There is no project",
            f"The key sees {len(projects)} projects: {listed}",
            "Name one with --project or NEON_PROJECT_ID.",
        )

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

    async def moment(self, branch: Branch, at: datetime) -> Moment | None:
        return await (await self.client()).moment(branch.project_id, branch.id, at=at)

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

    async def restore(self, plan: RestorePlan, confirmation: str | None, progress: Progress) -> RestoreResult:
        from warubi_tui.recovery.restore import perform

        return await perform(await self.client(), plan, confirmation=confirmation, progress=progress)

    async def rename(self, branch: Branch, name: str, progress: Progress) -> None:
        client = await self.client()
        await self._settle(await client.rename_branch(branch.project_id, branch.id, name), branch, progress)

    async def protect(self, branch: Branch, protected: bool, progress: Progress) -> None:
        client = await self.client()
        changed = await client.protect_branch(branch.project_id, branch.id, protected)
        await self._settle(changed, branch, progress)

    async def set_default(self, branch: Branch, progress: Progress) -> None:
        client = await self.client()
        await self._settle(await client.set_default(branch.project_id, branch.id), branch, progress)

    async def delete(self, branch: Branch, progress: Progress) -> None:
        client = await self.client()
        await self._settle(await client.delete_branch(branch.project_id, branch.id), branch, progress)

    async def _settle(self, answer: Changed | Deleted, branch: Branch, progress: Progress) -> None:
        from warubi_tui.neon.operations import wait

        await wait(await self.client(), branch.project_id, answer.operations, progress=progress)

    async def comparison(self, then: Branch, now: Branch, database: str | None) -> Comparison:
        from warubi_tui.diff.database import DatabaseDiff

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
        return DatabaseDiff(
            await self._uri(then, chosen.name, owner_then),
            await self._uri(now, chosen.name, chosen.owner_name),
        )

    async def _uri(self, branch: Branch, database: str, role: str) -> Secret:
        client = await self.client()
        return await client.connection_uri(
            branch.project_id, branch_id=branch.id, database=database, role=role
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
