"""A copy takes the place of history that is kept for one snapshot or one branch alone."""

import pytest

from tests.engine import test_pruning
from tests.engine.lab import assert_rows_match_files
from tests.engine.test_branching import refused
from tests.engine.test_pruning import History, taken
from tests.engine.test_snapshots import remove, restore
from warubi_tui.engine import consolidating
from warubi_tui.engine.failures import RecoveryFailedError

history = test_pruning.history


@pytest.fixture(autouse=True)
def small_savings_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are made for less, so that tests need to write less."""
    monkeypatch.setattr(consolidating, "_WORTH_IT", 1 << 20)


def test_a_snapshot_far_from_its_base_becomes_a_copy(history: History) -> None:
    lab, engine = history.lab, history.engine
    history.write("first", megabytes=40)
    history.write("second")
    snapshot = engine.take_snapshot(lab.main.id)
    history.write("third")
    base = history.base()
    assert engine.expensive_owners() == []
    history.window_begins(taken(base))
    assert engine.expensive_owners() == [snapshot.id]
    before = history.bytes_used()
    engine.tend_history()
    assert before - history.bytes_used() > 20 << 20
    copied = engine.snapshot(snapshot.id)
    assert (copied.lsn, copied.timestamp) == (snapshot.lsn, snapshot.timestamp)
    assert copied.timeline != snapshot.timeline
    assert engine.expensive_owners() == []
    assert_rows_match_files(lab)
    branch, _ = restore(lab, copied)
    assert lab.read(branch) == ["first", "second"]
    later = history.write("later", branch)
    history.write("too late", branch)
    assert lab.read(lab.create(branch, at=later)) == ["first", "later", "second"]
    remove(lab, copied)
    assert lab.read(lab.create(branch)) == ["first", "later", "second", "too late"]
    assert_rows_match_files(lab)


def test_a_copy_that_fails_leaves_the_snapshot_as_it_was(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, engine = history.lab, history.engine
    history.write("first", megabytes=40)
    snapshot = engine.take_snapshot(lab.main.id)

    def fail(_: str) -> None:
        raise RecoveryFailedError("no")

    with monkeypatch.context() as broken:
        broken.setattr(engine.timelines, "keep_history_only", fail)
        with pytest.raises(RecoveryFailedError):
            engine.settle(snapshot.id)
        broken.setattr(engine, "expensive_owners", lambda: [snapshot.id])
        engine.tend_history()
    assert engine.snapshot(snapshot.id) == snapshot
    assert_rows_match_files(lab)
    with engine.jobs.claim(shared=[snapshot.id]), refused(423):
        engine.settle(snapshot.id)
    engine.settle(snapshot.id)
    branch, _ = restore(lab, engine.snapshot(snapshot.id))
    assert lab.read(branch) == ["first"]


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_branch_gets_a_base_when_its_parents_history_is_kept_for_it_alone(
    history: History, *, running: bool
) -> None:
    lab, engine = history.lab, history.engine
    history.write("first", megabytes=40)
    child = lab.create(lab.main, name="child", compute=running)
    history.write("second")
    base = history.base()
    history.window_begins(taken(base))
    assert engine.expensive_owners() == [child.id]
    engine.settle(child.id)
    assert engine.expensive_owners() == []
    (own,) = [row for row in lab.rows()[2] if row.timeline == child.timeline]
    before = history.bytes_used()
    history.window_begins(taken(own))
    assert history.bases() == {base.id, own.id}
    assert before - history.bytes_used() > 40 << 20
    assert lab.read(lab.create(child)) == ["first"]
    assert_rows_match_files(lab)
