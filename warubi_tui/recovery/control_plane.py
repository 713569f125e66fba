"""The calls of Neon's management API that a recovery makes; `NeonClient` has them all."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from warubi_tui.lsn import Lsn
    from warubi_tui.neon.models import (
        Ancestor,
        Branch,
        Changed,
        Created,
        Database,
        Endpoint,
        Moment,
        Operation,
        Project,
        Reach,
    )
    from warubi_tui.secret import Secret


class ControlPlane(Protocol):
    """What recovery asks of the control plane.

    Mutations raise `UnknownOutcomeError` when their answer is lost and `RefusedError` when a rule forbids
    them; `NotFoundError` means the branch is gone.
    """

    async def project(self, project_id: str) -> Project: ...

    async def branches(self, project_id: str) -> list[Branch]: ...

    async def branch(self, project_id: str, branch_id: str) -> Branch: ...

    async def lineage(self, project_id: str, branch_id: str) -> tuple[Ancestor, ...] | None: ...

    async def create_branch(
        self,
        project_id: str,
        *,
        parent_id: str | None,
        name: str,
        at: datetime | None = None,
        lsn: Lsn | None = None,
        compute: bool = True,
        expires_at: datetime | None = None,
    ) -> Created: ...

    async def restore_branch(
        self,
        project_id: str,
        branch_id: str,
        *,
        source_id: str,
        at: datetime | None = None,
        lsn: Lsn | None = None,
        preserve_under_name: str | None = None,
    ) -> Changed: ...

    async def rename_branch(self, project_id: str, branch_id: str, name: str) -> Changed: ...

    async def set_default(self, project_id: str, branch_id: str) -> Changed: ...

    async def endpoints(self, project_id: str, branch_id: str | None = None) -> list[Endpoint]: ...

    async def databases(self, project_id: str, branch_id: str) -> list[Database]: ...

    async def connection_uri(
        self, project_id: str, *, branch_id: str, database: str, role: str
    ) -> Secret: ...

    async def operation(self, project_id: str, operation_id: str) -> Operation: ...

    async def operations(self, project_id: str, limit: int = 100) -> list[Operation]: ...

    async def moment(
        self, project_id: str, branch_id: str, *, at: datetime | None = None, lsn: Lsn | None = None
    ) -> Moment | None: ...

    async def window(self, project_id: str, branch_id: str) -> Reach | None: ...
