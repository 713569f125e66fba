"""Rows as Neon's JSON objects.

Where Neon requires a field for something this engine does not have (regions, metering, pooling), the value
says so: `local`, zero, empty, or the beginning of Go's calendar, which Neon itself sends for "no time".
"""

import json
from collections.abc import Iterable
from typing import Final

from warubi_tui.engine.api.times import write_time
from warubi_tui.engine.limits import Limits, recoverable_until
from warubi_tui.engine.rules import Rule
from warubi_tui.engine.store import (
    BranchRow,
    DatabaseRow,
    EndpointRow,
    OperationRow,
    ProjectRow,
    RoleRow,
    SnapshotRow,
)
from warubi_tui.lsn import Lsn

Json = dict[str, object]

LOCAL: Final = "local"
HOST: Final = "127.0.0.1"
EMAIL: Final = "engine@localhost"
BRANCHES_LIMIT: Final = Limits().branches

_SOURCE: Final = "warubi"
_RESTRICTED: Final[list[Json]] = [
    {"name": "restore", "reason": "restore from snapshot on target branch is still ongoing"}
]
_NO_TIME: Final = "0001-01-01T00:00:00Z"
_NOT_METERED: Final[Json] = {
    "cpu_used_sec": 0,
    "active_time_seconds": 0,
    "compute_time_seconds": 0,
    "written_data_bytes": 0,
    "data_transfer_bytes": 0,
}


def _times(**times: int | None) -> Json:
    """The times that are known, written out."""
    return {name: write_time(time) for name, time in times.items() if time is not None}


def _known(**values: object) -> Json:
    """The values that are known."""
    return {name: value for name, value in values.items() if value is not None}


def project_list_item(row: ProjectRow) -> Json:
    """A `ProjectListItem`."""
    return {
        "id": row.id,
        "name": row.name,
        "pg_version": row.pg_version,
        "history_retention_seconds": row.history_retention_seconds,
        "platform_id": LOCAL,
        "region_id": LOCAL,
        "provisioner": LOCAL,
        "proxy_host": HOST,
        "branch_logical_size_limit": 0,
        "branch_logical_size_limit_bytes": 0,
        "store_passwords": True,
        "active_time": 0,
        "cpu_used_sec": 0,
        "creation_source": _SOURCE,
        "owner_id": LOCAL,
        **_times(created_at=row.created_at, updated_at=row.updated_at),
    }


def project(row: ProjectRow) -> Json:
    """A `Project`."""
    item = project_list_item(row)
    del item["active_time"]
    return {
        **item,
        **_NOT_METERED,
        "data_storage_bytes_hour": 0,
        "consumption_period_start": _NO_TIME,
        "consumption_period_end": _NO_TIME,
        "owner": {
            "email": EMAIL,
            "name": LOCAL,
            "branches_limit": BRANCHES_LIMIT,
            "subscription_type": "UNKNOWN",
        },
    }


def branch(row: BranchRow) -> Json:
    """A `Branch`."""
    return {
        "id": row.id,
        "project_id": row.project,
        "name": row.name,
        "current_state": row.state,
        "default": bool(row.is_default),
        "primary": bool(row.is_default),
        "protected": bool(row.protected),
        "creation_source": _SOURCE,
        "init_source": row.init_source,
        **_NOT_METERED,
        **_known(
            pending_state=None if row.state == "ready" else "ready",
            parent_id=row.parent,
            parent_lsn=None if row.parent_lsn is None else str(Lsn(row.parent_lsn)),
            logical_size=row.logical_size,
            ttl_interval_seconds=row.ttl_interval_seconds,
            recovery=_recovery(row),
            restore_status=row.restore_status,
            restored_from=row.restored_from,
            restored_as=row.restore_target if row.restore_status == "finalized" else None,
            restricted_actions=_RESTRICTED if row.restore_status == "restored" else None,
        ),
        **_times(
            parent_timestamp=row.parent_timestamp,
            state_changed_at=row.state_changed_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
            expires_at=row.expires_at,
            last_reset_at=row.last_reset_at,
        ),
    }


