"""Where differing rows wait to be read: a file of the operating system's, not the memory of the process."""

import os
import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import Final

from warubi_tui.diff.model import Op
from warubi_tui.errors import WarubiError

OPS: Final[tuple[Op, ...]] = ("removed", "added", "changed")

Stored = tuple[Op, bytes | None, bytes | None]
"""What happened, and the row's lines of COPY then and now."""

_BATCH_ROWS: Final = 500
_BATCH_BYTES: Final = 1 << 20


class Spool:
    """Differing rows in the order they were found, numbered within their table.

    The rows are production data. The file is 0600 in a 0700 folder and both lose their names as soon as the
    file is open, so that the data is gone with the process, however it ends. May be used by several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batch: list[tuple[int, int, int, bytes | None, bytes | None]] = []
        self._batch_bytes = 0
        self._next = 0
        self._first: dict[int, int] = {}
        with tempfile.TemporaryDirectory(prefix="warubi-diff-") as folder:
            path = Path(folder) / "rows"
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            # Nothing here outlives the process: no journal, no waiting for the disk, no second file by name.
            self._database.executescript(
                """
                PRAGMA journal_mode = OFF;
                PRAGMA synchronous = OFF;
                PRAGMA locking_mode = EXCLUSIVE;
                PRAGMA temp_store = MEMORY;
                CREATE TABLE rows (
                    number INTEGER PRIMARY KEY, tab INTEGER, op INTEGER, was BLOB, is_now BLOB);
                CREATE INDEX rows_by_op ON rows (tab, op);
                """
            )

    def add(self, table: int, op: Op, then: bytes | None, now: bytes | None) -> None:
        """Appends a row to `table`; the rows of a table come one after the other."""
        self._first.setdefault(table, self._next)
        self._batch.append((self._next, table, OPS.index(op), then, now))
        self._next += 1
        self._batch_bytes += len(then or b"") + len(now or b"")
        if len(self._batch) >= _BATCH_ROWS or self._batch_bytes >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Makes the rows added so far visible to `page`."""
        try:
            with self._lock:
                self._database.execute("BEGIN")
                self._database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", self._batch)
                self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise WarubiError(
                "There is no room for the differing rows",
                f"{tempfile.gettempdir()}: {error}",
                "Set TMPDIR to a folder with more room, keep fewer rows, or compare fewer tables.",
            ) from error
        self._batch.clear()
        self._batch_bytes = 0

    def forget(self, table: int) -> None:
        """Drops every row of `table`."""
        self.flush()
        with self._lock:
            self._database.execute("DELETE FROM rows WHERE tab = ?", (table,))

    def page(self, table: int, *, offset: int, limit: int, op: Op | None) -> list[Stored]:
        """At most `limit` rows of `table` from the `offset`th, of one kind or of all."""
        start = self._first.get(table, self._next) + offset
        with self._lock:
            if op is None:
                found = self._database.execute(
                    "SELECT op, was, is_now FROM rows NOT INDEXED"
                    " WHERE number >= ? AND number < ? AND tab = ? ORDER BY number",
                    (start, start + limit, table),
                ).fetchall()
            else:
                found = self._database.execute(
                    "SELECT op, was, is_now FROM rows INDEXED BY rows_by_op WHERE tab = ? AND op = ?"
                    " ORDER BY number LIMIT ? OFFSET ?",
                    (table, OPS.index(op), limit, offset),
                ).fetchall()
        return [(OPS[kind], then, now) for kind, then, now in found]

    def close(self) -> None:
        """Forgets everything. May be called twice."""
        with self._lock:
            self._database.close()
