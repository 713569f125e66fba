"""What leaves the history window leaves the disk; what anybody needs stays, and is exact."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.engine.lab import Lab, assert_rows_match_files, opened
from tests.engine.test_branching import Gate, refused
from tests.engine.test_snapshots import remove, restore
from warubi_tui.engine import clock, retention
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import BaseRow, BranchRow

RETENTION = timedelta(hours=6)


class History:
    """An engine whose clock can be set, and its branch main."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab = lab
        self.engine = lab.engine
        self._patch = monkeypatch
        self.engine.change_project(history_retention_seconds=int(RETENTION.total_seconds()))

    def base(self, branch: BranchRow | None = None) -> BaseRow:
        """A hot base, with the server's log so far in whole segments before it."""
        branch = branch or self.lab.main
        with self.lab.session(branch) as session:
            session.execute("SELECT pg_switch_wal()")
            return self.engine.bases.take_hot(branch.timeline)

    def write(self, note: str, branch: BranchRow | None = None, *, megabytes: int = 0) -> datetime:
        """One transaction with this note, and so much log behind it."""
        branch = branch or self.lab.main
        moment = self.lab.write(branch, note)[0]
        with self.lab.session(branch) as session:
            session.execute("CREATE TABLE IF NOT EXISTS bulk (body text)")
            for _ in range(megabytes):
                session.execute(
                    "SELECT count(pg_logical_emit_message(false, 'bulk', repeat('x', 1 << 20), false))"
                )
        return moment

    def window_begins(self, at: datetime) -> None:
        """Sets the clock so that the history window begins at `at`, and prunes."""
        self.set_horizon(at)
        self.engine.prune()

    def set_horizon(self, at: datetime) -> None:
        moment = clock.to_microseconds(at + RETENTION)
        self._patch.setattr(clock, "now", lambda: moment)

    def bases(self) -> set[str]:
        return {row.id for row in self.lab.rows()[2]}

    def bytes_used(self) -> int:
        """Of all bases and archives; what is linked twice counts once, live logs do not count."""
        files = [path for path in self.engine.site.root.glob("tl/*/[bw]a*/**/*") if path.is_file()]
        return sum({status.st_ino: status.st_size for status in map(Path.stat, files)}.values())


