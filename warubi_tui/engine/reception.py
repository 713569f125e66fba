"""The engine as its edge sees it: where clients go, and who wakes computes for them."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg

from warubi_tui.engine.computing import Computing
from warubi_tui.engine.edge.host import Place, ServerDownError
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.servers import open_session
from warubi_tui.engine.timetravel import TimeTravel
from warubi_tui.lsn import Lsn

_WAIT_SECONDS: Final = 0.25
_POLL_SECONDS: Final = 0.005
_VERIFIER: Final = """
SELECT rolpassword FROM pg_authid WHERE rolname = %s AND (rolvaliduntil IS NULL OR rolvaliduntil > now())
"""


class Reception:
    """Answers the edge's questions."""

    def __init__(self, engine: Computing, travel: TimeTravel) -> None:
        self._engine = engine
        self._travel = travel
        self._lock = threading.Lock()
        self._closed = False
        self._waking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def close(self) -> None:
        """Wakes no compute any more when this returns."""
        self._closed = True
        with self._lock:
            locks = list(self._waking.values())
        for lock in locks:
            with lock:
                pass

    @property
    def protocol_version(self) -> int:
        """PostgreSQL 18 brought version 3.2 (its manual, "Protocol Versions")."""
        return 3 << 16 | (2 if self._engine.site.programs.major >= 18 else 0)

    def place(self, endpoint_id: str) -> Place:
        endpoint = self._engine.endpoint(endpoint_id)
        if endpoint.disabled:
            raise ApiError(422, f"endpoint {endpoint_id} is disabled")
        branch = self._engine.branch(endpoint.branch)
        return Place(branch.id, branch.timeline, self._engine.socket(endpoint), branch.state != "init")

    def bring_up(self, endpoint_id: str) -> None:
        with self._lock:
            waking = self._waking[endpoint_id]
        with waking:
            if self._closed:
                raise ApiError(503, "the engine is ending")
            place = self.place(endpoint_id)
            if self._engine.is_up(self._engine.endpoint(endpoint_id)):
                time.sleep(_POLL_SECONDS)  # it is on its way up or down
                return
            try:
                self._engine.wake(endpoint_id)
            except ApiError as error:
                if error.status != 423:
                    raise
        self._engine.jobs.await_release(place.branch, _WAIT_SECONDS)

    def verifier(self, place: Place, role: str) -> str | None:
        try:
            with open_session(place.socket) as session:
                row = session.execute(_VERIFIER, (role,)).fetchone()
        except psycopg.OperationalError as error:
            raise ServerDownError(str(error)) from error
        return row[0] if row is not None else None

    @contextmanager
    def open_past(self, branch_id: str, *, at: datetime | None, lsn: Lsn | None) -> Iterator[Path]:
        with self._travel.open(branch_id, at=at, lsn=lsn) as server:
            yield server.socket / f".s.PGSQL.{server.port}"
