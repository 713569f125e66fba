"""An engine without PostgreSQL: rows in memory, every change done at once, every call written down."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from warubi_tui.engine.activity.chronicle import Bucket, Transaction
from warubi_tui.engine.activity.judging import Deeds
from warubi_tui.engine.activity.names import Table
from warubi_tui.engine.activity.telling import Page
from warubi_tui.engine.computes import ComputeWish, new_endpoint
from warubi_tui.engine.failures import ApiError
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

PROJECT_ID = "misty-leaf-05eed16a"
MAIN_ID = "br-misty-leaf-05eed16a"
ENDPOINT_ID = "ep-calm-rain-0000aaaa"
SNAPSHOT_ID = "snap-calm-rain-0000aaaa"
PASSWORD = "npg_of the fake"

START = 1_795_356_478_123_456
"""2026-11-22T14:07:58.123456Z in microseconds."""

Changed = tuple[BranchRow, list[OperationRow]]
ChangedEndpoint = tuple[EndpointRow, list[OperationRow]]


@dataclass(frozen=True)
class FakeWindow:
    start: int = START - 3_600_000_000
    end: int = START
    start_lsn: int = 0x1000000
    end_lsn: int = 0x1_0000_2850


@dataclass(frozen=True)
class FakeAncestor:
    id: str
    fork_lsn: int | None
    fork_xid: int | None


@dataclass(frozen=True)
class FakeMoment:
    lsn: int = 0x1DE2850
    time: int | None = START - 1
    next_lsn: int | None = 0x1DE2900
    next_time: int | None = START


def branch_row(identity: str = MAIN_ID, name: str = "main", **changes: Any) -> BranchRow:
    """A ready branch like `main`, with some columns changed."""
    row = BranchRow(
        id=identity,
        project=PROJECT_ID,
        name=name,
        timeline="0123456789abcdef",
        parent=None,
        parent_lsn=None,
        parent_timestamp=None,
        state="ready",
        state_changed_at=START,
        is_default=0,
        protected=0,
        expires_at=None,
        last_reset_at=None,
        logical_size=30_000_000,
        created_at=START,
        updated_at=START,
    )
    return replace(row, **changes)


def operation_row(number: int, **changes: Any) -> OperationRow:
    """A finished operation that took 1.5 s, with some columns changed."""
    row = OperationRow(
        id=str(UUID(int=number)),
        project=PROJECT_ID,
        branch=MAIN_ID,
        endpoint=None,
        action="create_branch",
        status="finished",
        error=None,
        created_at=START + number,
        updated_at=START + number,
        started_at=START + number,
        finished_at=START + number + 1_500_000,
    )
    return replace(row, **changes)


def snapshot_row(**changes: Any) -> SnapshotRow:
    """A manual snapshot of `main`, with some columns changed."""
    row = SnapshotRow(
        id=SNAPSHOT_ID,
        name="before the migration",
        slug=None,
        source_branch=MAIN_ID,
        timeline="0123456789abcdef",
        pin_lsn=0x1DE2850,
        lsn=0x1DE2850,
        timestamp=START,
        created_at=START,
        expires_at=None,
        manual=1,
        full_size=30_000_000,
        diff_size=None,
    )
    return replace(row, **changes)


@dataclass
class FakeEngine:
    """Satisfies `EngineService`. `failure` is raised by every method instead of an answer."""

    failure: Exception | None = None
    calls: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    project_row: ProjectRow = field(
        default_factory=lambda: ProjectRow(PROJECT_ID, "the shop", 18, 604_800, START, START)
    )
    branch_rows: dict[str, BranchRow] = field(
        default_factory=lambda: {MAIN_ID: branch_row(is_default=1)},
    )
    deleted_rows: dict[str, BranchRow] = field(default_factory=dict)
    endpoint_rows: dict[str, EndpointRow] = field(
        default_factory=lambda: {
            ENDPOINT_ID: EndpointRow(ENDPOINT_ID, MAIN_ID, 55999, 1, START, START, START, None, START)
        }
    )
    role_rows: dict[str, RoleRow] = field(
        default_factory=lambda: {"owner": RoleRow(MAIN_ID, "owner", PASSWORD, 0, START, START)}
    )
    database_rows: dict[str, DatabaseRow] = field(
        default_factory=lambda: {"shop": DatabaseRow(1, MAIN_ID, "shop", "owner", START, START)}
    )
    snapshot_rows: dict[str, SnapshotRow] = field(default_factory=lambda: {SNAPSHOT_ID: snapshot_row()})
    rules: list[Rule] = field(default_factory=lambda: [Rule("daily", hour=3, retention_seconds=604_800)])
    operation_rows: list[OperationRow] = field(default_factory=lambda: [operation_row(0)])
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def _call(self, method: str, /, **arguments: object) -> None:
        self.calls.append((method, arguments))
        if self.failure is not None:
            raise self.failure

    def _done(self) -> list[OperationRow]:
        row = operation_row(next(self.numbers))
        self.operation_rows.insert(0, row)
        return [row]

    def project(self) -> ProjectRow:
        if self.failure is not None:
            raise self.failure
        return self.project_row

    def change_project(
        self, *, name: str | None = None, history_retention_seconds: int | None = None
    ) -> ProjectRow:
        self._call("change_project", name=name, history_retention_seconds=history_retention_seconds)
        present = self.project_row
        retention = present.history_retention_seconds
        if history_retention_seconds is not None:
            retention = history_retention_seconds
        self.project_row = replace(present, name=name or present.name, history_retention_seconds=retention)
        return self.project_row

    def operations(self) -> list[OperationRow]:
        self._call("operations")
        return self.operation_rows

    def operation(self, operation_id: str) -> OperationRow:
        self._call("operation", operation_id=operation_id)
        for row in self.operation_rows:
            if row.id == operation_id:
                return row
        raise ApiError(404, "operation not found")

    def branches(self) -> list[BranchRow]:
        self._call("branches")
        return list(self.branch_rows.values())

    def branch(self, branch_id: str) -> BranchRow:
        self._call("branch", branch_id=branch_id)
        if branch_id not in self.branch_rows:
            raise ApiError(404, "branch not found")
        return self.branch_rows[branch_id]

    def _put(self, row: BranchRow) -> Changed:
        self.branch_rows[row.id] = row
        return row, self._done()

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
    ) -> tuple[BranchRow, list[EndpointRow], list[OperationRow]]:
        self._call(
            "create_branch",
            parent_id=parent_id,
            name=name,
            at=at,
            lsn=lsn,
            computes=list(computes),
            protected=protected,
            expires_at=expires_at,
            init_source=init_source,
            annotation=annotation,
        )
        identity = f"br-new-leaf-{next(self.numbers):08x}"
        parent = parent_id or MAIN_ID
        row, operations = self._put(
            branch_row(
                identity,
                name or identity,
                parent=parent,
                parent_lsn=lsn or 1,
                state="init",
                init_source=init_source,
                annotation=json.dumps(annotation),
            )
        )
        return row, [self.create_endpoint(identity, wish)[0] for wish in computes], operations

    def restore_branch(
        self,
        branch_id: str,
        *,
        source_id: str,
        at: datetime | None,
        lsn: Lsn | None,
        preserve_under_name: str | None,
    ) -> Changed:
        self._call(
            "restore_branch",
            branch_id=branch_id,
            source_id=source_id,
            at=at,
            lsn=lsn,
            preserve_under_name=preserve_under_name,
        )
        return self._put(replace(self.branch(branch_id), state="resetting", last_reset_at=START + 1))

    def change_branch(self, branch_id: str, changes: Mapping[str, object]) -> Changed:
        self._call("change_branch", branch_id=branch_id, changes=dict(changes))
        values: dict[str, Any] = {
            name: START + 9 if isinstance(value, datetime) else value for name, value in changes.items()
        }
        return self._put(replace(self.branch(branch_id), **values))

    def set_default(self, branch_id: str) -> Changed:
        self._call("set_default", branch_id=branch_id)
        return self._put(replace(self.branch(branch_id), is_default=1))

    def delete_branch(self, branch_id: str, *, hard: bool) -> Changed | None:
        self._call("delete_branch", branch_id=branch_id, hard=hard)
        row = self.branch_rows.pop(branch_id, None)
        if row is None:
            return None
        if not hard:
            self.deleted_rows[branch_id] = replace(row, deleted_at=START + 5, deletion_method="user")
        return row, self._done()

    def deleted_branches(self) -> list[BranchRow]:
        self._call("deleted_branches")
        return list(self.deleted_rows.values())

    def recover_branch(self, branch_id: str) -> tuple[BranchRow, list[EndpointRow]]:
        self._call("recover_branch", branch_id=branch_id)
        if branch_id in self.deleted_rows:
            row = replace(self.deleted_rows.pop(branch_id), deleted_at=None, deletion_method=None)
            self.branch_rows[branch_id] = row
        return self.branch(branch_id), list(self.endpoint_rows.values())

    def endpoints(self, branch_id: str | None = None) -> list[EndpointRow]:
        self._call("endpoints", branch_id=branch_id)
        return [row for row in self.endpoint_rows.values() if branch_id in (None, row.branch)]

    def endpoint(self, endpoint_id: str) -> EndpointRow:
        self._call("endpoint", endpoint_id=endpoint_id)
        if endpoint_id not in self.endpoint_rows:
            raise ApiError(404, "endpoint not found")
        return self.endpoint_rows[endpoint_id]

    def endpoint_state(self, row: EndpointRow) -> str:
        return "active" if row.wanted else "idle"

    def create_endpoint(self, branch_id: str, wish: ComputeWish) -> ChangedEndpoint:
        self._call("create_endpoint", branch_id=branch_id, wish=wish)
        row = new_endpoint(branch_id, 50_000 + next(self.numbers), wish)
        self.endpoint_rows[row.id] = row
        return row, self._done()

    def change_endpoint(self, endpoint_id: str, changes: Mapping[str, Value]) -> ChangedEndpoint:
        self._call("change_endpoint", endpoint_id=endpoint_id, changes=dict(changes))
        values: dict[str, Any] = dict(changes)
        self.endpoint_rows[endpoint_id] = replace(self.endpoint(endpoint_id), **values)
        return self.endpoint_rows[endpoint_id], self._done()

    def delete_endpoint(self, endpoint_id: str) -> ChangedEndpoint | None:
        self._call("delete_endpoint", endpoint_id=endpoint_id)
        row = self.endpoint_rows.pop(endpoint_id, None)
        return None if row is None else (row, self._done())

    def start_endpoint(self, endpoint_id: str) -> ChangedEndpoint:
        self._call("start_endpoint", endpoint_id=endpoint_id)
        return self.endpoint(endpoint_id), self._done()

    def suspend_endpoint(self, endpoint_id: str) -> ChangedEndpoint:
        self._call("suspend_endpoint", endpoint_id=endpoint_id)
        row = replace(self.endpoint(endpoint_id), wanted=0, suspended_at=START)
        self.endpoint_rows[endpoint_id] = row
        return row, self._done()

    def restart_endpoint(self, endpoint_id: str) -> ChangedEndpoint:
        self._call("restart_endpoint", endpoint_id=endpoint_id)
        return self.endpoint(endpoint_id), self._done()

    def roles(self, branch_id: str) -> list[RoleRow]:
        self._call("roles", branch_id=branch_id)
        return list(self.role_rows.values())

    def create_role(self, branch_id: str, name: str) -> tuple[RoleRow, list[OperationRow]]:
        self._call("create_role", branch_id=branch_id, name=name)
        self.role_rows[name] = RoleRow(branch_id, name, PASSWORD, 0, START, START)
        return self.role_rows[name], self._done()

    def delete_role(self, branch_id: str, name: str) -> tuple[RoleRow, list[OperationRow]] | None:
        self._call("delete_role", branch_id=branch_id, name=name)
        row = self.role_rows.pop(name, None)
        return None if row is None else (row, self._done())

    def reset_password(self, branch_id: str, name: str) -> tuple[RoleRow, list[OperationRow]]:
        self._call("reset_password", branch_id=branch_id, name=name)
        return self.role_rows[name], self._done()

    def databases(self, branch_id: str) -> list[DatabaseRow]:
        self._call("databases", branch_id=branch_id)
        return list(self.database_rows.values())

    def create_database(
        self, branch_id: str, name: str, owner_name: str
    ) -> tuple[DatabaseRow, list[OperationRow]]:
        self._call("create_database", branch_id=branch_id, name=name, owner_name=owner_name)
        row = DatabaseRow(next(self.numbers), branch_id, name, owner_name, START, START)
        self.database_rows[name] = row
        return row, self._done()

    def change_database(
        self, branch_id: str, name: str, *, new_name: str | None, owner_name: str | None
    ) -> tuple[DatabaseRow, list[OperationRow]]:
        self._call(
            "change_database", branch_id=branch_id, name=name, new_name=new_name, owner_name=owner_name
        )
        return replace(self.database_rows[name], name=new_name or name), self._done()

    def delete_database(self, branch_id: str, name: str) -> tuple[DatabaseRow, list[OperationRow]] | None:
        self._call("delete_database", branch_id=branch_id, name=name)
        row = self.database_rows.pop(name, None)
        return None if row is None else (row, self._done())

    def connection_uri(
        self, *, branch_id: str | None, endpoint_id: str | None, database: str, role: str
    ) -> str:
        self._call(
            "connection_uri", branch_id=branch_id, endpoint_id=endpoint_id, database=database, role=role
        )
        return f"postgresql://{role}:{PASSWORD}@127.0.0.1:55999/{database}"

    def schema(self, point: Point, database: str) -> str:
        self._call("schema", point=point, database=database)
        return "CREATE TABLE log ();\n"

    def tables(self, point: Point, database: str) -> list[dict[str, object]]:
        self._call("tables", point=point, database=database)
        other = {"schema": "public", "table": "shop", "columns": ["id"]}
        return [
            {
                "schema": "public",
                "name": "log",
                "columns": [{"name": "shop", "type": "integer", "nullable": False, "generated": False}],
                "constraints": [
                    {"name": "k", "type": "foreign_key", "columns": ["shop"], "referenced_table": other}
                ],
            }
        ]

    def compare_schema(self, point: Point, base: Point, database: str) -> str:
        self._call("compare_schema", point=point, base=base, database=database)
        return f"--- a/{database}\n+++ b/{database}\n"

    def snapshots(self) -> list[SnapshotRow]:
        self._call("snapshots")
        return list(self.snapshot_rows.values())

    def _find_snapshot(self, snapshot_id: str) -> SnapshotRow:
        if snapshot_id not in self.snapshot_rows:
            raise ApiError(404, "snapshot not found")
        return self.snapshot_rows[snapshot_id]

    def take_snapshot(
        self,
        branch_id: str,
        *,
        name: str | None,
        slug: str | None,
        at: datetime | None,
        lsn: Lsn | None,
        expires_at: datetime | None,
    ) -> SnapshotRow:
        self._call(
            "take_snapshot",
            branch_id=branch_id,
            name=name,
            slug=slug,
            at=at,
            lsn=lsn,
            expires_at=expires_at,
        )
        row = snapshot_row(id=f"snap-new-rain-{next(self.numbers):08x}", name=name or "main now", slug=slug)
        self.snapshot_rows[row.id] = replace(row, expires_at=START + 9 if expires_at else None)
        return self.snapshot_rows[row.id]

    def change_snapshot(self, snapshot_id: str, changes: Mapping[str, object]) -> SnapshotRow:
        self._call("change_snapshot", snapshot_id=snapshot_id, changes=dict(changes))
        values: dict[str, Any] = {
            name: START + 9 if isinstance(value, datetime) else value for name, value in changes.items()
        }
        self.snapshot_rows[snapshot_id] = replace(self._find_snapshot(snapshot_id), **values)
        return self.snapshot_rows[snapshot_id]

    def delete_snapshot(self, snapshot_id: str) -> list[OperationRow]:
        self._call("delete_snapshot", snapshot_id=snapshot_id)
        del self.snapshot_rows[self._find_snapshot(snapshot_id).id]
        return self._done()

    def restore_snapshot(
        self, snapshot_id: str, *, name: str | None, target_id: str | None, finalize: bool
    ) -> tuple[BranchRow, list[EndpointRow], list[OperationRow]]:
        self._call(
            "restore_snapshot", snapshot_id=snapshot_id, name=name, target_id=target_id, finalize=finalize
        )
        identity = f"br-new-leaf-{next(self.numbers):08x}"
        row = branch_row(
            identity,
            name or identity,
            restore_status="restored",
            restored_from=self._find_snapshot(snapshot_id).id,
            restore_target=target_id or MAIN_ID,
        )
        _, operations = self._put(row)
        endpoints = [] if finalize else [self.create_endpoint(identity, ComputeWish())[0]]
        return row, endpoints, operations

    def finalize_restore(self, branch_id: str, *, name: str | None) -> list[OperationRow]:
        self._call("finalize_restore", branch_id=branch_id, name=name)
        return self._put(replace(self.branch(branch_id), restore_status="finalized"))[1]

    def schedule(self, branch_id: str) -> list[Rule]:
        self._call("schedule", branch_id=branch_id)
        return self.rules

    def set_schedule(self, branch_id: str, rules: Sequence[Rule]) -> None:
        self._call("set_schedule", branch_id=branch_id, rules=list(rules))
        self.rules = list(rules)

    def window(self, branch_id: str) -> FakeWindow:
        self._call("window", branch_id=branch_id)
        return FakeWindow()

    def moment(self, branch_id: str, *, at: datetime | None, lsn: Lsn | None) -> FakeMoment:
        self._call("moment", branch_id=branch_id, at=at, lsn=lsn)
        return FakeMoment()

    def lineage(self, branch_id: str) -> list[FakeAncestor]:
        self._call("lineage", branch_id=branch_id)
        return [FakeAncestor("5af", 0x1DE2850, 1 << 33), FakeAncestor("4ae", None, None)]

    def activity(self, branch_id: str, *, start: datetime, end: datetime, buckets: int) -> list[Bucket]:
        self._call("activity", branch_id=branch_id, start=start, end=end, buckets=buckets)
        return [
            Bucket(START + index, START + index + 1, index, 1, 1, some_deeds()) for index in range(buckets)
        ]

    def transactions(
        self,
        branch_id: str,
        *,
        start: datetime,
        end: datetime,
        table: str | None,
        after: Lsn | None,
        limit: int,
    ) -> Page:
        self._call(
            "transactions",
            branch_id=branch_id,
            start=start,
            end=end,
            table=table,
            after=after,
            limit=limit,
        )
        one = Transaction(START, 0x1DE2900, 0x1DE2850, 744, "DELETE", some_deeds())
        return Page([one], more=limit == 1)


def some_deeds() -> Deeds:
    """A table with rows deleted and one of which only the number is known."""
    deeds = Deeds()
    deeds.of((5, 16390, False), Table("shop", "public", "orders", 16390, 16391, "public.all")).deletes = 3
    deeds.of((5, 16400, True), Table(None, None, None, None, 16400)).inserts = 1
    return deeds


def instant(microseconds: int) -> datetime:
    """The aware datetime of whole microseconds since the epoch."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000
    )
