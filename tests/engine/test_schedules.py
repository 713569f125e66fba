"""Backup schedules: snapshots of exactly their moment, taken once however late, gone when they are old."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.engine.lab import Lab, opened
from tests.engine.test_branching import refused
from tests.engine.test_snapshots import restore
from warubi_tui.engine import clock
from warubi_tui.engine.rules import Rule
from warubi_tui.engine.store import SnapshotRow

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Calendar:
    """An engine whose clock stands where it is put; only the test tends to its history."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab = lab
        self._patch = monkeypatch
        self.lab.engine.change_project(history_retention_seconds=30 * 86_400)

    def tend_at(self, moment: datetime) -> None:
        """Sets the clock and does what the sweeper does then."""
        self._patch.setattr(clock, "now", lambda: clock.to_microseconds(moment))
        self.lab.engine.tend_history()

    def taken(self) -> list[SnapshotRow]:
        """Oldest first."""
        return self.lab.engine.snapshots()[::-1]

    def moments(self) -> list[datetime]:
        return [clock.to_datetime(row.timestamp) for row in self.taken()]


@pytest.fixture
def schedules(copy_founded: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Calendar]:
    monkeypatch.setattr("warubi_tui.engine.engine._SWEEP_SECONDS", 3600)
    with opened(copy_founded()) as lab:
        yield Calendar(lab, monkeypatch)


def next_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0) + HOUR


def test_snapshots_are_taken_on_time_and_expire(schedules: Calendar) -> None:
    lab, main = schedules.lab, schedules.lab.main
    now = lab.write(main, "first")[0]
    first = next_hour(now)
    lab.engine.set_schedule(main.id, [Rule("daily", hour=first.hour, retention_seconds=3 * 86_400)])
    schedules.tend_at(first - timedelta(microseconds=1))
    assert schedules.taken() == []
    schedules.tend_at(first)
    schedules.tend_at(first + timedelta(minutes=59))
    (snapshot,) = schedules.taken()
    assert (snapshot.manual, clock.to_datetime(snapshot.timestamp)) == (0, first)
    assert snapshot.name == f"main at {first:%Y-%m-%d %H:00:00} UTC (daily)"
    assert snapshot.full_size == main.logical_size
    lab.write(main, "second")
    schedules.tend_at(first + DAY)
    assert schedules.moments() == [first, first + DAY]
    later = schedules.taken()[1]
    assert (later.full_size, later.diff_size) == (None, later.lsn - snapshot.lsn)
    assert later.lsn > snapshot.lsn
    schedules.tend_at(first + 3 * DAY - timedelta(microseconds=1))
    assert schedules.moments() == [first, first + DAY, first + 2 * DAY]
    schedules.tend_at(first + 3 * DAY)
    assert schedules.moments() == [first + DAY, first + 2 * DAY, first + 3 * DAY]


def test_what_was_missed_is_caught_up_once_with_the_state_of_its_moment(schedules: Calendar) -> None:
    lab, main = schedules.lab, schedules.lab.main
    lab.engine.set_schedule(main.id, [Rule("hourly")])
    begun = datetime.now(UTC)
    missed = next_hour(begun) + 50 * HOUR
    lab.write(main, "there before the moment")
    schedules.tend_at(missed + timedelta(minutes=7))
    assert schedules.moments() == [missed]
    schedules.tend_at(missed + timedelta(minutes=8))
    assert schedules.moments() == [missed]
    branch, _ = restore(lab, schedules.taken()[0])
    assert lab.read(branch) == ["there before the moment"]


def test_a_moment_that_has_left_the_window_gives_the_present_state(schedules: Calendar) -> None:
    lab, main = schedules.lab, schedules.lab.main
    lab.engine.set_schedule(main.id, [Rule("yearly")])
    lab.write(main, "there")
    late = datetime(datetime.now(UTC).year + 1, 6, 1, 12, tzinfo=UTC)
    schedules.tend_at(late)
    assert schedules.moments() == [late]


def test_each_rule_has_its_own_snapshots(schedules: Calendar) -> None:
    lab, main = schedules.lab, schedules.lab.main
    lab.write(main, "there")
    monday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday += (7 - monday.weekday()) * DAY
    rules = [Rule("daily", retention_seconds=3600), Rule("weekly", day=1, retention_seconds=7200)]
    lab.engine.set_schedule(main.id, rules)
    assert lab.engine.schedule(main.id) == rules
    schedules.tend_at(monday)
    assert [row.name.rpartition(" ")[2] for row in schedules.taken()] == ["(daily)", "(weekly)"]
    schedules.tend_at(monday + HOUR)
    assert [row.name.rpartition(" ")[2] for row in schedules.taken()] == ["(weekly)"]
    lab.engine.set_schedule(main.id, [])
    assert lab.engine.schedule(main.id) == []
    schedules.tend_at(monday + 2 * HOUR + 14 * DAY)
    assert schedules.taken() == []


def test_a_snapshot_stays_due_while_its_branch_is_busy(schedules: Calendar) -> None:
    lab, main = schedules.lab, schedules.lab.main
    lab.engine.set_schedule(main.id, [Rule("hourly")])
    due = next_hour(lab.write(main, "there")[0])
    with lab.engine.jobs.claim(exclusive=[main.id]):
        schedules.tend_at(due)
    assert schedules.taken() == []
    schedules.tend_at(due + timedelta(seconds=5))
    assert schedules.moments() == [due]


def test_a_schedule_is_for_root_branches_and_goes_with_its_branch(schedules: Calendar) -> None:
    lab = schedules.lab
    child = lab.create(lab.main)
    with refused(422, "root branches only"):
        lab.engine.set_schedule(child.id, [Rule("daily")])
    lab.delete(child)
    for ask in (lab.engine.schedule, lambda branch: lab.engine.set_schedule(branch, [])):
        with refused(404, "br-nobody"):
            ask("br-nobody")
    times = lab.write(lab.main, "one", "two")
    lab.restore(lab.main, lab.main, at=times[0], keep="kept")
    kept = lab.named("kept")
    lab.engine.set_schedule(kept.id, [Rule("hourly")])
    lab.delete(kept)
    schedules.tend_at(datetime.now(UTC) + DAY)
    assert schedules.taken() == []
