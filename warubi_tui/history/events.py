"""What happened to a branch, on one axis with its data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from warubi_tui import timefmt
from warubi_tui.history.source import HistorySource
from warubi_tui.neon.models import Branch, Operation, Project

EventKind = Literal["created", "branch", "restore", "expiry", "operation"]


@dataclass(frozen=True)
class Event:
    """One thing that happened, or that will."""

    at: datetime
    """On the axis of the branch's data: for a child branch, the time its data are from."""
    kind: EventKind
    """`created`: the branch began; `branch`: another one was made of it; `restore`: it was overwritten;
    `expiry`: the server will delete it; `operation`: the server worked on it."""
    title: str
    """A line, safe to draw."""
    branch_id: str
    """The branch the event leads to: for `branch` the child."""
    detail: str
    """More about it, safe to draw; may be empty."""


async def branch_events(source: HistorySource, project: Project, branch: Branch) -> list[Event]:
    """The events of a branch, oldest first. Of operations, those among the project's newest hundred."""
    branches = await source.branches(project.id)
    operations = await source.operations(project.id)
    names = {other.id: other.name for other in branches}
    events = [_created(branch, names)]
    events += [_child(other) for other in branches if other.parent_id == branch.id]
    events += [_operation(operation) for operation in operations if operation.branch_id == branch.id]
    if branch.last_reset_at is not None:
        events.append(_restored(branch, branch.last_reset_at))
    if branch.expires_at is not None:
        title = f"{branch.name} expires"
        events.append(Event(branch.expires_at, "expiry", title, branch.id, "The server deletes it then."))
    return sorted(events, key=lambda event: event.at)


def _created(branch: Branch, names: dict[str, str]) -> Event:
    if branch.parent_id is None:
        detail = "It is a root branch."
    else:
        detail = f"From {names.get(branch.parent_id, branch.parent_id)}{_as_of(branch)}."
    return Event(branch.created_at, "created", f"{branch.name} was created", branch.id, detail)


def _child(child: Branch) -> Event:
    return Event(
        child.parent_timestamp or child.created_at,
        "branch",
        f"{child.name} branches off",
        child.id,
        f"Made at {timefmt.utc(child.created_at)}{_as_of(child)}.",
    )


def _restored(branch: Branch, at: datetime) -> Event:
    return Event(
        at,
        "restore",
        f"{branch.name} was overwritten",
        branch.id,
        "By a restore, or a reset from its parent.",
    )


def _operation(operation: Operation) -> Event:
    reason = f": {operation.error}" if operation.error else ""
    return Event(
        operation.created_at,
        "operation",
        f"{operation.words}: {operation.status}",
        operation.branch_id or "",
        f"Operation {operation.action} {operation.id}, {operation.duration.total_seconds():.1f} s{reason}",
    )


def _as_of(branch: Branch) -> str:
    if branch.parent_timestamp is not None:
        return f", data as of {timefmt.utc(branch.parent_timestamp)}"
    return "" if branch.parent_lsn is None else f", data as of LSN {branch.parent_lsn}"
