"""Rows sorted by bytes, however many: in memory while they are few, then in a file without a name."""

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from warubi_tui.diff.spool import Spool

_BATCH_ROWS: Final = 4096
_BATCH_BYTES: Final = 1 << 20


class Unsorted(NamedTuple):
    """One row to be sorted: by `key`, then by the rest."""

    key: bytes
    side: int
    line: bytes
    wanted: bool


class Sorter:
    """Takes rows in any order and gives them back in that of their fields."""

    def __init__(self) -> None:
        self.count = 0
        self._batch: list[Unsorted] = []
        self._bytes = 0
        self._spool: Spool | None = None

    def add(self, row: Unsorted) -> None:
        """Takes one row. Raises WarubiError if there is no room on disk."""
        self.count += 1
        self._batch.append(row)
        self._bytes += len(row.key) + len(row.line)
        if len(self._batch) >= _BATCH_ROWS or self._bytes >= _BATCH_BYTES:
            self._flush()

    def rows(self) -> Iterator[Unsorted]:
        """Every row taken, in order. The first step takes as long as the sort."""
        if self._spool is None:
            return iter(sorted(self._batch))
        self._flush()
        found = self._spool.run(
            lambda database: database.execute(
                "SELECT key, side, line, wanted FROM rows ORDER BY key, side, line, wanted"
            )
        )
        return map(Unsorted._make, found)

    def close(self) -> None:
        """Forgets the rows. May be called twice, and while another thread is sorting."""
        self._batch.clear()
        if self._spool is not None:
            self._spool.close()

    def _flush(self) -> None:
        if self._spool is None:
            self._spool = Spool()
            self._spool.run(_create)
        self._spool.run(
            lambda database: database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", self._batch)
        )
        self._batch.clear()
        self._bytes = 0


def _create(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE rows (key BLOB, side INTEGER, line BLOB, wanted INTEGER)")