@pytest.fixture
def history(copy_founded: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    monkeypatch.setattr("warubi_tui.engine.engine._SWEEP_SECONDS", 3600)
    with opened(copy_founded()) as lab:
        yield History(lab, monkeypatch)


def taken(base: BaseRow) -> datetime:
    return clock.to_datetime(base.taken_at)


def test_old_states_go_with_their_bytes_and_newer_ones_stay_exact(history: History) -> None:
    lab = history.lab
    first = history.write("first", megabytes=40)
    second_base = history.base()
    second = history.write("second", megabytes=20)
    third_base = history.base()
    history.write("third")
    before = history.bytes_used()
    history.window_begins(taken(second_base))
    assert history.bases() == {second_base.id, third_base.id}
    assert before - history.bytes_used() > (40 << 20) + 20_000_000
    window = history.engine.window(lab.main.id)
    assert (window.start, window.start_lsn) == (second_base.taken_at, second_base.end_lsn)
    with pytest.raises(ApiError) as refusal:
        lab.create(lab.main, at=first)
    assert refusal.value.status == 422
    for end in (window.start, window.end):
        assert clock.rfc3339(end) in refusal.value.message
    with pytest.raises(ApiError, match="outside the history window"):
        lab.create(lab.main, lsn=second_base.end_lsn - 1)
    assert lab.read(lab.create(lab.main, at=second)) == ["first", "second"]
    assert lab.read(lab.create(lab.main, lsn=third_base.end_lsn)) == ["first", "second"]
    assert lab.read(lab.create(lab.main)) == ["first", "second", "third"]
    assert_rows_match_files(lab)


def test_a_snapshot_keeps_its_state_and_nothing_else(history: History) -> None:
    lab = history.lab
    first = history.write("first")
    snapshot = history.engine.take_snapshot(lab.main.id)
    history.write("second", megabytes=60)
    base = history.base()
    (founding,) = history.bases() - {base.id}
    before = history.bytes_used()
    history.window_begins(taken(base))
    assert history.bases() == {founding, base.id}
    with_snapshot = history.bytes_used()
    assert before - with_snapshot > 30 << 20
    history.engine.change_project(history_retention_seconds=30 * 86_400)
    window = history.engine.window(lab.main.id)
    assert (window.start, window.start_lsn) == (base.taken_at, base.end_lsn)
    with refused(422, "outside the history window"):
        lab.create(lab.main, at=first)
    with refused(422, "outside the history window"):
        lab.create(lab.main, lsn=snapshot.lsn)
    branch, _ = restore(lab, snapshot)
    assert lab.read(branch) == ["first"]
    lab.delete(branch)
    remove(lab, snapshot)
    assert history.bases() == {base.id}
    assert with_snapshot - history.bytes_used() > (16 << 20) + 20_000_000
    assert lab.read(lab.create(lab.main)) == ["first", "second"]
    assert_rows_match_files(lab)


def test_a_branch_without_a_base_of_its_own_keeps_what_it_came_from(history: History) -> None:
    lab = history.lab
    history.write("first")
    child = lab.create(lab.main, name="child")
    (founding,) = history.bases()
    history.write("on child", child)
    second = history.write("second", megabytes=40)
    base = history.base()
    history.window_begins(taken(base))
    assert history.bases() == {founding, base.id}
    later = history.write("later", child)
    history.write("last", child)
    grandchild = lab.create(child, at=later)
    assert lab.read(grandchild) == ["first", "later", "on child"]
    lab.delete(grandchild)
    with refused(422, "outside the history window"):
        lab.create(lab.main, at=second)
    own = history.base(child)
    history.window_begins(taken(own))
    assert history.bases() == {base.id, own.id}
    assert lab.read(lab.create(child)) == ["first", "last", "later", "on child"]
    assert_rows_match_files(lab)


def test_history_of_removed_branches_goes_when_it_leaves_the_window(history: History) -> None:
    lab, main = history.lab, history.lab.main
    first = history.write("first")
    history.write("lost")
    now = lab.restore(main, main, at=first, keep="kept")
    kept = lab.named("kept")
    lab.delete(kept)
    assert kept.timeline in {row.id for row in lab.rows()[1]}
    history.engine.prune()
    assert kept.timeline in {row.id for row in lab.rows()[1]}
    base = history.base(now)
    history.window_begins(taken(base))
    (timeline,) = lab.rows()[1]
    assert (timeline.id, timeline.parent) == (now.timeline, None)
    assert not history.engine.site.timeline(kept.timeline).exists()
    assert lab.read(lab.create(now)) == ["first"]
    assert_rows_match_files(lab)


def test_with_no_retention_only_the_present_is_kept(history: History) -> None:
    lab = history.lab
    first = history.write("first")
    base = history.base()
    history.write("second")
    history.engine.change_project(history_retention_seconds=0)
    history.engine.prune()
    assert history.bases() == {base.id}
    for refusal in (
        lambda: lab.create(lab.main, at=first),
        lambda: lab.create(lab.main, lsn=base.end_lsn),
        lambda: history.engine.window(lab.main.id),
    ):
        with refused(422, "restoring is turned off"):
            refusal()
    assert lab.read(lab.create(lab.main)) == ["first", "second"]
    history.engine.change_project(history_retention_seconds=3600)
    window = history.engine.window(lab.main.id)
    assert (window.start, window.start_lsn) == (base.taken_at, base.end_lsn)


def test_what_is_being_read_stays_until_it_is_read(history: History) -> None:
    lab = history.lab
    history.write("first")
    base = history.base()
    everything = history.bases()
    with history.engine.pins.hold(lab.main.timeline), history.engine.pins.hold(lab.main.timeline):
        history.window_begins(taken(base))
        assert history.bases() == everything
    with history.engine.jobs.claim(shared=[lab.main.id]):
        history.engine.prune()
        assert history.bases() == everything
    history.engine.prune()
    assert history.bases() == {base.id}


@pytest.fixture
def gate(history: History, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(history.lab, monkeypatch)
    yield gate
    gate.open()


def test_a_create_that_was_accepted_gets_what_left_the_window_meanwhile(history: History, gate: Gate) -> None:
    lab = history.lab
    first = history.write("first")
    history.write("second", megabytes=20)
    base = history.base()
    branch, _, operations = history.engine.create_branch(parent_id=lab.main.id, name=None, at=first, lsn=None)
    everything = history.bases()
    history.window_begins(taken(base))
    assert history.bases() == everything
    gate.open()
    lab.finish(operations)
    history.engine.prune()
    assert lab.read(history.engine.branch(branch.id)) == ["first"]
    with refused(422, "outside the history window"):
        lab.create(lab.main, at=first)


def test_a_snapshot_that_is_being_restored_keeps_the_base_it_is_restored_from(
    history: History, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = history.lab
    nearest = history.base()
    history.write("first")
    snapshot = history.engine.take_snapshot(lab.main.id)
    newest = history.base()
    monkeypatch.setattr(retention, "MOST_BASES", 1)
    branch, _, operations = history.engine.restore_snapshot(
        snapshot.id, name=None, target_id=None, finalize=False
    )
    history.engine.prune()
    assert nearest.id in history.bases()
    gate.open()
    lab.finish(operations)
    lab.delete(history.engine.branch(branch.id))
    history.engine.prune()
    assert nearest.id not in history.bases()
    assert newest.id in history.bases()
    again, _ = restore(lab, snapshot)
    assert lab.read(again) == ["first"]


def test_a_base_that_took_too_long_is_not_used(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log its replay would begin with went while it was copied."""
    lab, bases = history.lab, history.engine.bases
    history.write("first")
    history.engine.change_project(history_retention_seconds=0)
    real = bases._copy

    def copy_slowly(timeline: str, folder: Path) -> int:
        size = real(timeline, folder)
        monkeypatch.setattr(bases, "_copy", real)
        history.base()
        history.engine.prune()
        return size

    monkeypatch.setattr(bases, "_copy", copy_slowly)
    slow = bases.take_hot(lab.main.timeline)
    assert slow.id in history.bases()
    assert lab.read(lab.create(lab.main)) == ["first"]
    history.engine.prune()
    assert slow.id not in history.bases()
    assert lab.read(lab.create(lab.main)) == ["first"]
    assert_rows_match_files(lab)


def test_creates_at_the_oldest_moment_race_prunes(history: History) -> None:
    """Each is exact or refused, whatever happens in between; nothing is half there."""
    lab, main = history.lab, history.lab.main
    moments = []
    for number in range(4):
        history.write(f"note {number}")
        moments.append(taken(history.base()))
    accepted: list[tuple[BranchRow, list[str]]] = []
    refusals: list[ApiError] = []
    over = threading.Event()

    def create_oldest() -> None:
        while not over.is_set():
            window = history.engine.window(main.id)
            oldest = clock.to_datetime(window.start)
            notes = [f"note {number}" for number, moment in enumerate(moments) if moment <= oldest]
            try:
                branch = lab.create(main, at=oldest)
            except ApiError as error:
                refusals.append(error)
            else:
                accepted.append((branch, notes))

    with ThreadPoolExecutor(2) as pool:
        creators = [pool.submit(create_oldest) for _ in range(2)]
        for moment in itertools.chain(*([moment] * 2 for moment in moments)):
            done = len(accepted) + len(refusals)
            history.window_begins(moment)
            while len(accepted) + len(refusals) == done and not creators[0].done():
                history.engine.prune()
        over.set()
        for creator in creators:
            creator.result()
    assert {error.status for error in refusals} <= {422}
    assert len(accepted) > len(refusals)
    for branch, notes in accepted:
        assert lab.read(branch) == notes
        lab.delete(branch)
    history.engine.prune()
    assert len(history.bases()) == 1
    assert_rows_match_files(lab)


@pytest.mark.parametrize("moment", ["written, not committed", "recorded", "bases removed", "log removed"])
def test_a_prune_that_is_cut_off_is_done_again(
    copy_founded: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    root = copy_founded()

    def cut_off(name: str) -> None:
        if name == f"prune: {moment}":
            raise KeyboardInterrupt

    monkeypatch.setattr("warubi_tui.engine.engine._SWEEP_SECONDS", 3600)
    with opened(root) as lab:
        history = History(lab, monkeypatch)
        history.write("first")
        base = history.base()
        with monkeypatch.context() as dying:
            dying.setattr("warubi_tui.engine.pruning.failpoint", cut_off)
            history.set_horizon(taken(base))
            with pytest.raises(KeyboardInterrupt):
                lab.engine.prune()
        history.set_horizon(taken(base))
        assert lab.read(lab.create(lab.main)) == ["first"]
    with opened(root) as again:
        again.engine.prune()
        assert_rows_match_files(again)
        assert {row.id for row in again.rows()[2]} == {base.id}
        archive = again.engine.site.wal(again.main.timeline)
        assert not [file for file in archive.iterdir() if file.name.endswith("000000000000000001")]
        assert again.read(again.create(again.main)) == ["first"]
