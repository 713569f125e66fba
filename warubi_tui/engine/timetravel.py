"""Looking at the past: read-only servers for moments of branches, shared, gone soon after their last use."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import psycopg

from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.failures import ApiError, RecoveryFailedError
from warubi_tui.engine.jobs import Claim
from warubi_tui.engine.looking import Looking
from warubi_tui.engine.probes import Probe
from warubi_tui.engine.readonly import ReadOnlyServer
from warubi_tui.engine.servers import ServerError
from warubi_tui.engine.standbys import Standbys
from warubi_tui.engine.targets import Target
from warubi_tui.engine.timelines import free_space_wanted
from warubi_tui.lsn import Lsn

KEEP_SECONDS: Final = 30.0
MOST_SERVERS: Final = 8
_CLAIM_SECONDS: Final = 10.0

_log = logging.getLogger("warubi.engine")


@dataclass
class _Seat:
    """A probe, the state it shows or is about to show, and how many look at it."""

    probe: Probe
    timeline: str
    lsn: int
    users: int = 1
    used_at: float = 0.0
    shown: "Future[ReadOnlyServer]" = field(default_factory=Future)

    def is_broken(self) -> bool:
        """Whether its server has vanished."""
        return self.shown.done() and not self.probe.runs()


class Stepper:
    """Walks along the commits of a branch's history, most quickly forward.

    Attributes:
        targets: the state after each commit, oldest first.
    """

    def __init__(self, travel: "TimeTravel", branch_id: str, probe: Probe, targets: Sequence[Target]) -> None:
        self._travel = travel
        self._branch_id = branch_id
        self._probe = probe
        self.targets = targets

    def show(self, target: Target) -> ReadOnlyServer:
        """The server that shows this state, until the next call. Sessions on it may be ended by a step.

        Raises:
            ApiError: 404 the branch is gone; 423 it is being changed; 500 its history is damaged.
        """
        with self._travel.history_held(self._branch_id), _as_api_errors(self._branch_id):
            return self._probe.show(target)


class TimeTravel:
    """Opens moments of branches. Thread-safe.

    Args:
        keep_seconds: how long a server stays after its last use.
        most: how many servers run at a time.
    """

    def __init__(
        self, looking: Looking, *, keep_seconds: float = KEEP_SECONDS, most: int = MOST_SERVERS
    ) -> None:
        self.keep_seconds = keep_seconds
        self._most = most
        self._looking = looking
        self._standbys = Standbys(looking.site)
        self._seats: list[_Seat] = []
        self._changed = threading.Condition()
        self._closing = False
        self._janitor = threading.Thread(target=self._tidy, name="time travel")

    def start(self) -> None:
        """Removes what a former engine left, and begins to serve."""
        self._standbys.clear()
        self._janitor.start()

    def close(self) -> None:
        """Ends all servers, also those in use."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._janitor.is_alive():
            self._janitor.join()
        wait([seat.shown for seat in self._seats])
        for seat in self._seats:
            _close(seat.probe)
        self._standbys.clear()

    @contextmanager
    def open(self, branch_id: str, *, at: datetime | None, lsn: Lsn | None) -> Iterator[ReadOnlyServer]:
        """A read-only server that shows a branch as it was, for the block. Whoever opens it waits for it.

        The state is the one that a restore to `at` or `lsn` gives; the newest where neither is given.

        Raises:
            ApiError: 404 no such branch; 422 outside the history window; 423 the branch is being changed;
                500 its history is damaged; 503 too many moments are open, or the branch's server does not
                answer; 507 not enough space.
        """
        with self.history_held(branch_id):
            target = self._looking.resolve(branch_id, at=at, lsn=lsn)
            seat, new = self._take(target)
            if new:
                self._show(seat, target)
        try:
            with _as_api_errors(branch_id):
                server = seat.shown.result()
            yield server
        finally:
            self._leave(seat)

    @contextmanager
    def steps(self, branch_id: str, *, low: Lsn, high: Lsn) -> Iterator[Stepper]:
        """For walking along the commits that end in (low, high], in the branch's own log and its ancestors'.

        Raises:
            ApiError: as `open` does.
        """
        probe = Probe(self._standbys)
        timeline = self._looking.branch(branch_id).timeline
        with self._looking.pins.hold(timeline):
            try:
                yield Stepper(self, branch_id, probe, self._looking.commits(branch_id, low=low, high=high))
            finally:
                probe.close()

    @contextmanager
    def history_held(self, branch_id: str) -> Iterator[None]:
        """Nobody changes the branch or removes its history in the block. Raises ApiError 404, 423."""
        with self._claim(branch_id):
            self._looking.branch(branch_id)
            yield

    def _claim(self, branch_id: str) -> Claim:
        deadline = time.monotonic() + _CLAIM_SECONDS
        while True:
            try:
                return self._looking.jobs.claim(shared=[branch_id])
            except ApiError:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise
            self._looking.jobs.await_release(branch_id, left)

    def _take(self, target: Target) -> tuple[_Seat, bool]:
        """The seat for a state, and whether it is the caller who has to show it."""
        timeline, lsn = target.spans[0].timeline.id, target.lsn
        with self._changed:
            if self._closing:
                raise ApiError(503, "the engine is being stopped")
            for seat in self._seats:
                if (seat.timeline, seat.lsn) == (timeline, lsn) and not seat.is_broken():
                    seat.users += 1
                    return seat, False
            seat = self._free_seat(target)
            self._seats.append(seat)
            return seat, True

    def _free_seat(self, target: Target) -> _Seat:
        """A seat whose probe can step there, else a new one, or the place of the one unused for longest."""
        timeline, lsn = target.spans[0].timeline.id, target.lsn
        idle = [seat for seat in self._seats if seat.users == 0]
        near = [seat for seat in idle if seat.probe.can_step_to(target)]
        if near:
            former = max(near, key=lambda seat: seat.lsn)
            self._seats.remove(former)
            return _Seat(former.probe, timeline, lsn)
        wanted, free = free_space_wanted(self._looking.site, target)
        if free < wanted:
            raise ApiError(
                507, f"not enough space on the engine's disk: {wanted:,} bytes wanted, {free:,} free"
            )
        if len(self._seats) < self._most:
            return _Seat(Probe(self._standbys), timeline, lsn)
        if not idle:
            raise ApiError(503, f"{self._most} moments of the past are being looked at; no more at a time")
        former = min(idle, key=lambda seat: seat.used_at)
        self._seats.remove(former)
        return _Seat(former.probe, timeline, lsn)

    def _show(self, seat: _Seat, target: Target) -> None:
        try:
            seat.shown.set_result(seat.probe.show(target))
        except BaseException as error:
            with self._changed:
                self._seats.remove(seat)
            seat.shown.set_exception(error)
            _close(seat.probe)

    def _leave(self, seat: _Seat) -> None:
        with self._changed:
            seat.users -= 1
            seat.used_at = time.monotonic()
            self._changed.notify()

    def _tidy(self) -> None:
        while not self._closing:
            with self._changed:
                now = time.monotonic()
                idle = [seat for seat in self._seats if seat.users == 0]
                old = [seat for seat in idle if now - seat.used_at >= self.keep_seconds]
                for seat in old:
                    self._seats.remove(seat)
                if not old and not self._closing:
                    left = [seat.used_at + self.keep_seconds - now for seat in idle]
                    self._changed.wait(min(left, default=None))
            for seat in old:
                _close(seat.probe)


def _close(probe: Probe) -> None:
    try:
        probe.close()
    except OSError:
        _log.warning("a server of the past leaves files behind", exc_info=True)


@contextmanager
def _as_api_errors(branch_id: str) -> Iterator[None]:
    try:
        yield
    except (ClusterError, RecoveryFailedError, ServerError, psycopg.Error, OSError) as error:
        raise ApiError(500, f"this state of branch {branch_id} cannot be shown: {error}") from error
