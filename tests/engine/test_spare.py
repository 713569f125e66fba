"""The copy of a base that is made in advance."""

import shutil
from pathlib import Path

import pytest

from tests.engine.lab import Lab
from warubi_tui.engine import building
from warubi_tui.engine import spare as spares
from warubi_tui.engine.store import BaseRow


def newest_base(lab: Lab) -> BaseRow:
    timeline = lab.main.timeline
    with lab.engine.store.transaction() as tx:
        return max(tx.all(BaseRow, timeline=timeline), key=lambda base: base.end_lsn)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_it_is_the_base_that_was_taken_last_and_a_branch_is_made_of_it(lab: Lab) -> None:
    engine = lab.engine
    lab.write(lab.main, "one")
    engine.bases.take_hot(lab.main.timeline)
    engine.spare.wait()
    base = newest_base(lab)
    ready = engine.site.root / "spare"
    assert contents(ready) == contents(engine.site.bases(base.timeline) / base.id)
    inode = (ready / "PG_VERSION").stat().st_ino
    branch = lab.create(lab.main, compute=True)
    assert (engine.site.data(branch.timeline) / "PG_VERSION").stat().st_ino == inode
    assert lab.read(branch) == lab.read(lab.main)
    engine.spare.wait()
    assert contents(ready) == contents(engine.site.bases(base.timeline) / base.id)


def test_of_another_base_it_is_not_taken(lab: Lab, tmp_path: Path) -> None:
    lab.engine.bases.take_hot(lab.main.timeline)
    older = newest_base(lab)
    lab.engine.bases.take_hot(lab.main.timeline)
    lab.engine.spare.wait()
    assert not lab.engine.spare.take(older, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_where_the_disk_has_little_room_there_is_none(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = lab.engine
    lab.write(lab.main, "one")
    engine.bases.take_hot(lab.main.timeline)
    engine.spare.wait()
    monkeypatch.setattr(spares, "_ROOM_BYTES", shutil.disk_usage(engine.site.root).total + 1)
    engine.bases.take_hot(lab.main.timeline)
    engine.spare.wait()
    assert not (engine.site.root / "spare").exists()
    branch = lab.create(lab.main, compute=True)
    assert lab.read(branch) == lab.read(lab.main)


def test_it_makes_room_for_a_branch(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = lab.engine
    engine.bases.take_hot(lab.main.timeline)
    engine.spare.wait()
    ready = engine.site.root / "spare"
    assert ready.exists()
    monkeypatch.setattr(building, "free_space_wanted", lambda *_: (1, 0 if ready.exists() else 1))
    lab.create(lab.main)
    engine.spare.wait()


def test_of_a_base_that_is_gone_there_is_none(lab: Lab, tmp_path: Path) -> None:
    engine = lab.engine
    engine.bases.take_hot(lab.main.timeline)
    engine.spare.wait()
    base = newest_base(lab)
    gone = BaseRow("gone", base.timeline, base.end_lsn, base.taken_at, base.size, base.start_lsn)
    engine.spare.prepare(gone)
    engine.spare.wait()
    assert not engine.spare.take(gone, tmp_path / "data")
    assert not engine.spare.take(base, tmp_path / "data")
