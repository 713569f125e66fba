"""Who runs PostgreSQL."""

import os
import pwd
from pathlib import Path

import pytest

from warubi_tui.engine.account import Account, choose_account

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def test_an_ordinary_user_runs_it_as_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setenv("WARUBI_PG_USER", "nobody")
    account = choose_account(tmp_path)
    assert (account.uid, account.switch) == (1234, False)
    assert account.identity() == {}
    account.own(tmp_path / "not even there")


@as_root
def test_root_asks_the_data_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setenv("WARUBI_PG_USER", "nobody")
    assert choose_account(tmp_path / "no data yet").uid == nobody.pw_uid
    os.chown(tmp_path, 4321, 4322)
    assert choose_account(tmp_path) == Account(4321, 4322, switch=True)
    assert choose_account(tmp_path).identity() == {"user": 4321, "group": 4322, "extra_groups": []}
    os.chown(tmp_path, 0, 0)
    assert choose_account(tmp_path).uid == nobody.pw_uid
    monkeypatch.setenv("WARUBI_PG_USER", "no such user")
    assert choose_account(tmp_path).uid != 0
    monkeypatch.delenv("WARUBI_PG_USER")
    assert choose_account(tmp_path).switch


@as_root
def test_a_folder_is_private_and_its_owners(tmp_path: Path) -> None:
    folder = Account(4321, 4322, switch=True).make_folder(tmp_path / "folder")
    status = folder.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (4321, 4322, 0o700)
