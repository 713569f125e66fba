"""Snapshots keep a state, come back beside their branch, and take its place when that is finalized."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.engine.lab import Lab, assert_rows_match_files
from tests.engine.test_branching import Gate, refused
from warubi_tui.engine import clock, snapshots
from warubi_tui.engine.store import BranchRow, EndpointRow, SnapshotRow
from warubi_tui.lsn import Lsn

NOT_FINALIZED = "restore from snapshot on target branch is still ongoing"


def restore(
    lab: Lab, snapshot: SnapshotRow, *, name: str | None = None, target: BranchRow | None = None
) -> tuple[BranchRow, list[EndpointRow]]:
    """A finished branch for a look, and its computes."""
    branch, endpoints, operations = lab.engine.restore_snapshot(
        snapshot.id, name=name, target_id=target.id if target else None, finalize=False
    )
    lab.finish(operations)
    return lab.engine.branch(branch.id), endpoints


def remove(lab: Lab, snapshot: SnapshotRow) -> None:
    lab.finish(lab.engine.delete_snapshot(snapshot.id))


def notes_over(uri: str) -> list[str]:
    """What a client of a connection string reads."""
    with psycopg.connect(uri) as client:
        return sorted(row[0] for row in client.execute("SELECT note FROM log"))


def test_a_snapshot_holds_the_present_a_time_or_a_position(lab: Lab) -> None:
    first, second = lab.write(lab.main, "first", "second")
    head = lab.engine.take_snapshot(lab.main.id)
    lab.write(lab.main, "third")
    position = lab.engine.moment(lab.main.id, at=second, lsn=None).lsn
    by_time = lab.engine.take_snapshot(lab.main.id, name="by time", at=first)
    by_lsn = lab.engine.take_snapshot(lab.main.id, lsn=Lsn(position))
    assert (by_time.name, clock.to_datetime(by_time.timestamp)) == ("by time", first)
    assert (by_lsn.lsn, clock.to_datetime(by_lsn.timestamp)) == (position, second)
    assert head.name == f"main at {clock.to_datetime(head.timestamp):%Y-%m-%d %H:%M:%S} UTC (manual)"
    assert head.full_size == lab.main.logical_size
    assert lab.engine.snapshots() == [by_lsn, by_time, head]
    for snapshot, notes in [(head, ["first", "second"]), (by_time, ["first"]), (by_lsn, ["first", "second"])]:
        branch, _ = restore(lab, snapshot)
        assert lab.read(branch) == notes
        lab.delete(branch)
        remove(lab, snapshot)
    assert_rows_match_files(lab)


def test_for_a_look_a_snapshot_becomes_a_root_branch_beside_its_own(lab: Lab) -> None:
    lab.write(lab.main, "kept")
    snapshot = lab.engine.take_snapshot(lab.main.id)
    lab.write(lab.main, "later")
    branch, (endpoint,) = restore(lab, snapshot, name="look")
    assert (branch.name, branch.parent, branch.state) == ("look", None, "ready")
    assert (branch.restore_status, branch.restored_from) == ("restored", snapshot.id)
    assert "kept" in notes_over(lab.uri(branch))
    assert "later" not in notes_over(lab.uri(branch))
    assert lab.engine.endpoint_state(endpoint) == "active"
    with refused(422, NOT_FINALIZED):
        lab.restore(branch, lab.main)
    with refused(422, NOT_FINALIZED):
        restore(lab, snapshot, target=branch)
    with refused(409, "look"):
        restore(lab, snapshot, name="look")
    unnamed, _ = restore(lab, snapshot)
    assert unnamed.name == f"main_from_{snapshot.id}"
    lab.delete(unnamed)
    lab.delete(branch)
    remove(lab, snapshot)
    assert_rows_match_files(lab)


def test_what_cannot_be_kept_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    main = lab.main
    child = lab.create(main)
    with refused(422, "root branches only"):
        lab.engine.take_snapshot(child.id)
    with refused(422, "outside the history window"):
        lab.engine.take_snapshot(main.id, at=datetime(2001, 1, 1, tzinfo=UTC))
    with refused(422, "in the future"):
        lab.engine.take_snapshot(main.id, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with refused(404, "br-nobody"):
        lab.engine.take_snapshot("br-nobody")
    slugged = lab.engine.take_snapshot(main.id, slug="before-migration")
    with refused(409, "before-migration"):
        lab.engine.take_snapshot(main.id, slug="before-migration")
    monkeypatch.setattr(snapshots, "MOST_MANUAL", 1)
    with refused(422, "limit exceeded", "may have 1"):
        lab.engine.take_snapshot(main.id)
    for absent in (
        lambda: lab.engine.snapshot("snap-none"),
        lambda: lab.engine.delete_snapshot("snap-none"),
        lambda: lab.engine.change_snapshot("snap-none", {"name": "x"}),
        lambda: lab.engine.restore_snapshot("snap-none", name=None, target_id=None, finalize=False),
    ):
        with refused(404, "snap-none"):
            absent()
    with refused(422, "no restore from a snapshot"):
        lab.engine.finalize_restore(main.id, name=None)
    assert lab.engine.snapshots() == [slugged]
    remove(lab, slugged)
    lab.delete(child)


def test_a_snapshot_is_renamed_and_goes_when_it_expires(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = lab.engine.take_snapshot(lab.main.id, name="a")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    changed = lab.engine.change_snapshot(snapshot.id, {"name": "b", "expires_at": tomorrow})
    assert (changed.name, changed.expires_at) == ("b", clock.to_microseconds(tomorrow))
    assert lab.engine.change_snapshot(snapshot.id, {"expires_at": None}).expires_at is None
    lab.engine.change_snapshot(snapshot.id, {"expires_at": tomorrow})
    with refused(422, "in the future"):
        lab.engine.change_snapshot(snapshot.id, {"expires_at": datetime(2001, 1, 1, tzinfo=UTC)})
    lab.engine.tend_history()
    assert [row.id for row in lab.engine.snapshots()] == [snapshot.id]
    monkeypatch.setattr(clock, "now", lambda: clock.to_microseconds(tomorrow))
    lab.engine.tend_history()
    assert lab.engine.snapshots() == []


def test_a_snapshot_that_is_being_restored_cannot_go(lab: Lab, gate: Gate) -> None:
    snapshot = lab.engine.take_snapshot(lab.main.id)
    branch, _, operations = lab.engine.restore_snapshot(
        snapshot.id, name=None, target_id=None, finalize=False
    )
    with refused(423):
        lab.engine.delete_snapshot(snapshot.id)
    gate.open()
    lab.finish(operations)
    lab.delete(lab.engine.branch(branch.id))
    remove(lab, snapshot)
    assert_rows_match_files(lab)


@pytest.fixture
def gate(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(lab, monkeypatch)
    yield gate
    gate.open()
