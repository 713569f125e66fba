"""What the engine does, by the name of the failpoints that lie on the way, and what must be left of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import pytest

from tests.engine.killing import Scenario
from tests.engine.lab import Lab
from warubi_tui.engine import clock
from warubi_tui.engine.rules import Rule
from warubi_tui.engine.store import BaseRow, BranchRow, ScheduleRow, SnapshotRow
from warubi_tui.engine.wal import segment_name

KEPT: Final = ["kept", "mistake"]
_HOUR: Final = 3_600_000_000


def _create(lab: Lab) -> BranchRow:
    return lab.create(lab.main, name="new", compute=True)


def _check_create(lab: Lab, point: str) -> None:
    there = point in ("operation: committed", "compute: about to start", "compute: started")
    assert [row.name for row in lab.engine.branches()] == ["main", *(["new"] if there else [])]
    created = [row.status for row in lab.engine.operations() if row.action == "create_branch"]
    assert created[0] == ("finished" if there else "failed")
    if there:
        assert set(KEPT) <= set(lab.read(lab.named("new"))) <= set(lab.read(lab.main))
        lab.delete(lab.named("new"))
    again = _create(lab)
    assert lab.read(again) == lab.read(lab.main)
    lab.delete(again)


def _restore(lab: Lab) -> BranchRow:
    with lab.session(lab.main) as session:
        found = session.execute("SELECT max(pg_xact_commit_timestamp(xmin)) FROM log WHERE note = 'mistake'")
        (row,) = found.fetchall()
    return lab.restore(lab.main, lab.main, at=row[0], keep="first life")


def _check_restore(lab: Lab, point: str) -> None:
    swapped = point in ("compute: about to start", "compute: started")
    assert [row.name for row in lab.engine.branches()] == ["main", *(["first life"] if swapped else [])]
    if swapped:
        assert lab.read(lab.main) == KEPT
        return
    before = lab.read(lab.main)
    _restore(lab)
    assert lab.read(lab.main) == KEPT
    assert lab.read(lab.named("first life")) == before


def _delete_leaf(lab: Lab) -> None:
    lab.delete(lab.create(lab.main, name="leaf"))


def _delete_root(lab: Lab) -> None:
    _restore(lab)
    lab.delete(lab.named("first life"))


def _check_deleted(lab: Lab, _: str) -> None:
    """The rows went first, so the branch is gone at whatever step the process ended."""
    assert [row.name for row in lab.engine.branches()] == ["main"]
    branch = lab.create(lab.main, lsn=lab.engine.window(lab.main.id).start_lsn)
    with pytest.raises(psycopg.errors.UndefinedTable):
        lab.read(branch)
    lab.delete(branch)


def _hide_leaf(lab: Lab) -> None:
    lab.hide(lab.create(lab.main, name="leaf", compute=True))


def _check_hidden(lab: Lab, _: str) -> None:
    assert _names(lab) == ["main"]
    (leaf,) = lab.engine.deleted_branches()
    lab.engine.recover_branch(leaf.id)
    assert set(KEPT) <= set(lab.read(leaf)) <= set(lab.read(lab.main))
    lab.delete(leaf)


def _plant(lab: Lab) -> BranchRow:
    branch, _, operations = lab.engine.create_branch(
        parent_id=lab.main.id, name="empty", at=None, lsn=None, init_source="schema-only"
    )
    lab.finish(operations)
    return lab.engine.branch(branch.id)


def _check_planted(lab: Lab, _: str) -> None:
    assert _names(lab) == ["main"]
    planted = _plant(lab)
    assert lab.read(planted) == []
    lab.delete(planted)


def _take_base(lab: Lab) -> BaseRow:
    return lab.engine.bases.take_hot(lab.main.timeline)


def _check_base(lab: Lab, point: str) -> None:
    _, _, bases, _ = lab.rows()
    (timeline,) = [row.timeline for row in lab.engine.branches() if row.is_default]
    assert [base.timeline for base in bases].count(timeline) == 1 + (point == "base: recorded")
    base = _take_base(lab)
    assert lab.engine.resolve(lab.main.id, at=None, lsn=None).base == base
    branch = lab.create(lab.main)
    assert lab.read(branch) == lab.read(lab.main)
    lab.delete(branch)


def _found(_: Lab) -> None:
    """The founding was done when the engine was opened."""


def _check_found(lab: Lab, _: str) -> None:
    assert [row.name for row in lab.engine.branches()] == ["main"]
    lab.write(lab.main, "works")
    assert lab.read(lab.create(lab.main)) == ["works"]


def _names(lab: Lab) -> list[str]:
    return [row.name for row in lab.engine.branches()]


def _take_snapshot(lab: Lab) -> SnapshotRow:
    return lab.engine.take_snapshot(lab.main.id)


def _check_snapshot(lab: Lab, point: str) -> None:
    assert len(lab.engine.snapshots()) == (point == "snapshot: taken")
    _check_restorable(lab, _take_snapshot(lab))


def _check_restorable(lab: Lab, snapshot: SnapshotRow) -> None:
    look = _look_at(lab, snapshot)
    assert set(KEPT) <= set(lab.read(look)) <= set(lab.read(lab.main))
    lab.delete(look)


def _look_at(lab: Lab, snapshot: SnapshotRow) -> BranchRow:
    branch, _, operations = lab.engine.restore_snapshot(
        snapshot.id, name="look", target_id=None, finalize=False
    )
    lab.finish(operations)
    return lab.engine.branch(branch.id)


def _restore_snapshot(lab: Lab) -> None:
    _look_at(lab, _take_snapshot(lab))


def _check_snapshot_restore(lab: Lab, _: str) -> None:
    assert _names(lab) == ["main"]
    (snapshot,) = lab.engine.snapshots()
    _check_restorable(lab, snapshot)


def _finalize(lab: Lab) -> None:
    look = _look_at(lab, _take_snapshot(lab))
    lab.finish(lab.engine.finalize_restore(look.id, name="before"))


def _check_finalize(lab: Lab, _: str) -> None:
    assert _names(lab) == ["main", "look"]
    look, replaced = lab.named("look"), lab.main
    assert (look.restore_status, replaced.name) == ("restored", "main")
    lab.finish(lab.engine.finalize_restore(look.id, name="before"))
    assert (lab.main.id, lab.named("before").id) == (look.id, replaced.id)
    assert set(KEPT) <= set(lab.read(lab.main)) <= set(lab.read(lab.named("before")))


def _copy_snapshot(lab: Lab) -> None:
    lab.engine.settle(_take_snapshot(lab).id)


def _check_copy(lab: Lab, point: str) -> None:
    (snapshot,) = lab.engine.snapshots()
    assert (snapshot.timeline != lab.main.timeline) == (point == "snapshot copy: recorded")
    if snapshot.timeline == lab.main.timeline:
        lab.engine.settle(snapshot.id)
    (copied,) = lab.engine.snapshots()
    assert copied.timeline != lab.main.timeline
    _check_restorable(lab, copied)


def _take_due(lab: Lab) -> None:
    lab.engine.set_schedule(lab.main.id, [Rule("hourly")])
    _take_due_again(lab)


def _take_due_again(lab: Lab) -> None:
    with lab.engine.store.transaction() as tx:
        (row,) = tx.all(ScheduleRow)
    lab.engine.take_due_snapshot(row, clock.now())


def _check_due(lab: Lab, _: str) -> None:
    assert lab.engine.snapshots() == []
    _take_due_again(lab)
    (snapshot,) = lab.engine.snapshots()
    _check_restorable(lab, snapshot)


@contextmanager
def _two_hours_later() -> Iterator[None]:
    now = clock.now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: now() + 2 * _HOUR)
        yield


def _prune(lab: Lab) -> None:
    lab.engine.change_project(history_retention_seconds=3600)
    with lab.session(lab.main) as session:
        session.execute("SELECT pg_switch_wal()")
    lab.engine.bases.take_hot(lab.main.timeline)
    with _two_hours_later():
        lab.engine.prune()


def _check_prune(lab: Lab, point: str) -> None:
    _, _, bases, _ = lab.rows()
    assert len(bases) == (2 if point == "prune: written, not committed" else 1)
    with _two_hours_later():
        lab.engine.prune()
    _, _, (base,), _ = lab.rows()
    former = segment_name(1, base.start_lsn - (16 << 20))
    assert not (lab.engine.site.wal(lab.main.timeline) / former).exists()
    branch = lab.create(lab.main)
    assert set(KEPT) <= set(lab.read(branch)) <= set(lab.read(lab.main))
    lab.delete(branch)


SCENARIOS: Final = {
    "create": Scenario(_create, _check_create),
    "restore": Scenario(_restore, _check_restore),
    "delete": Scenario(_delete_leaf, _check_deleted),
    "delete root": Scenario(_delete_root, _check_deleted, written_to=False),
    "hide": Scenario(_hide_leaf, _check_hidden),
    "plant": Scenario(_plant, _check_planted),
    "base": Scenario(_take_base, _check_base),
    "found": Scenario(_found, _check_found, written_to=False),
    "start": Scenario(_create, _check_create),
    "prune": Scenario(_prune, _check_prune),
    "snapshot": Scenario(_take_snapshot, _check_snapshot),
    "snapshot copy": Scenario(_copy_snapshot, _check_copy),
    "snapshot restore": Scenario(_restore_snapshot, _check_snapshot_restore),
    "schedule": Scenario(_take_due, _check_due),
    "finalize": Scenario(_finalize, _check_finalize),
}
LEADING_TO: Final = {
    "build": ["create"],
    "compute": ["create", "restore"],
    "first": ["found"],
    "history": ["delete root"],
    "operation": ["create", "restore"],
    "remove": ["delete"],
}
"""Ways to the failpoints whose names do not begin with their scenario's."""
