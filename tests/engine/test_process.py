"""The engine as a process: one per directory, in any directory, whatever the environment says."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.conftest import engine_on
from tests.engine.lab import Lab, assert_rows_match_files, opened, servers_below
from warubi_tui.engine import launch
from warubi_tui.engine.lock import DirectoryLock, OwnedError, Owner, is_held, read_owner
from warubi_tui.engine.store import UnreadableStoreError
from warubi_tui.errors import RefusedError, WarubiError

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")


def _serve(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "warubi_tui", "engine", "serve", "--dir", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_second_engine_is_refused_and_names_the_first(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    with engine_on(root):
        first = launch.running(root)
        assert first is not None
        second = _serve(root)
        assert second.returncode == RefusedError.exit_code
        assert f"pid {first.pid}" in second.stderr
        assert launch.start(root) == (first, False)
        assert launch.running(root) == first
    assert launch.running(root) is None
    assert launch.stop(root) is False
    assert servers_below(root) == {}


def test_an_engine_ends_when_it_is_told_to_as_soon_as_it_is_found(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    for _ in range(3):
        launch.start(root)
        assert launch.stop(root)
        assert servers_below(root) == {}


def test_the_lock_says_who_holds_it_and_goes_with_the_holder(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path) as lock:
        lock.describe(Owner(12345, "http://127.0.0.1:1/api/v2", "some-project"))
        with pytest.raises(OwnedError, match="pid 12345"):
            DirectoryLock(tmp_path)
        lock.describe(Owner(7))
        assert read_owner(tmp_path) == Owner(7)
    assert read_owner(tmp_path) is None
    assert not is_held(tmp_path / "engine.lock")
    with DirectoryLock(tmp_path):
        assert read_owner(tmp_path) == Owner(os.getpid())


def _lose(store: Path) -> None:
    store.unlink()


def _empty(store: Path) -> None:
    store.write_bytes(b"")


def _scribble(store: Path) -> None:
    store.write_bytes(b"not a database" * 1000)


def _cut(store: Path) -> None:
    store.write_bytes(store.read_bytes()[:9000])


def _damage_a_page(store: Path) -> None:
    content = bytearray(store.read_bytes())
    content[4096 : 3 * 4096] = b"\x5a" * 8192
    store.write_bytes(content)


def _come_from_the_future(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA user_version = 99")


def _tree(root: Path) -> set[tuple[str, int]]:
    files = [file for file in (root / "tl").rglob("*") if file.is_file()]
    return {(str(file.relative_to(root)), file.stat().st_size) for file in files}


@pytest.mark.parametrize("damage", [_lose, _empty, _scribble, _cut, _damage_a_page, _come_from_the_future])
def test_with_records_that_cannot_be_trusted_nothing_is_touched(
    copy_founded: Callable[[], Path], damage: Callable[[Path], None]
) -> None:
    root = copy_founded()
    damage(root / "state.db")
    before = _tree(root)
    for _ in range(2):
        with pytest.raises(UnreadableStoreError), opened(root):
            pass
    assert _tree(root) == before


def test_the_refusal_says_where_the_data_is(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    _scribble(root / "state.db")
    refused = _serve(root)
    assert refused.returncode == RefusedError.exit_code
    assert str(root / "tl") in refused.stderr
    assert "pg_ctl" in refused.stderr
    with pytest.raises(WarubiError, match="did not start") as said:
        launch.start(root)
    assert str(root / "tl") in str(said.value)


def test_a_folder_that_no_record_knows_is_set_aside_not_deleted(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    (stranger,) = (root / "tl").iterdir()
    shutil.copytree(stranger, root / "tl" / "stranger")
    (stranger / "bases" / "unfinished").mkdir()
    with opened(root) as lab:
        assert_rows_match_files(lab)
        sockets = lab.engine.site.sockets
        assert len(list(sockets.iterdir())) == 1
    assert not sockets.exists()
    (kept,) = (root / "trash").iterdir()
    assert kept.name.startswith("stranger-")
    assert (kept / "data" / "PG_VERSION").is_file()


def test_odd_paths_and_foreign_settings(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = open_folder / """it's "100%f", $HOME & `pwd`"""
    (odd / "engine").mkdir(parents=True)
    for variable in ("PGHOST", "PGDATA", "PGOPTIONS", "PGPORT", "PGSERVICE", "PGUSER", "PGSSLMODE"):
        monkeypatch.setenv(variable, "/nonsense -c nothing=1")
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    monkeypatch.setenv("LC_ALL", "xx_YY")
    link = odd.parent / "link"
    link.symlink_to(odd / "engine")
    with engine_on(link):
        pass
    with monkeypatch.context() as environment:
        for variable in [name for name in os.environ if name.startswith("PG")]:
            environment.delenv(variable)
        with opened(link) as lab:
            _recover_once(lab)


def _recover_once(lab: Lab) -> None:
    """A branch at a time, across several segments and a suspension, and a restore in place."""
    branch = lab.create(lab.main, compute=True)
    times = lab.write(branch, "one", "two")
    with lab.session(branch) as session:
        session.execute("SELECT pg_switch_wal()")
    times += lab.write(branch, "three")
    assert lab.read(lab.create(branch, at=times[1])) == ["one", "two"]
    lab.suspend(branch)
    assert lab.read(lab.create(branch)) == ["one", "three", "two"]
    lab.finish(lab.engine.start_endpoint(lab.endpoint(branch).id)[1])
    assert lab.read(lab.restore(branch, branch, at=times[0], keep="before")) == ["one"]
    with psycopg.connect(lab.uri(branch), options="") as client:
        assert client.execute("SHOW timezone").fetchone() == ("UTC",)
    assert lab.read(lab.create(lab.named("before"), at=times[2])) == ["one", "three", "two"]
    assert_rows_match_files(lab)


@pytest.mark.skipif(not POSTGRES_15.is_dir(), reason="no PostgreSQL 15 is installed here")
def test_the_oldest_postgresql_that_is_supported(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARUBI_PG_BIN", str(POSTGRES_15))
    with opened(open_folder / "engine") as lab:
        assert lab.engine.project().pg_version == 15
        _recover_once(lab)


@pytest.mark.skipif(not POSTGRES_15.is_dir(), reason="no PostgreSQL 15 is installed here")
def test_data_of_another_major_version_is_refused(
    copy_founded: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy_founded()
    before = _tree(root)
    monkeypatch.setenv("WARUBI_PG_BIN", str(POSTGRES_15))
    with pytest.raises(WarubiError, match="These branches are of PostgreSQL"), opened(root):
        pass
    assert _tree(root) == before
