"""Read-only servers end with their engine: at once where it is closed, else when the next one comes."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.engine.lab import DATABASE, opened, servers_below, wait_until
from warubi_tui.engine import launch
from warubi_tui.engine.computes import ComputeWish
from warubi_tui.engine.lock import is_held
from warubi_tui.engine.servers import open_session


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


def test_read_only_computes_come_and_go_with_their_engine(copy_founded: Callable[[], Path]) -> None:
    """A closed engine leaves none running; the next one starts those that were wanted, and those alone."""
    root = copy_founded()
    with opened(root) as lab:
        lab.write(lab.main, "a")
        computes = []
        for _ in range(2):
            compute, operations = lab.engine.create_endpoint(lab.main.id, ComputeWish(type="read_only"))
            lab.finish(operations)
            computes.append(compute)
        lab.finish(lab.engine.suspend_endpoint(computes[1].id)[1])
    assert servers_below(root) == {}
    assert list((root / "followers").iterdir()) == []
    with opened(root) as lab:
        assert [lab.engine.endpoint_state(row) for row in computes] == ["active", "idle"]
        with open_session(lab.engine.read_only.socket(computes[0].id), DATABASE) as session:
            assert session.execute("SELECT note FROM log").fetchall() == [("a",)]
    assert servers_below(root) == {}
