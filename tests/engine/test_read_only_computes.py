"""Read-only computes: they show what their branch holds, follow it wherever it goes, and write nothing."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.engine.lab import DATABASE, OWNER, Lab, servers_below, wait_until
from warubi_tui.engine.computes import ComputeWish
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.servers import open_session
from warubi_tui.engine.store import BranchRow, EndpointRow


@pytest.fixture(scope="module")
def main(lab: Lab) -> BranchRow:
    lab.finish(lab.engine.start_endpoint(lab.endpoint(lab.main).id)[1])
    write(lab, lab.main, "a")
    return lab.main


def write(lab: Lab, branch: BranchRow, *notes: str) -> None:
    """Commits notes one by one on the branch's own server, which runs."""
    with open_session(lab.engine.servers.socket(branch.timeline), DATABASE) as session:
        session.execute("CREATE TABLE IF NOT EXISTS log (note text)")
        for note in notes:
            session.execute("INSERT INTO log VALUES (%s)", (note,))


def notes(lab: Lab, compute: EndpointRow) -> str:
    with open_session(lab.engine.read_only.socket(compute.id), DATABASE) as session:
        return "".join(sorted(row[0] for row in session.execute("SELECT note FROM log")))


def writer(lab: Lab, branch: BranchRow) -> EndpointRow:
    (found,) = [row for row in lab.engine.endpoints(branch.id) if row.type == "read_write"]
    return found


@contextmanager
def read_only(lab: Lab, branch: BranchRow) -> Iterator[EndpointRow]:
    """A read-only compute of a branch, as the API makes it."""
    compute, operations = lab.engine.create_endpoint(branch.id, ComputeWish(type="read_only"))
    lab.finish(operations)
    yield compute
    deleted = lab.engine.delete_endpoint(compute.id)
    if deleted is not None:
        lab.finish(deleted[1])
    assert not lab.engine.read_only.runs(compute.id)


def test_it_follows_every_commit(lab: Lab, main: BranchRow) -> None:
    with read_only(lab, main) as compute:
        assert lab.engine.endpoint_state(compute) == "active"
        before = notes(lab, compute)
        assert "a" in before
        write(lab, main, "b", "c")
        wait_until(lambda: notes(lab, compute) == "".join(sorted(before + "bc")), "it follows")
        with open_session(lab.engine.servers.socket(main.timeline)) as session:
            found = session.execute("SELECT application_name, state FROM pg_stat_replication").fetchall()
        assert found == [(compute.id, "streaming")]


def test_clients_reach_it_by_its_connection_string_and_cannot_write(lab: Lab, main: BranchRow) -> None:
    with read_only(lab, main) as compute:
        uri = lab.engine.connection_uri(branch_id=None, endpoint_id=compute.id, database=DATABASE, role=OWNER)
        with psycopg.connect(uri, autocommit=True) as session:
            assert session.execute("SELECT count(*) > 0 FROM log").fetchone() == (True,)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                session.execute("INSERT INTO log VALUES ('x')")
        with psycopg.connect(lab.uri(main), autocommit=True) as session:
            assert session.execute("SHOW transaction_read_only").fetchone() == ("off",)


def test_it_reads_on_while_its_branch_is_suspended_and_follows_it_when_that_wakes(
    lab: Lab, main: BranchRow
) -> None:
    own = writer(lab, main)
    with read_only(lab, main) as compute:
        write(lab, main, "d")
        lab.finish(lab.engine.suspend_endpoint(own.id)[1])
        assert lab.engine.endpoint_state(own) == "idle"
        wait_until(lambda: "d" in notes(lab, compute), "all is there")
        lab.finish(lab.engine.suspend_endpoint(compute.id)[1])
        assert lab.engine.endpoint_state(compute) == "idle"
        lab.finish(lab.engine.start_endpoint(compute.id)[1])
        assert "d" in notes(lab, compute)
        assert lab.engine.endpoint_state(own) == "idle"
        lab.finish(lab.engine.start_endpoint(own.id)[1])
        write(lab, main, "e")
        wait_until(lambda: "e" in notes(lab, compute), "it follows again")


def test_after_a_restore_it_shows_the_restored_state_and_follows_that(lab: Lab, main: BranchRow) -> None:
    branch = lab.create(main, compute=True)
    write(lab, branch, "y")
    before = lab.engine.window(branch.id).end_lsn
    write(lab, branch, "z")
    with read_only(lab, branch) as compute:
        assert notes(lab, compute).endswith("yz")
        branch = lab.restore(branch, branch, lsn=before, keep="with z")
        assert notes(lab, compute).endswith("y")
        write(lab, branch, "q")
        wait_until(lambda: notes(lab, compute).endswith("qy"), "it follows the new timeline")
        lab.finish(lab.engine.restart_endpoint(compute.id)[1])
        assert notes(lab, compute).endswith("qy")


def test_it_goes_with_its_branch(lab: Lab, main: BranchRow) -> None:
    branch = lab.create(main)
    with read_only(lab, branch) as compute:
        assert notes(lab, compute).startswith("a")
        lab.delete(branch)
        assert not lab.engine.read_only.runs(compute.id)
        with pytest.raises(ApiError):
            lab.engine.read_only.start(compute.id)
    lab.engine.read_only.tidy()
    assert list((lab.engine.site.root / "followers").iterdir()) == []


def test_one_that_was_killed_comes_back_for_a_client(lab: Lab, main: BranchRow) -> None:
    with read_only(lab, main) as compute:
        write(lab, main, "f")
        folder = lab.engine.read_only.socket(compute.id).parent.name
        running = servers_below(lab.engine.site.root)
        (pid,) = [pid for place, pid in running.items() if place.startswith(folder)]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not lab.engine.read_only.runs(compute.id), "it is dead")
        uri = lab.engine.connection_uri(branch_id=None, endpoint_id=compute.id, database=DATABASE, role=OWNER)
        with psycopg.connect(uri) as session:
            assert session.execute("SELECT true FROM log WHERE note = 'f'").fetchone() == (True,)


def test_two_of_one_branch(lab: Lab, main: BranchRow) -> None:
    with read_only(lab, main) as one, read_only(lab, main) as other:
        write(lab, main, "g")
        wait_until(lambda: "g" in notes(lab, one) and "g" in notes(lab, other), "both follow")
