"""The JSON that others rely on: keys may be added, these stay."""

from datetime import datetime

from warubi_tui.neon.models import Branch, Project
from warubi_tui.timefmt import rfc3339


def branch_json(branch: Branch) -> dict[str, object]:
    """A branch. Times are RFC 3339 in UTC with microseconds; the size is in bytes."""
    return {
        "id": branch.id,
        "name": branch.name,
        "project_id": branch.project_id,
        "parent_id": branch.parent_id,
        "parent_lsn": None if branch.parent_lsn is None else str(branch.parent_lsn),
        "parent_timestamp": time_json(branch.parent_timestamp),
        "state": branch.current_state,
        "default": branch.default,
        "protected": branch.protected,
        "logical_size": branch.logical_size,
        "created_at": time_json(branch.created_at),
        "expires_at": time_json(branch.expires_at),
        "last_reset_at": time_json(branch.last_reset_at),
    }


def project_json(project: Project) -> dict[str, object]:
    """A project."""
    return {
        "id": project.id,
        "name": project.name,
        "pg_version": project.pg_version,
        "history_retention_seconds": int(project.history_retention.total_seconds()),
    }


def time_json(moment: datetime | None) -> str | None:
    """A time as RFC 3339 in UTC."""
    return None if moment is None else rfc3339(moment)
