"""Computes come up for clients and go when nobody uses them; ports stay."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import psycopg
import pytest

from tests.engine.lab import Lab, wait_until
from warubi_tui.engine.catalog import Inventory
from warubi_tui.engine.reception import Reception
from warubi_tui.engine.store import BranchRow


@pytest.fixture(scope="module")
def branch(lab: Lab) -> BranchRow:
    return lab.create(lab.main, compute=True)


def state(lab: Lab, branch: BranchRow) -> str:
    return lab.engine.endpoint_state(lab.endpoint(branch))


def answer(uri: str) -> object:
    with psycopg.connect(uri) as client:
        return client.execute("SELECT 42").fetchone()


def starts(lab: Lab, branch: BranchRow) -> int:
    return sum(row.action == "start_compute" and row.branch == branch.id for row in lab.engine.operations())


def test_many_clients_at_once_wake_a_compute_once(lab: Lab, branch: BranchRow) -> None:
    lab.suspend(branch)
    before, uri = starts(lab, branch), lab.uri(branch)
    with ThreadPoolExecutor(20) as clients:
        assert list(clients.map(answer, [uri] * 20)) == [(42,)] * 20
    assert starts(lab, branch) == before + 1
    assert (state(lab, branch), lab.endpoint(branch).wanted) == ("active", 1)


def test_a_compute_wakes_while_its_branch_is_read(lab: Lab, branch: BranchRow) -> None:
    lab.suspend(branch)
    with lab.engine.jobs.claim(shared=[branch.id]):
        assert answer(lab.uri(branch)) == (42,)


def test_clients_wait_for_who_changes_the_branch(lab: Lab, branch: BranchRow) -> None:
    lab.suspend(branch)
    with ThreadPoolExecutor(1) as client:
        with lab.engine.jobs.claim(exclusive=[branch.id]):
            waiting = client.submit(answer, lab.uri(branch))
            wait_until(
                lambda: lab.engine.edge.usage.last_seen(lab.endpoint(branch).id) is not None, "it is there"
            )
            assert state(lab, branch) == "idle"
            assert not waiting.done()
        assert waiting.result() == (42,)


def test_nobody_gets_in_while_a_branch_is_made(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs then has no fsync, and ends before the branch is there."""
    settle, bring_up = lab.engine.catalog.settle, Reception.bring_up
    waited: list[str] = []
    answers: list[Future[object]] = []

    def count(self: Reception, endpoint_id: str) -> None:
        waited.append(endpoint_id)
        bring_up(self, endpoint_id)

    def knock(timeline: str, passwords: Mapping[str, str]) -> Inventory:
        (made,) = [row for row in lab.engine.branches() if row.timeline == timeline]
        answers.append(client.submit(fsync, lab.uri(made)))
        wait_until(lambda: len(waited) > 2 or answers[0].done(), "the client is let in or waits")
        return settle(timeline, passwords)

    monkeypatch.setattr(Reception, "bring_up", count)
    monkeypatch.setattr(lab.engine.catalog, "settle", knock)
    with ThreadPoolExecutor(1) as client:
        lab.create(lab.main, compute=True)
        assert answers[0].result() == ("on",)


def fsync(uri: str) -> object:
    with psycopg.connect(uri) as client:
        return client.execute("SHOW fsync").fetchone()


def test_a_killed_server_comes_back_for_the_next_client(lab: Lab, branch: BranchRow) -> None:
    assert answer(lab.uri(branch)) == (42,)
    pid = lab.engine.servers.pid(branch.timeline)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], 10)
    assert answer(lab.uri(branch)) == (42,)


def test_a_compute_that_cannot_start_says_why(lab: Lab) -> None:
    broken = lab.create(lab.main, compute=True)
    lab.suspend(broken)
    settings = lab.engine.site.data(broken.timeline) / "postgresql.auto.conf"
    settings.write_text("nonsense = 'yes'\n")
    with pytest.raises(psycopg.OperationalError, match=r"the compute does not start: .* contains errors"):
        psycopg.connect(lab.uri(broken))
    lab.delete(broken)


def test_a_disabled_compute_refuses(lab: Lab) -> None:
    other = lab.create(lab.main, compute=True)
    lab.finish(lab.engine.change_endpoint(lab.endpoint(other).id, {"disabled": 1})[1])
    with pytest.raises(psycopg.OperationalError, match="is disabled"):
        psycopg.connect(lab.uri(other))
    assert state(lab, other) == "idle"
    lab.delete(other)


def test_a_deleted_branch_cannot_be_connected_to(lab: Lab) -> None:
    other = lab.create(lab.main, compute=True)
    uri = lab.uri(other)
    lab.delete(other)
    with pytest.raises(psycopg.OperationalError, match=r"not found|refused"):
        psycopg.connect(uri)


@contextmanager
def timeout_of(lab: Lab, branch: BranchRow, seconds: int) -> Iterator[None]:
    endpoint = lab.endpoint(branch).id
    lab.engine.change_endpoint(endpoint, {"suspend_timeout_seconds": seconds})
    yield
    lab.engine.change_endpoint(endpoint, {"suspend_timeout_seconds": 0})


def is_suspended(lab: Lab, branch: BranchRow) -> Callable[[], bool]:
    def check() -> bool:
        lab.engine.suspend_unused(0)
        return lab.endpoint(branch).wanted == 0

    return check


def test_an_unused_compute_is_suspended_and_one_in_use_is_not(lab: Lab, branch: BranchRow) -> None:
    with timeout_of(lab, branch, 1):
        with psycopg.connect(lab.uri(branch)) as client:
            wait_until(lambda: seconds_since_start(lab, branch) > 2, "the time-out is over")
            lab.engine.suspend_unused(0)
            assert client.execute("SELECT 1").fetchone() == (1,)
        wait_until(is_suspended(lab, branch), "it is suspended")
        assert state(lab, branch) == "idle"
        assert lab.endpoint(branch).last_active is not None
    assert answer(lab.uri(branch)) == (42,)


def seconds_since_start(lab: Lab, branch: BranchRow) -> float:
    with lab.engine.servers.session(branch.timeline) as session:
        row = session.execute("SELECT extract(epoch FROM now() - pg_postmaster_start_time())").fetchone()
    assert row is not None
    return float(row[0])


def test_a_session_past_the_edge_counts_and_the_engines_own_does_not(lab: Lab, branch: BranchRow) -> None:
    socket_file = lab.engine.servers.socket(branch.timeline)
    with timeout_of(lab, branch, 1):
        with psycopg.connect(host=str(socket_file.parent), user="neondb_owner", dbname="neondb"):
            wait_until(lambda: seconds_since_start(lab, branch) > 2, "the time-out is over")
            lab.engine.suspend_unused(0)
            assert state(lab, branch) == "active"
        with lab.engine.servers.session(branch.timeline):
            wait_until(is_suspended(lab, branch), "it is suspended")
    assert answer(lab.uri(branch)) == (42,)


def test_never_is_never_and_the_default_is_five_minutes(lab: Lab, branch: BranchRow) -> None:
    assert answer(lab.uri(branch)) == (42,)
    lab.engine.suspend_unused(0)
    with timeout_of(lab, branch, -1):
        lab.engine.suspend_unused(0)
    assert state(lab, branch) == "active"
