"""Disks that are full or closed: operations fail, leave nothing behind, lose nothing, and work afterwards."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.conftest import make_open_folder
from tests.engine.lab import DATABASE, Lab, assert_rows_match_files, opened, servers_below, wait_until
from tests.engine.test_branching import refused
from warubi_tui.engine.store import BranchRow
from warubi_tui.engine.targets import Target

_DISK: Final = 900 << 20


@pytest.fixture(scope="module")
def small_disk() -> Iterator[Path]:
    """A file system of its own."""
    folder = make_open_folder()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=755", "warubi-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        folder.rmdir()
        pytest.skip("only root, where it is allowed, can make a small file system to fill")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture(scope="module")
def lab_on_it(small_disk: Path, copy_founded: Callable[[], Path]) -> Iterator[Lab]:
    root = small_disk / "engine"
    subprocess.run(["cp", "-a", copy_founded(), root], check=True)
    with opened(root) as lab:
        lab.write(lab.main, "first")
        yield lab
    assert servers_below(root) == {}


@pytest.fixture(autouse=True)
def main_answers(lab_on_it: Lab) -> None:
    _await_main(lab_on_it)


def _await_main(lab: Lab) -> None:
    """PostgreSQL that panicked on a full disk recovers, or ends; meanwhile the engine says 503."""

    def answers() -> bool:
        try:
            lab.engine.servers.start(lab.main.timeline)
            with lab.engine.servers.session(lab.main.timeline):
                return True
        except psycopg.OperationalError:
            return False

    wait_until(answers, "the server of main answers")


@contextmanager
def _filled(folder: Path, leave: int) -> Iterator[None]:
    """Only so many bytes are free in the block."""
    ballast = folder / "ballast"
    status = os.statvfs(folder)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - leave)
    try:
        yield
    finally:
        ballast.unlink()


@pytest.fixture
def unchecked(lab_on_it: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills after it was looked at."""

    def accept(target: Target) -> Target:
        return target

    monkeypatch.setattr(lab_on_it.engine, "affordable", accept)


def _create(lab: Lab) -> None:
    lab.create(lab.main)


def _restore(lab: Lab) -> None:
    lab.restore(lab.main, lab.main, lsn=lab.engine.window(lab.main.id).end_lsn, keep="kept")


def _travel(lab: Lab) -> None:
    with lab.engine.time_travel.open(lab.main.id, at=None, lsn=None):
        pytest.fail("it opened on a full disk")


verbs = pytest.mark.parametrize("verb", [_create, _restore], ids=["create", "restore"])


@pytest.mark.parametrize("verb", [_create, _restore, _travel], ids=["create", "restore", "look"])
def test_too_little_room_is_refused_with_both_numbers(
    lab_on_it: Lab, small_disk: Path, verb: Callable[[Lab], None]
) -> None:
    before = lab_on_it.rows()
    with _filled(small_disk, 100 << 20), refused(507, "bytes wanted", "free"):
        verb(lab_on_it)
    assert lab_on_it.rows() == before


def _assert_as_before(lab: Lab, branches: set[str]) -> None:
    assert {row.id for row in lab.engine.branches()} == branches
    assert_rows_match_files(lab)
    assert {row.state for row in lab.engine.branches()} == {"ready"}
    assert list((lab.engine.site.root / "probe").iterdir()) == []


@pytest.mark.usefixtures("unchecked")
@verbs
@pytest.mark.parametrize("room", ["for half a copy", "for a copy and no recovery"])
def test_a_disk_that_fills_meanwhile_fails_the_operation(
    lab_on_it: Lab, small_disk: Path, verb: Callable[[Lab], None], room: str
) -> None:
    lab = lab_on_it
    base = lab.engine.resolve(lab.main.id, at=None, lsn=None).base
    leave, error = base.size // 2, "No space left"
    if room == "for a copy and no recovery":
        leave, error = base.size + (4 << 20), "could not recover"
    before = {row.id for row in lab.engine.branches()}
    with _filled(small_disk, leave):
        with pytest.raises(AssertionError, match=error):
            verb(lab)
        _assert_as_before(lab, before)
    _await_main(lab)
    assert lab.read(lab.main) == ["first"]
    made = lab.create(lab.main)
    assert lab.read(made) == ["first"]
    lab.delete(made)


@pytest.mark.usefixtures("unchecked")
def test_half_a_base_is_removed(lab_on_it: Lab, small_disk: Path) -> None:
    lab = lab_on_it
    branch = lab.create(lab.main)
    base = lab.engine.resolve(lab.main.id, at=None, lsn=None).base
    with _filled(small_disk, base.size // 2):
        with pytest.raises((OSError, psycopg.Error), match="No space left"):
            lab.engine.bases.take_hot(lab.main.timeline)
        with pytest.raises(OSError, match="No space left"):
            lab.engine.bases.take_cold(branch.timeline)
        assert_rows_match_files(lab)
    lab.delete(branch)


def _write_until_it_fails(lab: Lab, branch: BranchRow) -> list[int]:
    """Returns the numbers of the rows that were acknowledged."""
    acknowledged = []
    big = "string_agg(md5(n::text), '') FROM generate_series(1, 20000) n"
    try:
        with lab.engine.servers.session(branch.timeline, DATABASE) as session:
            session.execute("CREATE TABLE bulk (n int, body text)")
            for number in range(1000):
                session.execute(f"INSERT INTO bulk SELECT {number}, {big}")
                acknowledged.append(number)
    except psycopg.Error:
        return acknowledged
    pytest.fail("the disk never fills")


def test_clients_that_fill_the_disk_lose_nothing_that_was_acknowledged(
    lab_on_it: Lab, small_disk: Path
) -> None:
    """T17: PostgreSQL panics when it cannot write its log."""
    lab = lab_on_it
    branch = lab.create(lab.main, compute=True)
    with _filled(small_disk, 24 << 20):
        acknowledged = _write_until_it_fails(lab, branch)
    assert acknowledged
    _await_main(lab)
    lab.finish(lab.engine.restart_endpoint(lab.endpoint(branch).id)[1])
    copy = lab.create(branch)
    for holder in (branch, copy):
        with lab.session(holder) as session:
            rows = [row[0] for row in session.execute("SELECT n FROM bulk ORDER BY n")]
        assert rows[: len(acknowledged)] == acknowledged
        assert len(rows) <= len(acknowledged) + 1
    lab.delete(copy)
    lab.delete(branch)
    assert_rows_match_files(lab)