def _recovery(row: BranchRow) -> Json | None:
    if row.deleted_at is None:
        return None
    return {
        "deletion_method": row.deletion_method,
        **_times(deleted_at=row.deleted_at, recoverable_until=recoverable_until(row.deleted_at)),
    }


def annotation(row: BranchRow) -> Json:
    """An `AnnotationData`: what the branch was labelled with when it was created."""
    return {"object": {"type": "console/branch", "id": row.id}, "value": json.loads(row.annotation)}


def annotations(rows: Iterable[BranchRow]) -> Json:
    """The `annotations` of a list of branches: those that have any, by branch id."""
    return {row.id: annotation(row) for row in rows if row.annotation != "{}"}


def host(row: EndpointRow) -> str:
    """Where the endpoint listens. Unlike Neon's, ours has a port, and clients take it as part of the host."""
    return f"{HOST}:{row.port}"


def endpoint(row: EndpointRow, state: str, project_id: str) -> Json:
    """An `Endpoint`. Its size is what was asked for; it takes what PostgreSQL takes."""
    wanted = "active" if row.wanted else "idle"
    return {
        "id": row.id,
        "host": host(row),
        "proxy_host": HOST,
        "project_id": project_id,
        "branch_id": row.branch,
        "region_id": LOCAL,
        "type": row.type,
        "current_state": state,
        "autoscaling_limit_min_cu": row.min_cu,
        "autoscaling_limit_max_cu": row.max_cu,
        "suspend_timeout_seconds": row.suspend_timeout_seconds,
        "settings": {},
        "pooler_enabled": False,
        "pooler_mode": "transaction",
        "disabled": bool(row.disabled),
        "passwordless_access": False,
        "provisioner": LOCAL,
        "creation_source": _SOURCE,
        **_known(pending_state=None if state == wanted else wanted, name=row.name),
        **_times(
            created_at=row.created_at,
            updated_at=row.updated_at,
            started_at=row.started_at,
            suspended_at=row.suspended_at,
            last_active=row.last_active,
        ),
    }


def operation(row: OperationRow) -> Json:
    """An `Operation`."""
    ended = row.updated_at if row.finished_at is None else row.finished_at
    return {
        "id": row.id,
        "project_id": row.project,
        "action": row.action,
        "status": row.status,
        "failures_count": int(row.status in {"failed", "error"}),
        "total_duration_ms": 0 if row.started_at is None else max(0, ended - row.started_at) // 1000,
        **_known(branch_id=row.branch, endpoint_id=row.endpoint, error=row.error),
        **_times(created_at=row.created_at, updated_at=row.updated_at),
    }


def operations(rows: Iterable[OperationRow]) -> Json:
    """The operations a change started, as every answer to a change carries them."""
    return {"operations": [operation(row) for row in rows]}


def role(row: RoleRow, *, with_password: bool = False) -> Json:
    """A `Role`. Its password is shown where it was just made."""
    return {
        "branch_id": row.branch,
        "name": row.name,
        "protected": bool(row.protected),
        "authentication_method": "password",
        **({"password": row.password} if with_password else {}),
        **_times(created_at=row.created_at, updated_at=row.updated_at),
    }


def database(row: DatabaseRow) -> Json:
    """A `Database`."""
    return {
        "id": row.id,
        "branch_id": row.branch,
        "name": row.name,
        "owner_name": row.owner_name,
        **_times(created_at=row.created_at, updated_at=row.updated_at),
    }


def snapshot(row: SnapshotRow) -> Json:
    """A `Snapshot`, with the `slug` of Neon's newer document where it has one."""
    return {
        "id": row.id,
        "name": row.name,
        "lsn": str(Lsn(row.lsn)),
        "source_branch_id": row.source_branch,
        "manual": bool(row.manual),
        **_known(slug=row.slug, full_size=row.full_size, diff_size=row.diff_size),
        **_times(timestamp=row.timestamp, created_at=row.created_at, expires_at=row.expires_at),
    }


def rule(row: Rule) -> Json:
    """A `BackupScheduleItem`."""
    return {
        "frequency": row.frequency,
        **_known(hour=row.hour, day=row.day, month=row.month, retention_seconds=row.retention_seconds),
    }
