"""A log with a hole in it never gives a state with fewer rows: it fails loudly and leaves nothing behind."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from tests.engine.lab import Lab, assert_rows_match_files, servers_below
from warubi_tui.engine import computing
from warubi_tui.engine.clusters import ClusterError, read_control
from warubi_tui.engine.computes import ComputeWish
from warubi_tui.engine.failures import ApiError, RecoveryFailedError
from warubi_tui.engine.names import new_timeline
from warubi_tui.engine.store import BranchRow
from warubi_tui.engine.targets import Target
from warubi_tui.engine.timelines import Materialized
from warubi_tui.lsn import Lsn


def _fill_segments(lab: Lab, branch: BranchRow, segments: int) -> list[datetime]:
    """Writes two notes into each of several segments, each archived before the next one begins."""
    times = []
    for number in range(segments):
        times += lab.write(branch, f"note {number}", f"then {number}")
        with lab.session(branch) as session:
            session.execute("SELECT pg_switch_wal()")
    times += lab.write(branch, "last note")
    return times


@pytest.fixture(scope="module")
def parent(lab: Lab) -> BranchRow:
    """A suspended branch; `note 0` … `note 2` and `last note` lie in segments of their own."""
    branch = lab.create(lab.main, name="parent", compute=True)
    _fill_segments(lab, branch, 3)
    _suspend_without_a_base(lab, branch)
    return lab.engine.branch(branch.id)


def _suspend_without_a_base(lab: Lab, branch: BranchRow) -> None:
    """The log goes back to where it was: a base taken now would make it superfluous."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computing, "BEFORE_REST", 1 << 30)
        lab.suspend(branch)


def _segments(lab: Lab, branch: BranchRow) -> list[Path]:
    """The files of this timeline's own segments, live and archived, oldest first."""
    site = lab.engine.site
    found = [
        file
        for folder in (site.wal(branch.timeline), site.data(branch.timeline) / "pg_wal")
        for file in folder.iterdir()
        if re.fullmatch(r"00000002[0-9A-F]{16}", file.name)
    ]
    return sorted(found, key=lambda file: file.name)


def _zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def _truncate(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(1 << 19)


def _flip(file: Path) -> None:
    """Changes one bit of the first record."""
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)


@contextmanager
def _damaged(lab: Lab, branch: BranchRow, damage: Callable[[Path], None]) -> Iterator[None]:
    """The segment with `note 1` is damaged in the block, in the archive and in `pg_wal`."""
    names = sorted({file.name for file in _segments(lab, branch)})
    files = [file for file in _segments(lab, branch) if file.name == names[2]]
    whole = {file: file.read_bytes() for file in files}
    for file in files:
        damage(file)
    try:
        yield
    finally:
        for file, content in whole.items():
            file.write_bytes(content)
            lab.engine.site.account.own(file)


DAMAGES = [Path.unlink, _zero, _truncate, _flip]
damages = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))


@damages
def test_no_state_is_found_behind_a_damaged_segment(
    lab: Lab, parent: BranchRow, damage: Callable[[Path], None]
) -> None:
    """T5, first line of defence: the log is read up to the target before anything is built."""
    before = lab.rows()
    with _damaged(lab, parent, damage):
        verbs: list[Callable[[], BranchRow]] = [
            lambda: lab.create(parent),
            lambda: lab.restore(lab.main, parent, keep="kept"),
        ]
        for verb in verbs:
            with pytest.raises(ApiError, match="damaged") as refusal:
                verb()
            assert refusal.value.status == 500
    assert lab.rows() == before
    assert_rows_match_files(lab)


