"""Where the axis carries a tick, from days down to microseconds, and what is written at it."""

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

from warubi_tui.widgets.timeline.viewport import Viewport, to_datetime

_MILLISECOND: Final = 1_000
_SECOND: Final = 1_000_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

STEPS: Final = (
    *(n for power in (1, 10, 100) for n in (power, 2 * power, 5 * power)),
    *(n * _MILLISECOND for power in (1, 10, 100) for n in (power, 2 * power, 5 * power)),
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 28)),
)
"""Distances between ticks, in microseconds, that a person reads easily."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick: the cell it stands in and its instant in microseconds since the epoch."""

    cell: int
    instant: int


def label_width(step: int) -> int:
    """How many characters a label needs when ticks are `step` microseconds apart."""
    if step >= _DAY:
        return len("22 Nov")
    if step >= _MINUTE:
        return len("14:07")
    if step >= _SECOND:
        return len("14:07:58")
    return len("07:58.123") if step >= _MILLISECOND else len("58.123456")


def step_for(viewport: Viewport) -> int:
    """The smallest distance of ticks whose labels do not run into each other."""
    for step in STEPS:
        if step * viewport.width >= (label_width(step) + 3) * viewport.span:
            return step
    return STEPS[-1]


def ticks(viewport: Viewport, step: int) -> list[Tick]:
    """The ticks in sight: multiples of `step` since the epoch, so days begin at midnight UTC."""
    first = -(-viewport.start // step) * step
    return [Tick(viewport.cell_of(instant), instant) for instant in range(first, viewport.end, step)]


def label(instant: int, step: int, zone: tzinfo = UTC) -> str:
    """What is written at a tick, in `zone`; midnight is written as the date."""
    moment = to_datetime(instant).astimezone(zone)
    if step >= _DAY or (step >= _MINUTE and (moment.hour, moment.minute) == (0, 0)):
        return f"{moment:%d %b}"
    if step >= _MINUTE:
        return f"{moment:%H:%M}"
    if step >= _SECOND:
        return f"{moment:%H:%M:%S}"
    if step >= _MILLISECOND:
        return f"{moment:%M:%S}.{moment.microsecond // _MILLISECOND:03}"
    return f"{moment:%S}.{moment.microsecond:06}"


def precision(step: int) -> str:
    """How exactly a time is written where ticks are `step` apart: a `timespec` of `datetime.isoformat`."""
    if step >= _SECOND:
        return "seconds"
    return "milliseconds" if step >= _MILLISECOND else "microseconds"


def length_words(microseconds: int) -> str:
    """A span in the two largest units that say something: `1 d 2 h`, `15 min`, `40 ms`."""
    rest = microseconds
    parts: list[str] = []
    for size, unit in (
        (_DAY, "d"),
        (_HOUR, "h"),
        (_MINUTE, "min"),
        (_SECOND, "s"),
        (_MILLISECOND, "ms"),
        (1, "µs"),
    ):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
        if len(parts) == 2 or (parts and not count):
            break
    return " ".join(parts) or "0 µs"
