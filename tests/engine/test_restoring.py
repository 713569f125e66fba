"""Restores in place: the branch stays what it is to everybody else, and nothing of the old state is lost."""

from urllib.parse import urlsplit

import psycopg
import pytest

from tests.engine.lab import OWNER, Lab, assert_rows_match_files, servers_below
from warubi_tui.engine import clock
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import BranchRow


def _connected(lab: Lab, branch: BranchRow, uri: str | None = None) -> list[str]:
    """The notes, read by a client that knows nothing but the connection string."""
    with psycopg.connect(uri or lab.uri(branch)) as client:
        return sorted(row[0] for row in client.execute("SELECT note FROM log"))


def _writable_log(lab: Lab, branch: BranchRow) -> None:
    with lab.session(branch) as session:
        session.execute("CREATE TABLE IF NOT EXISTS log (note text)")
        session.execute("TRUNCATE log")
        session.execute(f"GRANT ALL ON log TO {OWNER}")


@pytest.fixture
def victim(lab: Lab) -> BranchRow:
    """A branch with a compute and a table `log` that its owner may write to."""
    branch = lab.create(lab.main, compute=True)
    _writable_log(lab, branch)
    return branch


def test_a_root_restored_to_its_own_past(lab: Lab) -> None:
    main = lab.main
    _writable_log(lab, main)
    uri, before = lab.uri(main), lab.engine.endpoints(main.id)
    child = lab.create(main, name="child of main")
    good = lab.write(main, "good", "bad")[0]
    with psycopg.connect(uri, autocommit=True) as client:
        _, operations = lab.engine.restore_branch(
            main.id, source_id=main.id, at=good, lsn=None, preserve_under_name="main before"
        )
        client.execute("INSERT INTO log VALUES ('written while the restore ran')")
        lab.finish(operations)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    restored = lab.engine.branch(main.id)
    kept = lab.named("main before")
    assert (restored.name, restored.is_default, restored.state) == ("main", 1, "ready")
    assert [(row.id, row.port) for row in lab.engine.endpoints(main.id)] == [(before[0].id, before[0].port)]
    assert _connected(lab, restored, uri) == ["good"]
    assert lab.uri(restored) == uri
    assert restored.last_reset_at is not None
    assert lab.read(kept) == ["bad", "good", "written while the restore ran"]
    assert (restored.parent, restored.parent_lsn, restored.parent_timestamp) == (None, None, None)
    assert (kept.parent, kept.is_default, kept.protected) == (None, 0, 0)
    assert lab.engine.endpoints(kept.id) == []
    assert lab.engine.branch(child.id).parent == kept.id
    assert {row.name for row in lab.engine.roles(kept.id)} == {OWNER}
    assert_rows_match_files(lab)


def test_a_child_restored_to_its_own_past_hangs_from_what_was_kept(lab: Lab, victim: BranchRow) -> None:
    good = lab.write(victim, "good", "bad")[0]
    restored = lab.restore(victim, victim, at=good, keep="child before")
    kept = lab.named("child before")
    assert _connected(lab, restored) == ["good"]
    assert (kept.parent, kept.parent_lsn) == (victim.parent, victim.parent_lsn)
    assert restored.parent == kept.id
    assert restored.parent_timestamp == clock.to_microseconds(good)
    assert restored.parent_lsn == lab.engine.moment(kept.id, at=good, lsn=None).lsn


def test_a_reset_from_the_parent_and_its_undo(lab: Lab, victim: BranchRow) -> None:
    child = lab.create(victim, name="reset me", compute=True)
    uri = lab.uri(child)
    lab.write(child, "child's")
    lab.write(victim, "parent's")
    reset = lab.restore(child, victim)
    (deleted,) = [row for row in lab.engine.deleted_branches() if row.name.startswith("reset me_old_")]
    kept, no_endpoints = lab.engine.recover_branch(deleted.id)
    assert no_endpoints == []
    assert _connected(lab, reset, uri) == ["parent's"]
    assert (reset.parent, kept.parent) == (victim.id, victim.id)
    undone = lab.restore(reset, kept, keep="reset undone")
    assert _connected(lab, undone, uri) == ["child's"]
    assert undone.parent == kept.id
    assert lab.read(lab.named("reset undone")) == ["parent's"]


