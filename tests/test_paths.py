import stat
from pathlib import Path

import pytest

from warubi_tui.errors import RefusedError
from warubi_tui.paths import new_private_file


def test_a_new_file_is_private_and_there_at_the_end_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.html"
    with new_private_file(path) as file:
        file.write("ü\ud800")
        assert not path.exists()
    assert path.read_bytes() == "ü\\ud800".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_half_done_stays_behind(tmp_path: Path) -> None:
    def fail_halfway() -> None:
        with new_private_file(tmp_path / "new") as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_halfway()
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(RefusedError, match="cannot be written"), new_private_file(path):
        pytest.fail("the block began")
    assert list(tmp_path.iterdir()) == [path]


def test_what_came_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "new"

    def lose_a_race() -> None:
        with new_private_file(path) as file:
            file.write("ours")
            path.write_text("theirs")

    with pytest.raises(RefusedError):
        lose_a_race()
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RefusedError), new_private_file(tmp_path / "no" / "new"):
        pytest.fail("the block began")
