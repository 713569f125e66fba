"""Refreshing a copy: whatever was there gives way to the source, and other names of files are safe."""

import os
from pathlib import Path

import pytest

from warubi_tui.engine.account import Account
from warubi_tui.engine.copying import refresh_tree

OWN = Account(os.geteuid(), os.getegid(), switch=False)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, with what its file holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "base" / "1").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "version").write_text("18")
    (folder / "base" / "1" / "table").write_bytes(b"x" * 100_000)
    return folder


def test_a_new_copy(source: Path, tmp_path: Path) -> None:
    refresh_tree(source, tmp_path / "target", OWN)
    assert tree(tmp_path / "target") == tree(source)
    assert (tmp_path / "target" / "version").stat().st_mode & 0o777 == 0o600


def test_whatever_was_there_gives_way(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    refresh_tree(source, target, OWN)
    kept = (target / "base" / "1" / "table").stat().st_ino
    (target / "base" / "1" / "table").write_bytes(b"y" * 200_000)
    (target / "base" / "2").mkdir()
    (target / "base" / "2" / "other").write_text("gone")
    (target / "postmaster.pid").write_text("1")
    (target / "version").unlink()
    (target / "version").mkdir()
    (target / "empty").rmdir()
    (target / "empty").symlink_to(source)
    refresh_tree(source, target, OWN)
    assert tree(target) == tree(source)
    assert not (target / "empty").is_symlink()
    assert (target / "base" / "1" / "table").stat().st_ino == kept


def test_a_file_with_another_name_is_not_written_to(source: Path, tmp_path: Path) -> None:
    target, archive = tmp_path / "target", tmp_path / "archived"
    archive.write_text("log")
    target.mkdir()
    (target / "version").hardlink_to(archive)
    refresh_tree(source, target, OWN)
    assert archive.read_text() == "log"
    assert tree(target) == tree(source)
