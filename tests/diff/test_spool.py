"""The file where differing rows wait."""

import sqlite3
import threading

import pytest

from warubi_tui.diff.spool import Spool
from warubi_tui.errors import WarubiError


def test_closed_spool_says_so_and_may_be_closed_again() -> None:
    spool = Spool()
    spool.close()
    spool.close()
    with pytest.raises(WarubiError, match="closed"):
        spool.run(lambda database: database.execute("SELECT 1"))


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def test_close_ends_what_another_thread_is_at() -> None:
    spool = Spool()
    started = threading.Event()
    errors: list[WarubiError] = []

    def count(database: sqlite3.Connection) -> None:
        started.set()
        database.execute(ENDLESS).fetchall()

    def work() -> None:
        try:
            spool.run(count)
        except WarubiError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait(10)
    spool.close()
    thread.join(10)
    assert [error.title for error in errors] == ["The comparison was closed"]