@damages
def test_recovery_over_a_damaged_segment_fails_and_leaves_nothing(
    lab: Lab, parent: BranchRow, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """T5, second line: the damage happens after the target was found, and PostgreSQL stops early."""
    before = lab.rows()
    running = servers_below(lab.engine.site.root)
    materialize = lab.engine.timelines.materialize

    def damage_first(timeline: str, target: Target, prepare: Callable[[], None]) -> Materialized:
        with _damaged(lab, parent, damage):
            return materialize(timeline, target, prepare)

    monkeypatch.setattr(lab.engine.timelines, "materialize", damage_first)
    _, _, creation = lab.engine.create_branch(
        parent_id=parent.id, name=None, at=None, lsn=None, computes=[ComputeWish()]
    )
    created, started = lab.end(creation)
    _, restoring = lab.engine.restore_branch(
        lab.main.id, source_id=parent.id, at=None, lsn=None, preserve_under_name="kept"
    )
    built, swapped, restarted = lab.end(restoring)
    for failed in (created, built):
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.startswith("PostgreSQL could not recover to 0/")
    assert {started.status, swapped.status, restarted.status} == {"cancelled"}
    assert _settled(lab.rows()[0]) == _settled(before[0])
    assert lab.rows()[1:] == before[1:]
    assert servers_below(lab.engine.site.root) == running
    assert_rows_match_files(lab)


def _settled(branches: Sequence[BranchRow]) -> list[BranchRow]:
    """Without what changes by itself."""
    return [replace(row, state_changed_at=0, logical_size=None) for row in branches]


@pytest.mark.parametrize("wrong", ["no target", "another target"])
def test_a_state_that_recovery_reached_by_mistake_is_not_given(
    lab: Lab, parent: BranchRow, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """T5, last line: PostgreSQL promotes with success at a hole when it knows no target."""
    before = lab.rows()
    start = lab.engine.servers.start
    hole = _damaged(lab, parent, Path.unlink) if wrong == "no target" else nullcontext()
    earlier = lab.engine.resolve(parent.id, at=_committed(lab, parent, "note 0"), lsn=None).stop
    assert earlier is not None

    def misled(timeline: str, *, settings: Mapping[str, str], limit_seconds: float) -> None:
        others = {name: value for name, value in settings.items() if name != "recovery_target_lsn"}
        if wrong == "another target":
            others["recovery_target_lsn"] = str(Lsn(earlier.start))
        start(timeline, settings=others, limit_seconds=limit_seconds)

    target = lab.engine.resolve(parent.id, at=None, lsn=None)
    timeline = new_timeline()
    try:
        with hole, monkeypatch.context() as patched:
            patched.setattr(lab.engine.servers, "start", misled)
            with pytest.raises(RecoveryFailedError, match="stopped somewhere else"):
                lab.engine.timelines.materialize(timeline, target, pytest.fail)
    finally:
        lab.engine.timelines.remove(timeline)
    assert lab.rows() == before
    assert_rows_match_files(lab)


def _committed(lab: Lab, branch: BranchRow, note: str) -> datetime:
    with lab.session(branch) as session:
        found = session.execute("SELECT pg_xact_commit_timestamp(xmin) FROM log WHERE note = %s", (note,))
        row = found.fetchone()
    assert row is not None
    time: datetime = row[0]
    return time


def test_whole_again_it_gives_everything(lab: Lab, parent: BranchRow) -> None:
    assert lab.read(lab.create(parent)) == [
        *["last note", "note 0", "note 1", "note 2", "then 0", "then 1", "then 2"]
    ]


def test_times_before_the_damage_can_be_had(lab: Lab, parent: BranchRow) -> None:
    first = _committed(lab, parent, "note 0")
    with _damaged(lab, parent, Path.unlink):
        assert lab.read(lab.create(parent, at=first)) == ["note 0"]


def test_a_lost_history_file_is_not_guessed(lab: Lab) -> None:
    """T18: without it PostgreSQL cannot know which log the branch's history goes on in."""
    parent = lab.create(lab.main)
    lab.write(parent, "on timeline 2")
    site = lab.engine.site
    for folder in (site.wal(parent.timeline), site.data(parent.timeline) / "pg_wal"):
        (folder / "00000002.history").unlink(missing_ok=True)
    before = lab.rows()
    _, _, operations = lab.engine.create_branch(parent_id=parent.id, name=None, at=None, lsn=None)
    (failed,) = lab.end(operations)
    assert failed.status == "failed"
    assert "recovery target timeline 2 does not exist" in str(failed.error)
    assert lab.rows() == before
    assert_rows_match_files(lab)


def test_a_damaged_control_file_is_noticed(lab: Lab) -> None:
    victim = lab.create(lab.main)
    data = lab.engine.site.data(victim.timeline)
    assert read_control(lab.engine.site, data).shut_down
    control = data / "global" / "pg_control"
    content = bytearray(control.read_bytes())
    content[60] ^= 1
    control.write_bytes(content)
    with pytest.raises(ClusterError, match="control file is damaged"):
        read_control(lab.engine.site, data)
    with pytest.raises(ApiError) as refusal:
        lab.create(victim)
    assert refusal.value.status == 500


def test_an_archived_segment_is_never_written_to_again(lab: Lab) -> None:
    """T1: the archive shares its inodes with `pg_wal`, where PostgreSQL likes to reuse files."""
    branch = lab.create(lab.main, compute=True)
    with lab.session(branch) as session:
        session.execute("ALTER SYSTEM SET wal_recycle = on")
        session.execute("SELECT pg_reload_conf()")
    _fill_segments(lab, branch, 2)
    lab.suspend(branch)
    archive = lab.engine.site.wal(branch.timeline)
    before = {file.name: _fingerprint(file) for file in archive.glob("0" * 7 + "2????????????????")}
    assert len(before) >= 2
    with lab.session(branch) as session:
        assert session.execute("SHOW wal_recycle").fetchone() == ("off",)
        session.execute(
            "CREATE TABLE filler AS SELECT repeat(md5(n::text), 30) FROM generate_series(1, 18000) n"
        )
        for _ in range(2):
            session.execute("CHECKPOINT")
            session.execute("SELECT pg_switch_wal()")
            session.execute("INSERT INTO log VALUES ('more')")
    live = {file.stat().st_ino for file in (lab.engine.site.data(branch.timeline) / "pg_wal").iterdir()}
    after = {name: _fingerprint(archive / name) for name in before}
    assert after == before
    assert not live & {inode for inode, _ in after.values()}


def _fingerprint(file: Path) -> tuple[int, str]:
    return file.stat().st_ino, hashlib.sha256(file.read_bytes()).hexdigest()


def _look(lab: Lab, branch: BranchRow) -> None:
    with lab.engine.time_travel.open(branch.id, at=None, lsn=None):
        pytest.fail("a state behind the damage is shown")


def _ask(lab: Lab, branch: BranchRow) -> None:
    lab.engine.moment(branch.id, at=None, lsn=None)


@damages
@pytest.mark.parametrize("verb", [_ask, _look], ids=["moment", "look"])
def test_nobody_is_told_or_shown_a_state_behind_the_damage(
    lab: Lab, parent: BranchRow, damage: Callable[[Path], None], verb: Callable[[Lab, BranchRow], None]
) -> None:
    with _damaged(lab, parent, damage), pytest.raises(ApiError, match=r"damaged|missing") as refusal:
        verb(lab, parent)
    assert refusal.value.status == 500


def test_a_byte_that_flipped_in_a_base_is_an_error_and_not_another_row(lab: Lab) -> None:
    """Every page of a cluster has a checksum, which PostgreSQL looks at when it reads it."""
    branch = lab.create(lab.main, compute=True)
    lab.write(branch, *(f"note {number}" for number in range(50)))
    with lab.session(branch) as session:
        row = session.execute("SELECT pg_relation_filepath('log')").fetchone()
    assert row is not None
    base = lab.engine.bases.take_hot(branch.timeline)
    file = lab.engine.site.bases(branch.timeline) / base.id / row[0]
    content = bytearray(file.read_bytes())
    content[8000] ^= 1
    file.write_bytes(content)
    copy = lab.create(branch)
    with pytest.raises(psycopg.errors.DataCorrupted, match="invalid page"):
        lab.read(copy)
