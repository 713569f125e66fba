"""Servers of the past end with their engine: at once where it is closed, else when the next one comes."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.engine.lab import opened, servers_below, wait_until
from warubi_tui.engine import launch
from warubi_tui.engine.lock import is_held


def test_closing_ends_them(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    with opened(root) as lab:
        at = lab.write(lab.main, "a", "b")[0]
        with lab.engine.time_travel.open(lab.main.id, at=at, lsn=None):
            pass
        (place,) = (root / "probe").iterdir()
        assert place.name in servers_below(root)
    assert servers_below(root) == {}
    assert list((root / "probe").iterdir()) == []


def test_after_a_kill_the_next_engine_ends_them(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    with opened(root) as lab:
        at = lab.write(lab.main, "a", "b")[0]
        uri, main = lab.uri(lab.main), lab.main.timeline
    owner, _ = launch.start(root)
    with psycopg.connect(uri, autocommit=True, options=f"neon_timestamp:{at.isoformat()}") as session:
        assert session.execute("SELECT note FROM log").fetchall() == [("a",)]
        assert session.execute("SHOW transaction_read_only").fetchone() == ("on",)
        os.kill(owner.pid, signal.SIGKILL)
        wait_until(lambda: not is_held(root / "engine.lock"), "the engine is dead")
    (place,) = (root / "probe").iterdir()
    assert set(servers_below(root)) == {place.name, main}
    with opened(root):
        assert set(servers_below(root)) == {main}
        assert list((root / "probe").iterdir()) == []
    assert servers_below(root) == {}
