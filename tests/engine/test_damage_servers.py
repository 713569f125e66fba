"""Servers that are killed, stopped or taken for somebody else's: no row is lost, no operation hangs."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psutil
import psycopg
import pytest

from tests.engine.lab import DATABASE, Lab, assert_rows_match_files, wait_until
from tests.engine.test_branching import refused
from warubi_tui.engine import servers
from warubi_tui.engine.building import Build
from warubi_tui.engine.store import BranchRow

_SPIN: Final = "CREATE FUNCTION spin() RETURNS void LANGUAGE plpgsql AS 'BEGIN LOOP END LOOP; END'"


@pytest.fixture(scope="module", autouse=True)
def no_sweeping() -> Iterator[None]:
    """What the engine does by itself meanwhile would meet the damage too, and only say so in its log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warubi_tui.engine.engine._SWEEP_SECONDS", 3600)
        yield


@pytest.fixture(scope="module")
def branch(lab: Lab) -> BranchRow:
    branch = lab.create(lab.main, name="victim", compute=True)
    lab.write(branch, "first")
    return branch


def _postmaster(lab: Lab, branch: BranchRow) -> psutil.Process:
    pid = lab.engine.servers.pid(branch.timeline)
    assert pid is not None
    return psutil.Process(pid)


def _start(lab: Lab, branch: BranchRow) -> None:
    lab.finish(lab.engine.start_endpoint(lab.endpoint(branch).id)[1])


@contextmanager
def _busy(lab: Lab, branch: BranchRow) -> Iterator[tuple[int, list[str]]]:
    """A client that writes until it cannot: its backend, and the notes that were acknowledged."""
    acknowledged: list[str] = []
    backend: list[int] = []

    def work() -> None:
        try:
            with lab.engine.servers.session(branch.timeline, DATABASE) as session:
                backend.append(session.info.backend_pid)
                for number in range(1_000_000):
                    note = f"{session.info.backend_pid} {number}"
                    session.execute("INSERT INTO log VALUES (%s)", (note,))
                    acknowledged.append(note)
        except psycopg.OperationalError:
            return

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: len(acknowledged) > 10, "the client writes")
    yield backend[0], acknowledged
    thread.join()


def test_a_killed_postmaster_with_a_busy_backend_starts_at_once(lab: Lab, branch: BranchRow) -> None:
    """T13: the orphaned backend holds the shared memory, and does not notice while it computes."""
    with lab.engine.servers.session(branch.timeline, DATABASE) as session:
        session.execute(_SPIN)
        spinner = session.info.backend_pid
        spinning = threading.Thread(target=_expect_loss, args=(session, "SELECT spin()"))
        with _busy(lab, branch) as (_, acknowledged):
            spinning.start()
            wait_until(lambda: _is_active(lab, branch, spinner), "a backend computes")
            _postmaster(lab, branch).kill()
            _start(lab, branch)
        spinning.join()
    assert {"first", *acknowledged} <= set(lab.read(branch))
    assert not psutil.pid_exists(spinner)


