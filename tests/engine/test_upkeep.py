"""What the sweeper does for history while an engine runs."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.engine.lab import Lab, opened, wait_until
from warubi_tui.engine import clock
from warubi_tui.engine.bases import BEFORE_REST, log_before_base
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.rules import Rule

MB = 1 << 20
HOUR = 3_600_000_000


@pytest.fixture
def swept(copy_founded: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """An engine whose sweeper comes by all the time."""
    monkeypatch.setattr("warubi_tui.engine.engine._SWEEP_SECONDS", 0.02)
    with opened(copy_founded()) as lab:
        yield lab


def log(lab: Lab, size: int) -> None:
    """Writes so many bytes of log on main."""
    with lab.session(lab.main) as session:
        for _ in range(size // MB):
            session.execute(
                "SELECT count(pg_logical_emit_message(false, 'bulk', repeat('x', 1 << 20), false))"
            )


def bases(lab: Lab) -> set[str]:
    return {row.id for row in lab.rows()[2]}


def test_a_base_is_due_when_replay_would_cost_more_than_a_copy() -> None:
    assert log_before_base(None) == log_before_base(30 * MB) == 32 * MB
    assert log_before_base(1024 * MB) == 128 * MB


def test_bases_are_taken_and_let_go(swept: Lab) -> None:
    (founding,) = bases(swept)
    log(swept, 48 * MB)
    wait_until(lambda: len(bases(swept)) == 2, "a base because of the log")
    swept.engine.change_project(history_retention_seconds=0)
    wait_until(lambda: founding not in bases(swept), "pruning after the window was changed")


def test_snapshots_are_taken_and_expire(swept: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    swept.engine.set_schedule(swept.main.id, [Rule("hourly", retention_seconds=3600)])
    for hours in (1, 3):
        later = clock.to_microseconds(datetime.now(UTC) + timedelta(hours=hours))
        monkeypatch.setattr(clock, "now", lambda later=later: later)
        due = [later // HOUR * HOUR]
        wait_until(partial(_is_taken_at, swept, due), "a snapshot on time")


def _is_taken_at(lab: Lab, moments: list[int]) -> bool:
    return [row.timestamp for row in lab.engine.snapshots()] == moments


def test_a_compute_gets_a_base_before_it_is_suspended(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = lab.endpoint(lab.main)
    lab.finish(lab.engine.restart_endpoint(endpoint.id)[1])
    before = bases(lab)
    lab.suspend(lab.main)
    assert bases(lab) == before
    lab.finish(lab.engine.start_endpoint(endpoint.id)[1])
    log(lab, 2 * BEFORE_REST)
    with monkeypatch.context() as broken:

        def fail(_: str) -> None:
            raise ClusterError("no")

        broken.setattr(lab.engine.bases, "take_hot", fail)
        lab.suspend(lab.main)
    assert bases(lab) == before
    assert lab.engine.endpoint_state(lab.endpoint(lab.main)) == "idle"
    lab.finish(lab.engine.start_endpoint(endpoint.id)[1])
    lab.suspend(lab.main)
    assert len(bases(lab) - before) == 1
