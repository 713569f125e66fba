"""Reading history: the window of a branch, the moment a wish means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from warubi_tui.engine import clock
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.lineage import Span, find_end, trace
from warubi_tui.engine.servers import ServerError
from warubi_tui.engine.state import EngineState
from warubi_tui.engine.store import BranchRow, TimelineRow
from warubi_tui.engine.targets import (
    NothingThereError,
    Target,
    find_at_lsn,
    find_at_time,
    find_commits,
    find_head,
)
from warubi_tui.lsn import Lsn


@dataclass(frozen=True)
class HistoryWindow:
    """What a branch can be restored to: times in µs since the epoch and positions, both ends included."""

    start: int
    end: int
    start_lsn: int
    end_lsn: int


@dataclass(frozen=True)
class Moment:
    """A state: the position just behind its last transaction, that one's time, and the next one, if any."""

    lsn: int
    time: int | None
    next_lsn: int | None
    next_time: int | None


class Looking(EngineState):
    """Verbs that read history and change nothing."""

    def window(self, branch_id: str) -> HistoryWindow:
        """Raises ApiError 404, or 422 where restoring is turned off."""
        branch = self.branch(branch_id)
        now = clock.now()
        return self._window(self._spans(branch), branch, now)

    def moment(self, branch_id: str, *, at: datetime | None, lsn: Lsn | None) -> Moment:
        """The state that a restore to this time or position would give; the newest where neither is given."""
        target = self.resolve(branch_id, at=at, lsn=lsn)
        following = target.following
        return Moment(
            target.lsn,
            target.time,
            following.end if following else None,
            following.time if following else None,
        )

    def resolve(self, branch_id: str, *, at: datetime | None, lsn: Lsn | None) -> Target:
        """Finds the state a wish means, in the branch's history.

        Raises:
            ApiError: 404 no such branch; 422 outside the history window; 500 the log cannot be read;
                503 the branch's server does not answer.
        """
        branch = self.branch(branch_id)
        with self.pins.hold(branch.timeline):
            return self._resolve(branch, at, lsn)

    def _resolve(self, branch: BranchRow, at: datetime | None, lsn: Lsn | None) -> Target:
        now = clock.now()
        spans = self._spans(branch)
        try:
            if at is not None:
                window = self._window(spans, branch, now)
                time = clock.to_microseconds(at)
                if not window.start <= time <= window.end:
                    raise _outside(f"timestamp {clock.rfc3339(time)}", branch, window)
                return find_at_time(self.site, spans, time)
            if lsn is not None:
                window = self._window(spans, branch, now)
                if not window.start_lsn <= lsn <= window.end_lsn:
                    raise _outside(f"LSN {lsn}", branch, window)
                return find_at_lsn(self.site, spans, lsn)
            return find_head(self.site, spans)
        except NothingThereError as error:
            window = self._window(spans, branch, now)
            raise _outside("the requested point", branch, window) from error
        except ClusterError as error:
            raise ApiError(500, f"the history of branch {branch.name} is damaged: {error}") from error

    def history(self, branch_id: str) -> list[Span]:
        """The spans of a branch's history up to its present end, newest first.

        Raises:
            ApiError: 404; 500 the log cannot be read; 503 the branch's server does not answer.
        """
        return self._spans(self.branch(branch_id))

    def lineage(self, branch_id: str) -> list[TimelineRow]:
        """The timelines a branch's data came through, its own first. Raises ApiError 404."""
        branch = self.branch(branch_id)
        found: list[TimelineRow] = []
        current: str | None = branch.timeline
        with self.store.transaction() as tx:
            while current is not None:
                row = tx.one(TimelineRow, id=current)
                assert row is not None
                found.append(row)
                current = row.parent
        return found

    def commits(self, branch_id: str, *, low: Lsn, high: Lsn) -> list[Target]:
        """The state after each commit that ends in (low, high], oldest first.

        Raises:
            ApiError: as `resolve` does.
        """
        branch = self.branch(branch_id)
        with self.pins.hold(branch.timeline):
            now = clock.now()
            spans = self._spans(branch)
            window = self._window(spans, branch, now)
            if low < window.start_lsn:
                raise _outside(f"LSN {low}", branch, window)
            try:
                return find_commits(self.site, spans, low, high)
            except ClusterError as error:
                raise ApiError(500, f"the history of branch {branch.name} is damaged: {error}") from error

    def _spans(self, branch: BranchRow) -> list[Span]:
        try:
            end = find_end(self.site, self.servers, branch.timeline)
        except (ClusterError, ServerError, OSError) as error:
            raise ApiError(500, f"the end of branch {branch.name}'s log cannot be found: {error}") from error
        except psycopg.Error as error:
            raise ApiError(503, f"the server of branch {branch.name} does not answer: {error}") from error
        with self.store.transaction() as tx:
            return trace(tx, branch.timeline, end)

    def _window(self, spans: Sequence[Span], branch: BranchRow, now: int) -> HistoryWindow:
        """`now` is a moment before the log's end was found: whatever happened until then is in the spans."""
        retention = self.project().history_retention_seconds
        if retention == 0:
            raise ApiError(
                422, f"restoring is turned off: the history of branch {branch.name} is kept for 0 s"
            )
        bases = sorted((base for span in spans for base in span.bases), key=lambda base: base.end_lsn)
        start = max(bases[0].taken_at, now - retention * 1_000_000)
        first = [base for base in bases if base.taken_at <= start][-1]
        return HistoryWindow(start, now, first.end_lsn, spans[0].high)


def _outside(wish: str, branch: BranchRow, window: HistoryWindow) -> ApiError:
    return ApiError(
        422,
        f"{wish} is outside the history window of branch {branch.name}: "
        f"from {clock.rfc3339(window.start)} (LSN {Lsn(window.start_lsn)}) "
        f"to {clock.rfc3339(window.end)} (LSN {Lsn(window.end_lsn)})",
    )