def test_two_restores_in_a_row_keep_both_states(lab: Lab, victim: BranchRow) -> None:
    times = lab.write(victim, "one", "two", "three")
    kept_names = set()
    for at, notes in ((times[1], ["one", "two"]), (times[0], ["one"])):
        before = {row.name for row in lab.engine.branches()}
        assert lab.read(lab.restore(victim, victim, at=at)) == notes
        kept_names |= {row.name for row in lab.engine.branches()} - before
    assert [lab.read(lab.named(name)) for name in sorted(kept_names)] == [
        ["one", "three", "two"],
        ["one", "two"],
    ]


def test_before_the_fork_history_goes_on_in_the_ancestor(lab: Lab, victim: BranchRow) -> None:
    ancestors = lab.write(victim, "ancestor 1", "ancestor 2")
    child = lab.create(victim, compute=True)
    lab.write(victim, "ancestor, after the fork")
    lab.write(child, "child")
    assert lab.read(lab.restore(child, child, at=ancestors[0], keep="first child")) == ["ancestor 1"]
    later = lab.engine.branch(child.id)
    lab.write(later, "second life")
    kept = lab.named("first child")
    assert lab.read(kept) == ["ancestor 1", "ancestor 2", "child"]
    assert lab.read(lab.create(kept, at=ancestors[1])) == ["ancestor 1", "ancestor 2"]
    assert lab.read(lab.create(later, at=ancestors[0])) == ["ancestor 1"]
    assert lab.read(lab.create(later)) == ["ancestor 1", "second life"]


def test_a_connection_string_outlives_a_restore_to_before_its_password(lab: Lab, victim: BranchRow) -> None:
    """Roles keep today's passwords: those of then would lock everybody out."""
    lab.finish(lab.engine.create_role(victim.id, "reader")[1])
    then = lab.write(victim, "then")[0]
    _, operations = lab.engine.reset_password(victim.id, OWNER)
    lab.finish(operations)
    lab.finish(lab.engine.create_role(victim.id, "made later")[1])
    uri = lab.uri(victim)
    restored = lab.restore(victim, victim, at=then)
    assert _connected(lab, restored, uri) == ["then"]
    copy = lab.create(restored, compute=True)
    assert _connected(lab, copy) == ["then"]
    assert urlsplit(lab.uri(copy)).password == urlsplit(uri).password
    assert {row.name for row in lab.engine.roles(victim.id)} == {OWNER, "reader"}
    with pytest.raises(ApiError) as gone:
        lab.engine.connection_uri(branch_id=victim.id, endpoint_id=None, database="neondb", role="made later")
    assert gone.value.status == 404


def test_a_suspended_branch_is_restored_and_stays_suspended(lab: Lab, victim: BranchRow) -> None:
    then = lab.write(victim, "then", "now")[0]
    lab.suspend(victim)
    lab.restore(victim, victim, at=then)
    assert lab.engine.endpoint_state(lab.endpoint(victim)) == "idle"
    uri = lab.uri(victim)
    lab.finish(lab.engine.start_endpoint(lab.endpoint(victim).id)[1])
    assert _connected(lab, victim, uri) == ["then"]


def test_a_failed_swap_leaves_the_branch_running_as_it_was(
    lab: Lab, victim: BranchRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = lab.write(victim, "one", "two")
    uri, before, running = lab.uri(victim), lab.rows(), servers_below(lab.engine.site.root)

    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(lab.engine, "_record_swap", disk_full)
        _, operations = lab.engine.restore_branch(
            victim.id, source_id=victim.id, at=times[0], lsn=None, preserve_under_name="never"
        )
        ended = lab.end(operations)
    assert [row.status for row in ended] == ["finished", "failed", "cancelled"]
    assert "No space left on device" in str(ended[1].error)
    assert _connected(lab, victim, uri) == ["one", "two"]
    assert lab.rows()[1:] == before[1:]
    assert servers_below(lab.engine.site.root).keys() == running.keys()
    assert_rows_match_files(lab)
    assert lab.read(lab.restore(victim, victim, at=times[0], keep="this time")) == ["one"]
