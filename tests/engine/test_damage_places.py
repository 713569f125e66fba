"""One engine per directory, however many are started; a directory works wherever it is carried."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import make_open_folder
from tests.engine.lab import assert_rows_match_files, opened, servers_below, wait_until
from warubi_tui.engine import launch
from warubi_tui.engine.lock import is_held


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    folder = make_open_folder()
    yield folder
    wait_until(lambda: servers_below(folder) == {}, "adopted servers have ended")
    shutil.rmtree(folder)


def _start(root: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "warubi_tui", "engine", "start", "--dir", str(root), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


def test_however_many_start_an_engine_they_get_the_same(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    try:
        with ThreadPoolExecutor(3) as threads:
            first, *others = threads.map(_start, [root] * 3)
        again = _start(root)
        assert (first["running"], others, again) == (True, [first, first], first)
        assert len(servers_below(root)) == 1
    finally:
        launch.stop(root)
    wait_until(lambda: servers_below(root) == {}, "adopted servers have ended")


def test_a_lock_file_that_names_a_living_stranger_holds_nobody_up(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        (root / "engine.lock").write_text(
            json.dumps({"pid": stranger.pid, "url": "http://127.0.0.1:1/api/v2"})
        )
        assert launch.stop(root) is False
        try:
            facts = _start(root)
            assert facts["pid"] != stranger.pid
        finally:
            launch.stop(root)
        assert stranger.poll() is None
        stranger.kill()


def test_a_directory_that_was_copied_while_its_servers_ran_is_an_engine_of_its_own(
    copy_founded: Callable[[], Path], elsewhere: Path
) -> None:
    """Its pid files name the original's servers; these are not touched, and nothing leads back to them."""
    original = copy_founded()
    with opened(original) as lab:
        lab.create(lab.main, name="child")
        times = lab.write(lab.named("child"), "first", "second")
        lab.write(lab.main, "on main")
    owner, _ = launch.start(original)
    os.kill(owner.pid, signal.SIGKILL)
    wait_until(lambda: not is_held(original / "engine.lock"), "the engine is gone")
    servers = servers_below(original)
    assert servers
    copy = elsewhere / "copy"
    subprocess.run(["cp", "-a", original, copy], check=True)
    with opened(copy) as lab:
        assert servers_below(original) == servers
        assert servers_below(copy).keys() == servers.keys()
        assert lab.read(lab.main) == ["on main"]
        lab.write(lab.main, "in the copy")
        assert_rows_match_files(lab)
    with opened(original) as lab:
        assert lab.read(lab.main) == ["on main"]
    hidden = original.rename(original.with_name("hidden"))
    with opened(copy) as lab:
        assert lab.read(lab.main) == ["in the copy", "on main"]
        assert lab.read(lab.create(lab.named("child"), at=times[0])) == ["first"]
        assert lab.read(lab.create(lab.named("child"))) == ["first", "second"]
        assert_rows_match_files(lab)
    assert hidden.is_dir()


def test_moved_to_another_place_it_goes_on(copy_founded: Callable[[], Path], elsewhere: Path) -> None:
    original = copy_founded()
    with opened(original) as lab:
        times = lab.write(lab.main, "first", "second")
        lab.create(lab.main, name="child")
    moved = Path(shutil.move(original, elsewhere / "moved"))
    with opened(moved) as lab:
        assert lab.read(lab.named("child")) == ["first", "second"]
        assert lab.read(lab.create(lab.main, at=times[0])) == ["first"]
        lab.restore(lab.main, lab.main, at=times[0], keep="kept")
        assert lab.read(lab.main) == ["first"]
