"""Where differing rows wait."""

import tempfile
from pathlib import Path

import pytest

from warubi_tui.diff.spool import Spool


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_has_a_name_on_disk(temporary: Path) -> None:
    spool = Spool()
    for number in range(2000):
        spool.add(0, "removed", b"secret %d" % number, None)
    assert list(temporary.rglob("*")) == []
    assert spool.page(0, offset=1000, limit=1, op=None) == [("removed", b"secret 1000", None)]
    spool.close()
    spool.close()


def test_pages_of_one_table_and_one_kind() -> None:
    spool = Spool()
    for number in range(10):
        spool.add(0, "added" if number % 2 else "changed", b"%d" % number, b"")
    spool.add(1, "removed", b"other", None)
    spool.flush()
    assert [was for _, was, _ in spool.page(0, offset=8, limit=10, op=None)] == [b"8", b"9"]
    assert [was for _, was, _ in spool.page(0, offset=1, limit=2, op="added")] == [b"3", b"5"]
    assert spool.page(1, offset=0, limit=10, op="added") == []
    assert spool.page(2, offset=0, limit=10, op=None) == []
    spool.close()


def test_forgotten_table_is_gone_and_the_next_is_numbered_right() -> None:
    spool = Spool()
    spool.add(0, "removed", b"a", None)
    spool.forget(0)
    spool.add(1, "removed", b"b", None)
    spool.flush()
    assert spool.page(0, offset=0, limit=10, op=None) == []
    assert spool.page(1, offset=0, limit=10, op=None) == [("removed", b"b", None)]
    spool.close()
