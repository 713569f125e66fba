"""How far a comparison is, and how long it will take."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from warubi_tui.diff.model import Progress, TableProgress
from warubi_tui.postgres.catalog import TableName

_SECONDS: Final = 0.2
"""Progress is told no more often than a person can see."""

_ROW_PAGES: Final = 0.25
"""Fetching, sorting and keeping one row that may differ takes about as long as scanning this many pages."""

_TABLE_PAGES: Final = 4
"""What a table costs beyond its pages."""

_SURE_SECONDS: Final = 1.0
"""Before this, nothing is said about the time left."""


class Work:
    """The work of all tables. Tells about it at the first beat, then a few times a second at most."""

    def __init__(
        self,
        pages: Mapping[TableName, int],
        tell: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`pages`: of every table to be compared, how many are read."""
        self._open = {name: count + _TABLE_PAGES for name, count in pages.items()}
        self._tables = len(pages)
        self._done_work = 0.0
        self._differences = 0
        self._tell = tell
        self._clock = clock
        self._started = clock()
        self._next = self._started
        self._fraction = 0.0
        self._running: dict[TableName, TableWork] = {}

    def begin(self, name: TableName, found: Callable[[], int]) -> "TableWork":
        """Takes up a table. `found` says how many of its rows differ, as far as is known."""
        work = TableWork(self, name, self._open.pop(name), found)
        self._running[name] = work
        self.beat()
        return work

    def finish(self, name: TableName, differences: int) -> None:
        """The table is compared, or cannot be."""
        work = self._running.pop(name)
        self._differences += differences
        self._done_work += work.total
        self.beat(last=not self._running and not self._open)

    def beat(self, *, last: bool = False) -> None:
        """Tells how far it is, if it is time to."""
        now = self._clock()
        if now >= self._next or last:
            self._next = now + _SECONDS
            self._tell(self._progress(now))

    def _progress(self, now: float) -> Progress:
        running = self._running.values()
        done = self._done_work + sum(work.done for work in running)
        total = self._done_work + sum(work.total for work in running) + sum(self._open.values())
        share = done / total if total else 0.0
        self._fraction = max(self._fraction, share)
        elapsed = now - self._started
        left = elapsed * (1 - share) / share if share and elapsed >= _SURE_SECONDS else None
        return Progress(
            tables_done=self._tables - len(self._open) - len(self._running),
            tables=self._tables,
            differences=self._differences + sum(work.found() for work in running),
            fraction=self._fraction,
            seconds_left=left,
            current=tuple(work.at for work in running),
        )


class TableWork:
    """The work of one table: the scan, then steps about the rows that may differ."""

    def __init__(self, work: Work, name: TableName, pages: int, found: Callable[[], int]) -> None:
        self.at = TableProgress(*name, 0, 0, "blocks")
        self.found = found
        self._work = work
        self._name = name
        self._pages = float(pages)
        self._before = 0.0
        self._step = float(pages)

    @property
    def done(self) -> float:
        """In pages, or what takes as long as a page."""
        share = min(self.at.done / self.at.total, 1.0) if self.at.total else 0.0
        return self._before + share * self._step

    @property
    def total(self) -> float:
        """What `done` is of, as far as is known."""
        return self._before + self._step

    def __call__(self, done: int, total: int, unit: str) -> None:
        """Takes note of `done` of `total` units. A new unit, or less done than before, begins a new step."""
        if (unit != self.at.unit and self.at.total) or done < self.at.done:
            self._before += self._step
            self._step = total * _ROW_PAGES
        elif self._before:
            self._step = total * _ROW_PAGES
        self.at = TableProgress(*self._name, done, total, unit)
        self._work.beat()
