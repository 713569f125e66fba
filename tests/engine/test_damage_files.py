"""Files that cannot be written: operations fail and leave nothing, or do without; nothing is lost."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.engine.lab import Lab, assert_rows_match_files, wait_until
from warubi_tui.engine import copying
from warubi_tui.engine.store import BranchRow


def test_a_copy_that_cannot_be_written_is_removed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk (test_damage_disk.py), and where nobody may make one: the kernel says no."""
    real = copying._copy_range
    copied: list[int] = []

    def fills(reader: int, writer: int) -> int:
        if len(copied) > 200:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copied.append(real(reader, writer))
        return copied[-1]

    before = {row.id for row in lab.engine.branches()}
    with monkeypatch.context() as full:
        full.setattr(copying, "_copy_range", fills)
        with pytest.raises(AssertionError, match="No space left"):
            lab.create(lab.main)
        with pytest.raises(OSError, match="No space left"):
            lab.engine.bases.take_hot(lab.main.timeline)
    assert {row.id for row in lab.engine.branches()} == before
    assert_rows_match_files(lab)
    lab.delete(lab.create(lab.main))


@contextmanager
def _closed(archive: Path) -> Iterator[None]:
    """PostgreSQL may not write into the archive in the block."""
    archive.chmod(0o500)
    try:
        yield
    finally:
        archive.chmod(0o700)


def test_while_the_archive_is_closed_branches_are_whole(lab: Lab) -> None:
    """What cannot be archived stays in `pg_wal`, which belongs to the history; later it is archived."""
    branch = lab.create(lab.main, compute=True)
    site, timeline = lab.engine.site, branch.timeline
    notes: list[str] = []
    before = _archived(lab, branch)
    with _closed(site.wal(timeline)):
        for number in range(3):
            notes.append(f"note {number}")
            times = lab.write(branch, notes[-1])
            with lab.session(branch) as session:
                session.execute("SELECT pg_switch_wal()")
                session.execute("CHECKPOINT")
        with lab.session(branch) as session:
            wait_until(lambda: _failures(session) > 0, "archiving fails")
        assert _archived(lab, branch) == before
        assert lab.read(lab.create(branch)) == notes
        assert lab.read(lab.create(branch, at=times[-1])) == notes
        lab.suspend(branch)
        assert lab.read(lab.create(branch)) == notes
    lab.finish(lab.engine.start_endpoint(lab.endpoint(branch).id)[1])
    with lab.session(branch) as session:
        session.execute("SELECT pg_switch_wal()")
    wait_until(lambda: len(_archived(lab, branch)) >= len(before) + 3, "the archiver catches up")
    assert lab.read(lab.create(branch)) == notes


def _archived(lab: Lab, branch: BranchRow) -> set[str]:
    return {file.name for file in lab.engine.site.wal(branch.timeline).iterdir() if len(file.name) == 24}


def _failures(session: psycopg.Connection) -> int:
    row = session.execute("SELECT failed_count FROM pg_stat_archiver").fetchone()
    assert row is not None
    return int(row[0])
