"""Which part of the history window is on the axis, in integer microseconds since the epoch (UTC)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exact."""
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(microseconds: int) -> datetime:
    """The aware UTC datetime of microseconds since the epoch, exact."""
    return _EPOCH + timedelta(microseconds=microseconds)


def _ceil_div(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


@dataclass(frozen=True, slots=True)
class Viewport:
    """The visible part `[start, start + span)` of the history window `[first, last]`, on `width` cells.

    The visible part never leaves the window, a cell never holds less than one microsecond (unless the
    whole window is shorter than that), and every instant of the window can be reached.
    """

    first: int
    """The oldest instant that can be chosen."""
    last: int
    """The newest instant that can be chosen."""
    start: int
    span: int
    width: int

    @classmethod
    def over(cls, first: int, last: int, width: int) -> "Viewport":
        """The whole window from `first` to `last` (both inclusive; `last >= first`) on `width >= 1` cells."""
        if last < first or width < 1:
            raise ValueError("a viewport needs last >= first and at least one cell")
        return cls(first, last, first, last - first + 1, width)

    @property
    def length(self) -> int:
        """How many microseconds the whole window has, at least 1."""
        return self.last - self.first + 1

    @property
    def end(self) -> int:
        """The first instant right of the visible part."""
        return self.start + self.span

    def _placed(self, start: int, span: int) -> "Viewport":
        span = max(min(self.width, self.length), min(span, self.length))
        start = max(self.first, min(start, self.first + self.length - span))
        return replace(self, start=start, span=span)

    def clamp(self, instant: int) -> int:
        """The instant of the window nearest to `instant`."""
        return max(self.first, min(instant, self.last))

    def shows(self, instant: int) -> bool:
        """Whether `instant` is in the visible part."""
        return self.start <= instant < self.end

    def cell_of(self, instant: int) -> int:
        """The cell that holds `instant`; below 0 or from `width` on when it is out of sight."""
        return (instant - self.start) * self.width // self.span

    def time_at(self, cell: int) -> int:
        """The first instant of `cell`, kept inside the window; `cell_of` gives the cell back."""
        return self.clamp(self.start + _ceil_div(cell * self.span, self.width))

    def zoom(self, numerator: int, denominator: int, anchor: int) -> "Viewport":
        """The span times `numerator / denominator`; `anchor` stays in its cell where the window allows it."""
        wanted = max(1, self.span * numerator // denominator)
        span = max(min(self.width, self.length), min(wanted, self.length))
        cell = max(0, min(self.cell_of(anchor), self.width - 1))
        low = _ceil_div(cell * span, self.width)
        high = _ceil_div((cell + 1) * span, self.width) - 1
        offset = max(low, min((anchor - self.start) * span // self.span, high))
        return self._placed(anchor - offset, span)

    def pan(self, cells: int) -> "Viewport":
        """Moved by `cells` to the right (left when negative), at most to the end of the window."""
        step = cells * self.span // self.width
        if step == 0 and cells:
            step = 1 if cells > 0 else -1
        return self._placed(self.start + step, self.span)

    def reveal(self, instant: int) -> "Viewport":
        """This viewport if it shows `instant` (or the edge nearest to it), else one around it."""
        instant = self.clamp(instant)
        return self if self.shows(instant) else self._placed(instant - self.span // 2, self.span)

    def around(self, instant: int, span: int) -> "Viewport":
        """A part of `span` microseconds with `instant` in the middle, as far as the window allows."""
        return self._placed(self.clamp(instant) - span // 2, span)

    def fit(self) -> "Viewport":
        """The whole window."""
        return self._placed(self.first, self.length)

    def resized(self, width: int) -> "Viewport":
        """The same part on another number of cells (at least one)."""
        return replace(self, width=max(1, width))._placed(self.start, self.span)

    def within(self, first: int, last: int) -> "Viewport":
        """The same part in a window that has moved on. A viewport that showed the whole window still does."""
        whole = self.span == self.length
        moved = replace(self, first=first, last=max(first, last))
        return moved.fit() if whole else moved._placed(self.start, self.span)
