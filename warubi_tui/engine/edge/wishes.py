"""What a client asks for in the startup packet's `options`, apart from PostgreSQL's own.

Neon's proxy takes `neon_timestamp:…` and `neon_lsn:…` there (Time Travel), and `endpoint=…` from clients that
cannot send a host name.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from warubi_tui.engine.api.times import read_time
from warubi_tui.lsn import Lsn

_WORD: Final = re.compile(r"(?:\\.|[^\s\\])+", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_OURS: Final = re.compile(r"(?:(neon_\w+):|(?:endpoint|project)=)(.*)", re.DOTALL)


class WishError(Exception):
    """The options contradict each other or name no point in time."""


@dataclass(frozen=True)
class Wishes:
    """A point in time, where one is asked for, and the options that are PostgreSQL's."""

    at: datetime | None
    lsn: Lsn | None
    options: str

    @property
    def past(self) -> bool:
        return self.at is not None or self.lsn is not None


def read_wishes(options: str) -> Wishes:
    """Parts options from each other: those for PostgreSQL stay as they are. Raises WishError."""
    rest: list[str] = []
    points: dict[str, str] = {}
    for word in _WORD.findall(options):
        match = _OURS.fullmatch(_ESCAPE.sub(r"\1", word))
        if match is None:
            rest.append(word)
        elif match[1] in ("neon_timestamp", "neon_lsn"):
            points[match[1]] = match[2]
    if len(points) > 1:
        raise WishError("neon_timestamp and neon_lsn exclude each other")
    return Wishes(_time(points.get("neon_timestamp")), _lsn(points.get("neon_lsn")), " ".join(rest))


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return read_time(text)
    except ValueError as error:
        raise WishError(f"neon_timestamp: {error}") from error


def _lsn(text: str | None) -> Lsn | None:
    if text is None:
        return None
    try:
        return Lsn.parse(text)
    except ValueError as error:
        raise WishError(f"neon_lsn: {error}") from error
