"""Options of a connection that ask for the past, and what a swap does to the present."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest

from tests.engine.lab import Lab
from warubi_tui import timefmt
from warubi_tui.engine.store import BranchRow
from warubi_tui.lsn import Lsn


@pytest.fixture(scope="module")
def story(lab: Lab) -> tuple[BranchRow, list[datetime]]:
    """A branch with the notes `one` and `two`, and when they were written."""
    branch = lab.create(lab.main, compute=True)
    return branch, lab.write(branch, "one", "two")


def notes(lab: Lab, branch: BranchRow, options: str) -> list[str]:
    with psycopg.connect(lab.uri(branch), options=options) as client:
        return sorted(row[0] for row in client.execute("SELECT note FROM log"))


def test_a_timestamp_shows_the_state_then(lab: Lab, story: tuple[BranchRow, list[datetime]]) -> None:
    branch, (one, two) = story
    assert notes(lab, branch, f"neon_timestamp:{timefmt.rfc3339(one)}") == ["one"]
    assert notes(lab, branch, f"neon_timestamp:{timefmt.rfc3339(two)}") == ["one", "two"]
    assert notes(lab, branch, "") == ["one", "two"]


def test_an_lsn_shows_the_state_there_and_other_options_pass(
    lab: Lab, story: tuple[BranchRow, list[datetime]]
) -> None:
    branch, (one, _) = story
    lsn = Lsn(lab.engine.moment(branch.id, at=one, lsn=None).lsn)
    options = f"-c statement_timeout=4321 neon_lsn:{lsn}"
    with psycopg.connect(lab.uri(branch), options=options) as client:
        assert client.execute("SHOW statement_timeout").fetchone() == ("4321ms",)
        assert client.execute("SELECT note FROM log").fetchall() == [("one",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            client.execute("DELETE FROM log")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("neon_timestamp:1999-01-01T00:00:00Z", "history window"),
        ("neon_timestamp:yesterday", "neon_timestamp: a time like"),
        ("neon_lsn:FF/0", "."),
        ("neon_lsn:0/1 neon_timestamp:2026-11-22T14:00:00Z", "exclude each other"),
    ],
)
def test_no_such_past_is_said_in_a_sentence(
    lab: Lab, story: tuple[BranchRow, list[datetime]], options: str, sentence: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match=f"FATAL:.*{sentence}"):
        psycopg.connect(lab.uri(story[0]), options=options)


def test_the_past_is_shown_to_who_knows_the_password_only(
    lab: Lab, story: tuple[BranchRow, list[datetime]]
) -> None:
    branch, (one, _) = story
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(lab.uri(branch), password="wrong", options=f"neon_timestamp:{timefmt.rfc3339(one)}")


UNREAD = "consuming input failed: SSL connection has been closed unexpectedly"
"""What psycopg says, over any connection, when the end comes right behind the server's last message."""


class Insistent:
    """A client that asks without end, and connects again whenever it is cut off."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.cut_off: list[str] = []
        self.failures: list[Exception] = []
        self.answers = 0
        self._thread.start()

    def _run(self) -> None:
        while not self._done.is_set() and not self.failures:
            try:
                client = psycopg.connect(self._uri, autocommit=True)
            except psycopg.Error as error:
                self.failures.append(error)
                return
            with client:
                try:
                    while not self._done.is_set():
                        client.execute("SELECT 1")
                        self.answers += 1
                except psycopg.Error as error:
                    self.cut_off.append(error.sqlstate or str(error).strip())

    def stop(self) -> None:
        self._done.set()
        self._thread.join()


@pytest.fixture
def insistent(lab: Lab, story: tuple[BranchRow, list[datetime]]) -> Iterator[list[Insistent]]:
    clients = [Insistent(lab.uri(story[0])) for _ in range(4)]
    yield clients
    for client in clients:
        client.stop()


def test_a_swap_ends_sessions_cleanly_and_nobody_is_turned_away(
    lab: Lab, story: tuple[BranchRow, list[datetime]], insistent: list[Insistent]
) -> None:
    branch, (one, _) = story
    with psycopg.connect(lab.uri(branch)) as idle:
        idle.execute("SELECT 1")
        for name, moment in (("first", one), ("second", one + timedelta(microseconds=1))):
            answers = [client.answers for client in insistent]
            branch = lab.restore(branch, branch, at=moment, keep=name)
            for client, before in zip(insistent, answers, strict=True):
                assert client.answers > before
        with pytest.raises(psycopg.errors.AdminShutdown):
            idle.execute("SELECT 1")
    assert notes(lab, branch, "") == ["one"]
    for client in insistent:
        client.stop()
        assert client.failures == []
        assert len(client.cut_off) == 2
        assert set(client.cut_off) <= {"57P01", UNREAD}
