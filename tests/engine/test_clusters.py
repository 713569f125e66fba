"""The archive command, run as PostgreSQL runs it."""

import os
import subprocess
from pathlib import Path

import pytest

from warubi_tui.engine.clusters import archive_command

NAME = "000000010000000000000001"


class Archive:
    """A folder with an odd name, and PostgreSQL's way to call the command for one segment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / """it's "100%f" & $HOME"""
        self.folder.mkdir()
        self.segment = folder / "pg_wal" / NAME
        self.segment.parent.mkdir()
        self.segment.write_bytes(b"content")

    @property
    def archived(self) -> Path:
        return self.folder / NAME

    def __call__(self) -> int:
        """The exit status; `%p`, `%f` and `%%` are replaced as `BuildRestoreCommand` does."""
        words = {"%p": f"pg_wal/{NAME}", "%f": NAME, "%%": "%"}
        command, rest = "", archive_command(self.folder)
        while rest:
            step = 2 if rest[:2] in words else 1
            command += words.get(rest[:step], rest[:step])
            rest = rest[step:]
        return subprocess.run(["sh", "-c", command], check=False, cwd=self.segment.parent.parent).returncode

    def leftovers(self) -> list[str]:
        return sorted(file.name for file in self.folder.iterdir() if file.name != NAME)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def test_a_fresh_segment_is_linked_and_repeating_it_succeeds(archive: Archive) -> None:
    assert archive() == 0
    assert archive.archived.stat().st_ino == archive.segment.stat().st_ino
    assert archive() == 0
    assert archive.leftovers() == []


def test_other_content_under_an_archived_name_is_refused(archive: Archive) -> None:
    assert archive() == 0
    archive.segment.unlink()
    archive.segment.write_bytes(b"another")
    assert archive() != 0
    assert archive.archived.read_bytes() == b"content"


@pytest.mark.parametrize("leftover", ["link", "junk"])
def test_what_a_crash_left_is_replaced(archive: Archive, leftover: str) -> None:
    part = archive.folder / f".t.{NAME}"
    if leftover == "link":
        os.link(archive.segment, part)
    else:
        part.write_bytes(b"ju")
    assert archive() == 0
    assert archive.archived.read_bytes() == b"content"
    assert archive.leftovers() == []


def test_without_its_folder_it_fails(archive: Archive) -> None:
    archive.folder.rmdir()
    assert archive() != 0
    archive.folder.mkdir()
    assert archive() == 0
