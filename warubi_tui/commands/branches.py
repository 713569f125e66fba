"""`warubi branches` and `warubi branch …`."""

from argparse import Namespace
from datetime import datetime
from typing import Final

from warubi_tui.commands.output import table
from warubi_tui.commands.session import Session, require_confirmation
from warubi_tui.commands.shapes import branch_json, project_json
from warubi_tui.errors import UsageError
from warubi_tui.neon.branches import TreeRow, tree
from warubi_tui.neon.connections import branch_uri
from warubi_tui.neon.models import Branch
from warubi_tui.secret import redact
from warubi_tui.text import clean, shorten_middle
from warubi_tui.timefmt import age, parse_when, utc

_NAME_LEAST: Final = 30
"""Cells that a name may take at least, however narrow the terminal is."""


async def list_branches(session: Session, options: Namespace) -> int:
    """Prints the tree of branches."""
    branches = await session.client.branches(session.project.id)
    header = ["BRANCH", "ID", "STATE", "DATA AS OF", "SIZE", "CREATED", "EXPIRES", "MARKS"]
    rows = [_row(row, session.now) for row in tree(branches)]
    if session.output.width is not None:
        others = max(map(len, table(header[1:], [row[1:] for row in rows]).splitlines()))
        room = max(_NAME_LEAST, session.output.width - others - 2)
        rows = [[shorten_middle(row[0], room), *row[1:]] for row in rows]
    session.output.result(
        table(header, rows),
        {
            "project": project_json(session.project),
            "branches": [branch_json(row.branch) for row in tree(branches)],
        },
    )
    return 0


async def create(session: Session, options: Namespace) -> int:
    """Makes a branch of the head or of a point in the past of another one."""
    branches = await session.client.branches(session.project.id)
    default = next((branch.id for branch in branches if branch.default), None)
    origin = options.parent or default
    if origin is None:
        raise UsageError(
            "The project has no default branch.", hint="Say of which to make it: --parent BRANCH"
        )
    parent, point = await session.branch_at(origin, options.at)
    if point is not None:
        session.output.note(f"From {parent.name} at {session.describe(point)}")
    expires_at = None
    if options.expires_at is not None:
        expires_at = parse_when(options.expires_at, now=session.now, zone=session.zone)
    branch = await session.changes.create(
        options.name,
        parent_id=parent.id,
        at=point.at if point else None,
        lsn=point.lsn if point else None,
        compute=options.compute,
        expires_at=expires_at,
    )
    data: dict[str, object] = {"branch": branch_json(branch)}
    text = f"Created {branch.name} ({branch.id}) from {parent.name}."
    if options.show_secret and options.compute:
        uri = await branch_uri(session.client, session.project.id, branch, options.database)
        data["connection_uri"] = uri.reveal()
        text += f"\n{uri.reveal()}"
    session.output.result(text, data)
    return 0


async def show_uri(session: Session, options: Namespace) -> int:
    """Prints a branch's connection string; its password only when asked for."""
    branch = await session.branch(options.branch)
    uri = await branch_uri(session.client, session.project.id, branch, options.database, role=options.role)
    shown = uri.reveal() if options.reveal else redact(uri.reveal())
    if not options.reveal:
        session.output.note("The password is masked; --reveal shows it.")
    data = {"branch": branch_json(branch), "connection_uri": shown, "masked": not options.reveal}
    session.output.result(clean(shown), data)
    return 0


async def rename(session: Session, options: Namespace) -> int:
    """Gives a branch another name."""
    branch = await session.branch(options.branch)
    require_confirmation(branch, options.confirm)
    renamed = await session.changes.rename(branch, options.new_name)
    return _changed(session, f"Renamed {branch.name} to {renamed.name}.", renamed)


async def protect(session: Session, options: Namespace) -> int:
    """Protects a branch, or no longer does."""
    branch = await session.branch(options.branch)
    require_confirmation(branch, options.confirm)
    changed = await session.changes.protect(branch, not options.off)
    said = "is protected" if changed.protected else "is no longer protected"
    return _changed(session, f"{changed.name} {said}.", changed)


async def set_default(session: Session, options: Namespace) -> int:
    """Makes a branch the default of its project."""
    branch = await session.branch(options.branch)
    require_confirmation(branch, options.confirm)
    changed = await session.changes.set_default(branch)
    return _changed(session, f"{changed.name} is the default branch.", changed)


async def delete(session: Session, options: Namespace) -> int:
    """Deletes a branch."""
    branch = await session.branch(options.branch)
    require_confirmation(branch, options.confirm)
    await session.changes.delete(branch)
    session.output.result(
        f"Deleted {branch.name} ({branch.id}).", {"branch": branch_json(branch), "deleted": True}
    )
    return 0


def _changed(session: Session, text: str, branch: Branch) -> int:
    session.output.result(text, {"branch": branch_json(branch)})
    return 0


def _row(row: TreeRow, now: datetime) -> list[str]:
    branch = row.branch
    marks = [word for word, holds in (("default", branch.default), ("protected", branch.protected)) if holds]
    state = branch.current_state
    return [
        "  " * row.depth + branch.name,
        branch.id,
        f"{state} → {branch.pending_state}" if branch.pending_state else state,
        utc(branch.parent_timestamp) if branch.parent_timestamp else "-",
        _size(branch.logical_size),
        age(branch.created_at, now),
        age(branch.expires_at, now) if branch.expires_at else "-",
        ", ".join(marks) or "-",
    ]


def _size(size: int | None) -> str:
    return "-" if size is None else f"{size / 2**20:.1f} MB"