def _expect_loss(session: psycopg.Connection, query: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        session.execute(query)


def _is_active(lab: Lab, branch: BranchRow, backend: int) -> bool:
    with lab.engine.servers.session(branch.timeline) as session:
        found = session.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", (backend,)).fetchone()
    return found == ("active",)


def test_a_killed_backend_takes_no_acknowledged_row_with_it(lab: Lab, branch: BranchRow) -> None:
    server = _postmaster(lab, branch)
    with _busy(lab, branch) as (backend, acknowledged):
        os.kill(backend, signal.SIGKILL)
    wait_until(lambda: _answers(lab, branch), "PostgreSQL recovers by itself")
    assert _postmaster(lab, branch) == server
    assert set(acknowledged) <= set(lab.read(branch))
    copy = lab.create(branch)
    assert lab.read(copy) == lab.read(branch)
    lab.delete(copy)


def _answers(lab: Lab, branch: BranchRow) -> bool:
    try:
        with lab.engine.servers.session(branch.timeline):
            return True
    except psycopg.OperationalError:
        return False


@contextmanager
def _frozen(server: psutil.Process) -> Iterator[None]:
    """SIGSTOP for a server and all its children in the block."""
    family = [server, *server.children()]
    for process in family:
        process.suspend()
    try:
        yield
    finally:
        for process in family:
            if process.is_running():
                process.resume()


def test_a_frozen_server_fails_the_restore_and_stays(
    lab: Lab, branch: BranchRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is frozen while the new timeline is built; the swap waits for its end, and not forever."""
    monkeypatch.setattr(servers, "STOP_LIMIT_SECONDS", 0.5)
    monkeypatch.setattr(servers, "CONNECT_LIMIT_SECONDS", 2)
    materialize = lab.engine.materialize
    built, go_on = threading.Event(), threading.Event()

    def held(build: Build) -> None:
        materialize(build)
        built.set()
        assert go_on.wait(60)

    monkeypatch.setattr(lab.engine, "materialize", held)
    before = lab.read(branch)
    timelines = lab.rows()[1]
    server = _postmaster(lab, branch)
    _, operations = lab.engine.restore_branch(
        branch.id, source_id=lab.main.id, at=None, lsn=None, preserve_under_name="never"
    )
    assert built.wait(60)
    with _frozen(server):
        go_on.set()
        made, swapped, started = lab.end(operations)
    assert [made.status, swapped.status, started.status] == ["finished", "failed", "cancelled"]
    assert "does not stop" in str(swapped.error)
    assert lab.rows()[1] == timelines
    assert lab.engine.branch(branch.id).state == "ready"
    assert "never" not in {row.name for row in lab.engine.branches()}
    assert_rows_match_files(lab)
    with psycopg.connect(lab.uri(branch)) as client:
        assert sorted(row[0] for row in client.execute("SELECT note FROM log")) == before


def test_a_frozen_parent_is_said_not_to_answer(
    lab: Lab, branch: BranchRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it can be connected to first, as where one process alone is frozen, or not."""
    monkeypatch.setattr(servers, "CONNECT_LIMIT_SECONDS", 2)
    monkeypatch.setattr(servers, "ANSWER_LIMIT_SECONDS", 0.5)
    before = lab.rows()
    server = _postmaster(lab, branch)
    with _frozen(server), refused(503, "does not answer"):
        lab.create(branch)
    open_session = lab.engine.servers.session

    @contextmanager
    def freezing(timeline: str, database: str = "postgres") -> Iterator[psycopg.Connection]:
        with open_session(timeline, database) as session, _frozen(server):
            yield session

    monkeypatch.setattr(lab.engine.servers, "session", freezing)
    with refused(503, "does not answer"):
        lab.create(branch)
    assert lab.rows() == before
    assert_rows_match_files(lab)


@pytest.fixture
def stranger(lab: Lab) -> Iterator[subprocess.Popen[bytes]]:
    """A live process of PostgreSQL's user that is no server."""
    with subprocess.Popen(
        ["sleep", "600"], cwd="/", stdin=subprocess.DEVNULL, **lab.engine.site.account.identity()
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("whose", ["a stranger's", "another server's"])
def test_a_stale_pid_file_with_a_living_process_is_seen_through(
    lab: Lab, branch: BranchRow, stranger: subprocess.Popen[bytes], whose: str
) -> None:
    """T16: after a crash the numbers in lock files may be other processes'. These are left alone."""
    other = lab.engine.servers.pid(lab.main.timeline)
    assert other is not None
    pid = stranger.pid if whose == "a stranger's" else other
    site, timeline = lab.engine.site, branch.timeline
    before = lab.read(branch)
    server = _postmaster(lab, branch)
    lines = (site.data(timeline) / "postmaster.pid").read_text().split("\n")
    socket_lock = site.socket(timeline) / f".s.PGSQL.{lines[3]}.lock"
    lock_lines = socket_lock.read_text().split("\n")
    for process in (server, *server.children()):
        process.kill()
    wait_until(lambda: lab.engine.servers.pid(timeline) is None, "the server is gone")
    for path, content in ((site.data(timeline) / "postmaster.pid", lines), (socket_lock, lock_lines)):
        path.write_text("\n".join([str(pid), *content[1:]]))
        site.account.own(path)
    assert lab.engine.servers.pid(timeline) is None
    _start(lab, branch)
    assert lab.read(branch) == before
    assert stranger.poll() is None
    assert lab.engine.servers.pid(lab.main.timeline) == other


def _wipe_one(lab: Lab, branch: BranchRow) -> None:
    lab.engine.servers.socket(branch.timeline).unlink()


def _wipe_all(lab: Lab, _: BranchRow) -> None:
    subprocess.run(["rm", "-rf", lab.engine.site.sockets], check=True)


@pytest.mark.parametrize("wipe", [_wipe_one, _wipe_all], ids=["a socket", "the folder"])
def test_a_socket_that_a_cleaner_wiped_comes_back(
    lab: Lab, branch: BranchRow, wipe: Callable[[Lab, BranchRow], None]
) -> None:
    before = lab.read(branch)
    wipe(lab, branch)
    with psycopg.connect(lab.uri(branch)) as client:
        assert sorted(row[0] for row in client.execute("SELECT note FROM log")) == before
    copy = lab.create(branch)
    assert lab.read(copy) == before
    lab.delete(copy)
