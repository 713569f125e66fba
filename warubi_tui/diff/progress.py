"""How far a comparison is, and how long it will take."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from warubi_tui.diff.model import Progress, TableProgress
from warubi_tui.postgres.catalog import TableName

_SECONDS: Final = 0.2
"""Progress is told no more often than a person can see."""

SETTLING: Final = "rows found"
"""The unit of the last step of a table: rows that may differ, sorted, compared and kept."""

_ROW_PAGES: Final = 0.1
"""Settling one row takes about as long as scanning this many pages, until it is known better."""

_SCANNED: Final = 0.99
"""A scan is as good as over."""

_UNSURE_SHARE: Final = 0.1
"""If more of the work than this grows while nobody knows how far, nothing is said about the whole."""

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
        self.clock = clock
        self._started = clock()
        self._next = self._started
        self.row_pages = _ROW_PAGES
        """As many pages are scanned in the time that one row takes to be settled."""
        self._running: dict[TableName, TableWork] = {}

    def begin(self, name: TableName, *, found: Callable[[], int], waiting: Callable[[], int]) -> "TableWork":
        """Takes up a table.

        Args:
            found: says how many of its rows differ, as far as is known.
            waiting: says how many rows, of both sides, are to be settled after the scan, as far as is known.
        """
        work = TableWork(self, name, self._open.pop(name), found, waiting)
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
        now = self.clock()
        if now >= self._next or last:
            self._next = now + _SECONDS
            self._tell(self._progress(now))

    def _progress(self, now: float) -> Progress:
        running = self._running.values()
        done = self._done_work + sum(work.done for work in running)
        total = self._done_work + sum(work.total for work in running) + sum(self._open.values())
        share = done / total if total else 0.0
        unsure = sum(work.unsure for work in running) > total * _UNSURE_SHARE
        elapsed = now - self._started
        left = elapsed * (1 - share) / share if share and elapsed >= _SURE_SECONDS else None
        return Progress(
            tables_done=self._tables - len(self._open) - len(self._running),
            tables=self._tables,
            differences=self._differences + sum(work.found() for work in running),
            fraction=None if unsure else share,
            seconds_left=None if unsure else left,
            current=tuple(work.at for work in running),
        )


class TableWork:
    """The work of one table: the scan, and then the rows that may differ."""

    def __init__(
        self, work: Work, name: TableName, pages: int, found: Callable[[], int], waiting: Callable[[], int]
    ) -> None:
        self.at = TableProgress(*name, 0, 0, "blocks")
        self.found = found
        self._work = work
        self._name = name
        self._pages = pages
        self._waiting = waiting
        self._scanned = 0.0
        self._settled = 0
        self._began = work.clock()
        self._settles: float | None = None

    @property
    def done(self) -> float:
        """In pages, or what takes as long as a page."""
        return self._scanned * self._pages + self._settled * self._work.row_pages

    @property
    def total(self) -> float:
        """What `done` is of, as far as is known."""
        return self._pages + self._waiting() * self._work.row_pages

    @property
    def unsure(self) -> float:
        """The work about rows that are still being fetched: nobody knows how many more will come."""
        fetching = self._scanned >= _SCANNED and self._settles is None
        return self._waiting() * self._work.row_pages if fetching else 0.0

    def __call__(self, done: int, total: int, unit: str) -> None:
        """Takes note of `done` of `total` units."""
        self.at = TableProgress(*self._name, done, total, unit)
        if unit == SETTLING:
            self._settle(done)
        else:
            self._scanned = max(self._scanned, min(done / total, 1.0) if total else 0.0)
        self._work.beat()

    def _settle(self, done: int) -> None:
        now = self._work.clock()
        self._scanned, self._settled = 1.0, done
        if self._settles is None:
            self._settles = now
        elif done and self._settles > self._began:
            page_seconds = (self._settles - self._began) / self._pages
            self._work.row_pages = (now - self._settles) / done / page_seconds
