"""Moments of branches: exact, shared, read-only, and gone when nobody has used them for a while."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.engine.lab import DATABASE, OWNER, Lab, servers_below, wait_until
from warubi_tui.engine.clock import to_datetime
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.readonly import ReadOnlyServer
from warubi_tui.engine.store import BranchRow
from warubi_tui.engine.timetravel import TimeTravel
from warubi_tui.engine.wal import segment_name
from warubi_tui.lsn import Lsn

LETTERS = ["a", "b", "c", "d", "e", "f"]
LONG = 600.0


@contextmanager
def travelling(lab: Lab, *, keep_seconds: float = LONG, most: int = 8) -> Iterator[TimeTravel]:
    """Time travel of the test's own on the lab's engine."""
    travel = TimeTravel(lab.engine, keep_seconds=keep_seconds, most=most)
    travel.start()
    try:
        yield travel
    finally:
        travel.close()
    assert probes(lab) == {}


def probes(lab: Lab) -> dict[str, int]:
    """The servers of the past that run: place → pid."""
    root = lab.engine.site.root
    places = {folder.name for folder in (root / "probe").iterdir()}
    return {place: pid for place, pid in servers_below(root).items() if place in places}


def is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(scope="module")
def times(lab: Lab) -> dict[str, datetime]:
    """When each letter was written into the log of the default branch."""
    return dict(zip(LETTERS, lab.write(lab.main, *LETTERS), strict=True))


def connect(server: ReadOnlyServer) -> psycopg.Connection:
    return psycopg.connect(
        host=str(server.socket), port=server.port, user=OWNER, dbname=DATABASE, autocommit=True
    )


def letters(server: ReadOnlyServer) -> str:
    with connect(server) as session:
        return "".join(sorted(row[0] for row in session.execute("SELECT note FROM log")))


def look(travel: TimeTravel, branch: BranchRow, at: datetime) -> tuple[str, Path]:
    """What one sees at that time, and where."""
    with travel.open(branch.id, at=at, lsn=None) as server:
        return letters(server), server.socket


def test_a_moment_by_time_and_by_lsn(lab: Lab, times: dict[str, datetime]) -> None:
    with travelling(lab) as travel:
        with travel.open(lab.main.id, at=times["c"], lsn=None) as server:
            assert letters(server) == "abc"
            lsn = server.lsn
        assert look(travel, lab.main, times["c"] - timedelta(microseconds=1))[0] == "ab"
        with travel.open(lab.main.id, at=None, lsn=Lsn(lsn)) as server:
            assert letters(server) == "abc"
        with travel.open(lab.main.id, at=None, lsn=Lsn(lsn - 1)) as server:
            assert letters(server) == "ab"
        with travel.open(lab.main.id, at=None, lsn=None) as server:
            assert letters(server) == "abcdef"


def test_nobody_writes_to_the_past(lab: Lab, times: dict[str, datetime]) -> None:
    with (
        travelling(lab) as travel,
        travel.open(lab.main.id, at=times["c"], lsn=None) as server,
        connect(server) as session,
    ):
        for statement in ("INSERT INTO log VALUES ('x')", "CREATE TABLE x ()", "SELECT txid_current()"):
            with pytest.raises(psycopg.Error, match=r"read-only|during recovery"):
                session.execute(statement)
        with pytest.raises(psycopg.Error, match="cannot set transaction read-write mode during recovery"):
            session.execute("SET transaction_read_only = off")


def test_outside_the_window_there_is_nothing_to_see(lab: Lab, times: dict[str, datetime]) -> None:
    window = lab.engine.window(lab.main.id)
    both_ends = f"{Lsn(window.start_lsn)}.* to .*Z \\(LSN "
    wishes: list[tuple[datetime | None, Lsn | None]] = [
        (times["a"] - timedelta(days=1), None),
        (datetime.now(UTC) + timedelta(hours=1), None),
        (None, Lsn(window.start_lsn - 1)),
        (None, Lsn(window.end_lsn + (1 << 30))),
    ]
    with travelling(lab) as travel:
        for at, lsn in wishes:
            with (
                pytest.raises(ApiError, match=both_ends) as refusal,
                travel.open(lab.main.id, at=at, lsn=lsn),
            ):
                pass
            assert refusal.value.status == 422
        with pytest.raises(ApiError) as refusal, travel.open("br-none", at=None, lsn=None):
            pass
        assert refusal.value.status == 404
        assert probes(lab) == {}


def test_the_oldest_moment_is_the_first_base(lab: Lab, times: dict[str, datetime]) -> None:
    window = lab.engine.window(lab.main.id)
    assert times["a"] > to_datetime(window.start)
    with travelling(lab) as travel:
        for at, lsn in ((to_datetime(window.start), None), (None, Lsn(window.start_lsn))):
            with travel.open(lab.main.id, at=at, lsn=lsn) as server, connect(server) as session:
                assert session.execute("SELECT to_regclass('log')").fetchone() == (None,)
        assert look(travel, lab.main, times["a"])[0] == "a"


def test_the_past_of_a_parent_and_of_a_replaced_state(lab: Lab, times: dict[str, datetime]) -> None:
    child = lab.create(lab.main, at=times["d"])
    (own,) = lab.write(child, "z")
    grandchild = lab.create(child)
    with travelling(lab) as travel:
        assert look(travel, child, own)[0] == "abcdz"
        assert look(travel, grandchild, own)[0] == "abcdz"
        assert look(travel, grandchild, times["b"])[0] == "ab"
        child = lab.restore(child, lab.main, at=times["e"], keep="as it was")
        assert look(travel, child, times["c"])[0] == "abc"
        with travel.open(child.id, at=None, lsn=None) as server:
            assert letters(server) == "abcde"


def test_all_who_want_a_moment_share_one_server(lab: Lab, times: dict[str, datetime]) -> None:
    together = threading.Barrier(6)

    def visit(_: int) -> tuple[str, Path, int]:
        together.wait()
        with travel.open(lab.main.id, at=times["b"], lsn=None) as server:
            together.wait()
            return letters(server), server.socket, len(probes(lab))

    with travelling(lab) as travel, ThreadPoolExecutor(6) as threads:
        seen = list(threads.map(visit, range(6)))
        assert {(text, servers) for text, _, servers in seen} == {("ab", 1)}
        assert len({socket for _, socket, _ in seen}) == 1


def test_later_moments_are_reached_by_steps_and_never_under_anybodys_feet(
    lab: Lab, times: dict[str, datetime]
) -> None:
    with travelling(lab) as travel:
        first, place = look(travel, lab.main, times["a"])
        assert look(travel, lab.main, times["c"]) == ("abc", place)
        with travel.open(lab.main.id, at=times["d"], lsn=None) as server:
            assert (letters(server), server.socket) == ("abcd", place)
            assert look(travel, lab.main, times["e"])[1] != place
            assert letters(server) == "abcd"
        assert look(travel, lab.main, times["b"])[0] == "ab"
        assert first == "a"


def test_a_server_goes_soon_after_its_last_use_and_not_before(lab: Lab, times: dict[str, datetime]) -> None:
    with travelling(lab, keep_seconds=0.3) as travel:
        with travel.open(lab.main.id, at=times["c"], lsn=None) as used:
            look(travel, lab.main, times["d"])
            (pid,) = [pid for place, pid in probes(lab).items() if place.startswith(used.socket.name)]
            wait_until(lambda: list(probes(lab).values()) == [pid], "the unused server ends")
            assert letters(used) == "abc"
            left_at = time.monotonic()
        wait_until(lambda: probes(lab) == {}, "the last server ends")
        assert time.monotonic() - left_at >= 0.3
        wait_until(lambda: list((lab.engine.site.root / "probe").iterdir()) == [], "its files go")


def test_only_so_many_moments_at_a_time(lab: Lab, times: dict[str, datetime]) -> None:
    with travelling(lab, most=2) as travel, ExitStack() as stack:
        stack.enter_context(travel.open(lab.main.id, at=times["c"], lsn=None))
        with travel.open(lab.main.id, at=times["b"], lsn=None):
            with pytest.raises(ApiError) as refusal, travel.open(lab.main.id, at=times["a"], lsn=None):
                pass
            assert refusal.value.status == 503
        assert look(travel, lab.main, times["a"])[0] == "a"
        assert look(travel, lab.main, times["c"])[0] == "abc"
        assert len(probes(lab)) == 2


def test_a_server_that_was_killed_is_replaced(lab: Lab, times: dict[str, datetime]) -> None:
    with travelling(lab) as travel:
        look(travel, lab.main, times["c"])
        (pid,) = probes(lab).values()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_dead(pid), "it is dead")
        assert look(travel, lab.main, times["c"])[0] == "abc"
        assert pid not in probes(lab).values()


def test_history_that_cannot_be_read_is_no_past(lab: Lab, times: dict[str, datetime]) -> None:
    """The base is there, and the log behind it is not: whoever wants to look is told, and nothing stays."""
    branch = lab.create(lab.main)
    lab.write(branch, "y")
    target = lab.engine.resolve(branch.id, at=None, lsn=None)
    name = segment_name(target.spans[0].timeline.tli, target.lsn)
    copies = [copy for folder in target.spans[0].sources(lab.engine.site) for copy in folder.glob(name)]
    for copy in copies:
        copy.rename(copy.with_name("aside"))
    with travelling(lab) as travel:
        with pytest.raises(ApiError) as refusal, travel.open(branch.id, at=None, lsn=None):
            pass
        assert refusal.value.status == 500
        assert probes(lab) == {}
        for copy in copies:
            copy.with_name("aside").rename(copy)
        with travel.open(branch.id, at=None, lsn=None) as server:
            assert letters(server) == "abcdefy"


def test_a_moment_outlives_its_branch(lab: Lab, times: dict[str, datetime]) -> None:
    branch = lab.create(lab.main)
    lab.write(branch, "x")
    with travelling(lab) as travel, travel.open(branch.id, at=None, lsn=None) as server:
        lab.delete(branch)
        assert letters(server) == "abcdefx"


def test_whoever_looks_waits_for_who_changes_the_branch(lab: Lab, times: dict[str, datetime]) -> None:
    with travelling(lab) as travel, ThreadPoolExecutor(1) as threads:
        with lab.engine.jobs.claim(exclusive=[lab.main.id]):
            waiting = threads.submit(look, travel, lab.main, times["b"])
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
        assert waiting.result(60)[0] == "ab"
