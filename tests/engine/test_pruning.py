"""What leaves the history window leaves the disk; what anybody needs stays, and is exact."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.engine.lab import Lab, assert_rows_match_files, opened
from warubi_tui.engine import clock
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.pruning import Pruning
from warubi_tui.engine.store import BaseRow, BranchRow, GapRow, TimelineRow

RETENTION = timedelta(hours=6)


class History:
    """An engine whose clock can be set, and its branch main."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab = lab
        self.engine = lab.engine
        self._patch = monkeypatch
        self.engine.change_project(history_retention_seconds=int(RETENTION.total_seconds()))

    def base(self, branch: BranchRow | None = None) -> BaseRow:
        """A hot base, with the server's log so far in whole segments before it."""
        branch = branch or self.lab.main
        with self.lab.session(branch) as session:
            session.execute("SELECT pg_switch_wal()")
            return self.engine.bases.take_hot(branch.timeline)

    def write(self, note: str, branch: BranchRow | None = None, *, megabytes: int = 0) -> datetime:
        """One transaction with this note, and so much log behind it."""
        branch = branch or self.lab.main
        moment = self.lab.write(branch, note)[0]
        with self.lab.session(branch) as session:
            session.execute("CREATE TABLE IF NOT EXISTS bulk (body text)")
            for _ in range(megabytes):
                session.execute(
                    "SELECT count(pg_logical_emit_message(false, 'bulk', repeat('x', 1 << 20), false))"
                )
        return moment

    def window_begins(self, at: datetime) -> None:
        """Sets the clock so that the history window begins at `at`, and prunes."""
        self.set_horizon(at)
        self.engine.prune()

    def set_horizon(self, at: datetime) -> None:
        moment = clock.to_microseconds(at + RETENTION)
        self._patch.setattr(clock, "now", lambda: moment)

    def bases(self) -> set[str]:
        return {row.id for row in self.lab.rows()[2]}

    def bytes_used(self) -> int:
        """Of all bases and archives; what is linked twice counts once, live logs do not count."""
        files = [path for path in self.engine.site.root.glob("tl/*/[bw]a*/**/*") if path.is_file()]
        return sum({status.st_ino: status.st_size for status in map(Path.stat, files)}.values())


@pytest.fixture
def history(copy_founded: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    with opened(copy_founded()) as lab:
        yield History(lab, monkeypatch)


def test_old_states_go_with_their_bytes_and_newer_ones_stay_exact(history: History) -> None:
    lab = history.lab
    first = history.write("first", megabytes=40)
    second_base = history.base()
    second = history.write("second", megabytes=20)
    third_base = history.base()
    history.write("third")
    before = history.bytes_used()
    history.window_begins(clock.to_datetime(second_base.taken_at))
    assert history.bases() == {second_base.id, third_base.id}
    assert before - history.bytes_used() > (40 << 20) + 20_000_000
    window = history.engine.window(lab.main.id)
    assert (window.start, window.start_lsn) == (second_base.taken_at, second_base.end_lsn)
    with pytest.raises(ApiError) as refusal:
        lab.create(lab.main, at=first)
    assert refusal.value.status == 422
    for end in (window.start, window.end):
        assert clock.rfc3339(end) in refusal.value.message
    with pytest.raises(ApiError, match="outside the history window"):
        lab.create(lab.main, lsn=second_base.end_lsn - 1)
    assert lab.read(lab.create(lab.main, at=second)) == ["first", "second"]
    assert lab.read(lab.create(lab.main, lsn=third_base.end_lsn)) == ["first", "second"]
    assert lab.read(lab.create(lab.main)) == ["first", "second", "third"]
    assert_rows_match_files(lab)
