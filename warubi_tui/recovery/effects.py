"""The words of a preview: what a restore will do, what it keeps, and how to undo it."""

from __future__ import annotations

import shlex
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from warubi_tui import timefmt
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.history.moment import RestorePoint
    from warubi_tui.lsn import Lsn
    from warubi_tui.neon.models import Branch, Project


def of_copy(
    project: Project, source: Branch, point: RestorePoint, name: str, *, now: datetime, zone: tzinfo
) -> tuple[str, ...]:
    """The preview of a restored copy."""
    original = clean(source.name)
    return (
        f"Makes: a new branch {clean(name)} in project {clean(project.name)}, with its own connection string",
        f"From: {original} ({source.id})",
        *of_point(point, now=now, zone=zone),
        f"Kept: {original} is only read; nothing in it changes",
        f"Undo: delete the branch {clean(name)}",
    )


def of_in_place(
    project: Project,
    branch: Branch,
    source: Branch,
    point: RestorePoint | None,
    keep_as: str,
    *,
    now: datetime,
    zone: tzinfo,
) -> tuple[str, ...]:
    """The preview of a restore in place, which overwrites every database of `branch`."""
    name, kept = clean(branch.name), clean(keep_as)
    origin = "its own history" if source.id == branch.id else f"{clean(source.name)} ({source.id})"
    lines = [
        f"Overwrites: every database of {name} ({branch.id}) in project {clean(project.name)}",
        f"From: {origin}",
    ]
    lines += of_point(point, now=now, zone=zone) if point else [f"State: as {clean(source.name)} is now"]
    later = f"rows written after {_moment(point)}" if point else f"what {name} holds now"
    words = [shlex.quote(word) for word in (name, kept, name)]
    lines += [
        f"Kept: the state of now, with what was written since, under the name {kept}",
        "Undo: warubi restore {} --in-place --from {} --confirm {}".format(*words),
        f"Lost: replication slots of {name}; {later} remain{'' if point else 's'} only in {kept}",
        "Stays: the branch's id, name and connection string; connections drop for some seconds",
    ]
    if branch.protected:
        lines.append(f"Protected: {name} is protected; the server may refuse, and then nothing is done")
    return tuple(lines)


def of_point(point: RestorePoint, *, now: datetime, zone: tzinfo) -> list[str]:
    """The wanted state in UTC, in `zone`, as an age and as an LSN, as far as each is known."""
    lines = []
    if point.at is not None:
        lines.append(f"State at: {timefmt.both(point.at, zone)}, {timefmt.age(point.at, now)}")
    if point.lsn is not None:
        lines.append(f"State at: LSN {point.lsn}")
    moment = point.resolved
    if moment is None:
        if point.lsn is None:
            lines.append("LSN: the server finds it from the time when it makes the branch")
        return lines
    lines.append(f"Last commit included: {commit(moment.time, moment.lsn, zone)}")
    if moment.next_lsn is not None:
        lines.append(f"First commit left out: {commit(moment.next_time, moment.next_lsn, zone)}")
    return lines


def _moment(point: RestorePoint) -> str:
    return f"LSN {point.lsn}" if point.at is None else timefmt.utc(point.at)


def commit(at: datetime | None, lsn: Lsn, zone: tzinfo) -> str:
    """A commit in UTC, in `zone` if that is another one, and as an LSN."""
    if at is None:
        return f"at LSN {lsn}"
    return f"{timefmt.both(at, zone)}, LSN {lsn}"
