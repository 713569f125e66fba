"""Where differing rows wait to be read: a file of the operating system's, not the memory of the process."""

import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from warubi_tui.errors import WarubiError

T = TypeVar("T")

_CACHE_KIB: Final = 4096

_LOOK_UP_STEPS: Final = 100_000
"""After so many steps of its machine SQLite asks whether what it does is still wanted: some milliseconds."""


class Spool:
    """A SQLite database in a file that has no name.

    What is in it is production data. The file is 0600 in a 0700 folder and both lose their names as soon as
    the file is open, so that the data is gone with the process, however it ends. SQLite's own temporary files
    (of large sorts) are 0600 too and lose their names the same way (`SQLITE_OPEN_DELETEONCLOSE`, os_unix.c).
    May be used by several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.closed = False
        """Whether everything in it is forgotten."""
        with tempfile.TemporaryDirectory(prefix="warubi-diff-") as folder:
            path = Path(folder) / "rows"
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.set_progress_handler(lambda: self.closed, _LOOK_UP_STEPS)
            # Nothing here outlives the process: no journal, no waiting for the disk, no overwriting of what
            # is dropped, no second file by name.
            self._database.executescript(
                f"""
                PRAGMA journal_mode = OFF;
                PRAGMA synchronous = OFF;
                PRAGMA locking_mode = EXCLUSIVE;
                PRAGMA secure_delete = OFF;
                PRAGMA temp_store = FILE;
                PRAGMA cache_size = -{_CACHE_KIB};
                BEGIN EXCLUSIVE;
                COMMIT;
                """
            )

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, in one transaction that no other thread's work falls into.

        Raises:
            WarubiError: there is no room on disk, or the spool is closed.
        """
        try:
            with self._lock:
                if self.closed:
                    raise _closed()
                self._database.execute("BEGIN")
                try:
                    return work(self._database)
                finally:
                    self._database.execute("COMMIT")
        except (sqlite3.OperationalError, sqlite3.DataError) as error:
            if self.closed:
                raise _closed() from error
            raise WarubiError(
                "There is no room for the differing rows",
                f"{tempfile.gettempdir()}: {error}",
                "Set TMPDIR to a folder with more room, keep fewer rows, or compare fewer tables.",
            ) from error

    def close(self) -> None:
        """Forgets everything; work of another thread that is under way fails. May be called twice."""
        if not self.closed:
            self.closed = True
            with self._lock:
                self._database.close()


def _closed() -> WarubiError:
    return WarubiError("The comparison was closed", "Its rows are forgotten.")
