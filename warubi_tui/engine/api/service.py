"""What the API asks of the engine.

Methods are synchronous and safe to call from several threads. They raise `ApiError` with the status and
sentence the caller of the API gets. Times inside rows are integer microseconds since the epoch, UTC; times
passed in are aware datetimes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from warubi_tui.engine.activity.chronicle import Bucket
from warubi_tui.engine.activity.telling import Page
from warubi_tui.engine.computes import ComputeWish
from warubi_tui.engine.points import Point
from warubi_tui.engine.rules import Rule
from warubi_tui.engine.store import (
    BranchRow,
    DatabaseRow,
    EndpointRow,
    OperationRow,
    ProjectRow,
    RoleRow,
    SnapshotRow,
    Value,
)
from warubi_tui.lsn import Lsn


class HistoryWindow(Protocol):
    """The oldest and the newest point a branch can be restored to. Times in microseconds, UTC."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def start_lsn(self) -> int: ...
    @property
    def end_lsn(self) -> int: ...


class Moment(Protocol):
    """The last commit a restore would hold and the first it would not. Times in microseconds, UTC."""

    @property
    def lsn(self) -> int: ...
    @property
    def time(self) -> int | None: ...
    @property
    def next_lsn(self) -> int | None: ...
    @property
    def next_time(self) -> int | None: ...


class Ancestor(Protocol):
    """A timeline; where it left the one before (int LSN), and the next transaction id there."""

    @property
    def id(self) -> str: ...
    @property
    def fork_lsn(self) -> int | None: ...
    @property
    def fork_xid(self) -> int | None: ...


class ProjectService(Protocol):
    """The one project of an engine, and the log of its operations."""

    def project(self) -> ProjectRow: ...
    def change_project(
        self, *, name: str | None = None, history_retention_seconds: int | None = None
    ) -> ProjectRow:
        """Changes what is given, at once."""
        ...

    def operations(self) -> Sequence[OperationRow]:
        """Newest first."""
        ...

    def operation(self, operation_id: str, /) -> OperationRow: ...


class BranchService(Protocol):
    """Branches and what can be done to them."""

    def branches(self) -> Sequence[BranchRow]:
        """Those that are not deleted."""
        ...

    def deleted_branches(self) -> Sequence[BranchRow]:
        """Those that can be recovered."""
        ...

    def branch(self, branch_id: str, /) -> BranchRow: ...
    def create_branch(
        self,
        *,
        parent_id: str | None,
        name: str | None,
        at: datetime | None,
        lsn: Lsn | None,
        computes: Sequence[ComputeWish],
        protected: bool,
        expires_at: datetime | None,
        init_source: str,
        annotation: Mapping[str, str],
    ) -> tuple[BranchRow, Sequence[EndpointRow], Sequence[OperationRow]]: ...
    def restore_branch(
        self,
        branch_id: str,
        /,
        *,
        source_id: str,
        at: datetime | None,
        lsn: Lsn | None,
        preserve_under_name: str | None,
    ) -> tuple[BranchRow, Sequence[OperationRow]]: ...
    def change_branch(
        self, branch_id: str, changes: Mapping[str, object], /
    ) -> tuple[BranchRow, Sequence[OperationRow]]:
        """Changes the keys present: `name` (str), `protected` (bool), `expires_at` (datetime or None)."""
        ...

    def set_default(self, branch_id: str, /) -> tuple[BranchRow, Sequence[OperationRow]]: ...
    def delete_branch(
        self, branch_id: str, /, *, hard: bool
    ) -> tuple[BranchRow, Sequence[OperationRow]] | None:
        """Recoverable unless `hard`. None: it was gone already."""
        ...

    def recover_branch(self, branch_id: str, /) -> tuple[BranchRow, Sequence[EndpointRow]]: ...


class EndpointService(Protocol):
    """Computes: a branch has at most one that reads and writes."""

    def endpoints(self, branch_id: str | None = None, /) -> Sequence[EndpointRow]: ...
    def endpoint(self, endpoint_id: str, /) -> EndpointRow: ...
    def endpoint_state(self, row: EndpointRow, /) -> str:
        """`active`, `idle` or `init`."""
        ...

    def create_endpoint(
        self, branch_id: str, wish: ComputeWish, /
    ) -> tuple[EndpointRow, Sequence[OperationRow]]: ...
    def change_endpoint(
        self, endpoint_id: str, changes: Mapping[str, Value], /
    ) -> tuple[EndpointRow, Sequence[OperationRow]]:
        """Changes the columns present: `name`, `min_cu`, `max_cu`, `suspend_timeout_seconds`, `disabled`."""
        ...

    def delete_endpoint(self, endpoint_id: str, /) -> tuple[EndpointRow, Sequence[OperationRow]] | None:
        """None: it was gone already."""
        ...

    def start_endpoint(self, endpoint_id: str, /) -> tuple[EndpointRow, Sequence[OperationRow]]: ...
    def suspend_endpoint(self, endpoint_id: str, /) -> tuple[EndpointRow, Sequence[OperationRow]]: ...
    def restart_endpoint(self, endpoint_id: str, /) -> tuple[EndpointRow, Sequence[OperationRow]]: ...


