"""From what a person says to a point that a branch can be restored to."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from warubi_tui import timefmt
from warubi_tui.errors import RefusedError
from warubi_tui.history.source import HistorySource
from warubi_tui.history.window import Window, history_window
from warubi_tui.lsn import Lsn
from warubi_tui.neon.models import Branch, Moment, Project


@dataclass(frozen=True)
class RestorePoint:
    """A point within the history window of a branch: a time or an LSN, never both."""

    requested: str
    """As it was typed; what was chosen on the axis is written out."""
    at: datetime | None
    lsn: Lsn | None
    resolved: Moment | None
    """Which commits that includes; None where the server does not tell."""


async def resolve_point(
    source: HistorySource,
    project: Project,
    branch: Branch,
    when: str | datetime | Lsn,
    *,
    now: datetime,
    zone: tzinfo,
) -> RestorePoint:
    """Reads `when` (see `timefmt.parse_when`; or an LSN, `0/1DE2850`) and checks that it can be reached.

    `now` as a word is the latest point the server knows.

    Raises:
        UsageError: `when` is not understood.
        RefusedError: it lies in the future or outside the history window; both ends are named.
    """
    window = await history_window(source, project, branch, now)
    requested = (
        when if isinstance(when, str) else timefmt.utc(when) if isinstance(when, datetime) else str(when)
    )
    point = _read(when, window, now=now, zone=zone)
    if isinstance(point, Lsn):
        _check_lsn(branch, window, point)
        moment = await source.moment(project.id, branch.id, lsn=point)
        return RestorePoint(requested, None, point, moment)
    _check_time(branch, window, point, now=now, zone=zone)
    moment = await source.moment(project.id, branch.id, at=point)
    return RestorePoint(requested, point, None, moment)


def _read(when: str | datetime | Lsn, window: Window, *, now: datetime, zone: tzinfo) -> datetime | Lsn:
    if not isinstance(when, str):
        return when
    if Lsn.looks_like(when):
        return Lsn.parse(when)
    if when.strip().lower() == "now":
        return window.end
    return timefmt.parse_when(when, now=now, zone=zone)


def _check_time(branch: Branch, window: Window, point: datetime, *, now: datetime, zone: tzinfo) -> None:
    said = timefmt.both(point, zone)
    if point > max(window.end, now):
        raise RefusedError(
            f"{said} lies in the future, {timefmt.age(point, now)}.", _ends(branch, window), _PAST
        )
    if point < window.start:
        raise RefusedError(f"{said} lies before the history window.", _ends(branch, window), _NEAREST)


def _check_lsn(branch: Branch, window: Window, point: Lsn) -> None:
    if window.end_lsn is not None and point > window.end_lsn:
        raise RefusedError(f"LSN {point} lies in the future.", _ends(branch, window), _PAST)
    if window.start_lsn is not None and point < window.start_lsn:
        raise RefusedError(f"LSN {point} lies before the history window.", _ends(branch, window), _NEAREST)


_PAST = "Choose a point that has been; `now` is the newest one."
_NEAREST = (
    "Choose a point between them. What was before a branch began, or before it was last restored, lies in its"
    " parent or in the branch that kept the old state."
)


def _ends(branch: Branch, window: Window) -> str:
    if window.empty:
        return f"The project keeps no history, so {branch.name} cannot be restored to an earlier time."
    lsns = "" if window.start_lsn is None else f" (LSN {window.start_lsn} to {window.end_lsn})"
    return (
        f"{branch.name} can be restored to any point from {timefmt.utc(window.start)}"
        f" to {timefmt.utc(window.end)}{lsns}."
    )