class DatabaseService(Protocol):
    """Roles and databases inside a branch, and the way to connect to them."""

    def roles(self, branch_id: str, /) -> Sequence[RoleRow]: ...
    def create_role(self, branch_id: str, name: str, /) -> tuple[RoleRow, Sequence[OperationRow]]: ...
    def delete_role(self, branch_id: str, name: str, /) -> tuple[RoleRow, Sequence[OperationRow]] | None:
        """None: it was gone already."""
        ...

    def reset_password(self, branch_id: str, name: str, /) -> tuple[RoleRow, Sequence[OperationRow]]: ...
    def databases(self, branch_id: str, /) -> Sequence[DatabaseRow]: ...
    def create_database(
        self, branch_id: str, name: str, owner_name: str, /
    ) -> tuple[DatabaseRow, Sequence[OperationRow]]: ...
    def change_database(
        self, branch_id: str, name: str, /, *, new_name: str | None, owner_name: str | None
    ) -> tuple[DatabaseRow, Sequence[OperationRow]]:
        """Changes what is given."""
        ...

    def delete_database(
        self, branch_id: str, name: str, /
    ) -> tuple[DatabaseRow, Sequence[OperationRow]] | None:
        """None: it was gone already."""
        ...

    def connection_uri(
        self, *, branch_id: str | None, endpoint_id: str | None, database: str, role: str
    ) -> str:
        """With the password. No branch: the default branch."""
        ...


class SchemaService(Protocol):
    """What databases look like."""

    def schema(self, point: Point, database: str, /) -> str:
        """As SQL."""
        ...

    def tables(self, point: Point, database: str, /) -> Sequence[Mapping[str, object]]:
        """As the tables of a `BranchSchemaJSON`."""
        ...

    def compare_schema(self, point: Point, base: Point, database: str, /) -> str:
        """A unified diff from `base` to `point`."""
        ...


class SnapshotService(Protocol):
    """States that are kept, and when that happens by itself."""

    def snapshots(self) -> Sequence[SnapshotRow]: ...
    def take_snapshot(
        self,
        branch_id: str,
        /,
        *,
        name: str | None,
        slug: str | None,
        at: datetime | None,
        lsn: Lsn | None,
        expires_at: datetime | None,
    ) -> SnapshotRow: ...
    def change_snapshot(self, snapshot_id: str, changes: Mapping[str, object], /) -> SnapshotRow:
        """Changes the keys present: `name` (str), `expires_at` (datetime or None)."""
        ...

    def delete_snapshot(self, snapshot_id: str, /) -> Sequence[OperationRow]: ...
    def restore_snapshot(
        self, snapshot_id: str, /, *, name: str | None, target_id: str | None, finalize: bool
    ) -> tuple[BranchRow, Sequence[EndpointRow], Sequence[OperationRow]]: ...
    def finalize_restore(self, branch_id: str, /, *, name: str | None) -> Sequence[OperationRow]:
        """`name`: what the replaced branch is called from then on."""
        ...

    def schedule(self, branch_id: str, /) -> Sequence[Rule]: ...
    def set_schedule(self, branch_id: str, rules: Sequence[Rule], /) -> None: ...


class HistoryService(Protocol):
    """What the write-ahead log tells about the past of a branch."""

    def window(self, branch_id: str, /) -> HistoryWindow: ...
    def moment(self, branch_id: str, /, *, at: datetime | None, lsn: Lsn | None) -> Moment: ...
    def lineage(self, branch_id: str, /) -> Sequence[Ancestor]: ...
    def activity(
        self, branch_id: str, /, *, start: datetime, end: datetime, buckets: int
    ) -> Sequence[Bucket]: ...
    def transactions(
        self,
        branch_id: str,
        /,
        *,
        start: datetime,
        end: datetime,
        table: str | None,
        after: Lsn | None,
        limit: int,
    ) -> Page:
        """Of commits in [start, end) that touched `table` and begin behind `after`, the first ones."""
        ...


class EngineService(
    ProjectService,
    BranchService,
    EndpointService,
    DatabaseService,
    SchemaService,
    SnapshotService,
    HistoryService,
    Protocol,
):
    """Everything the API serves."""
