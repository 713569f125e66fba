"""Computes that nobody uses are suspended; the next client wakes them."""

import logging
from typing import Final

import psycopg

from warubi_tui.engine import clock
from warubi_tui.engine.computing import Computing
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Commit, Step, nothing
from warubi_tui.engine.servers import open_session
from warubi_tui.engine.store import EndpointRow

DEFAULT_TIMEOUT_SECONDS: Final = 300
"""What Neon means by a `suspend_timeout_seconds` of 0."""

_NOTE_EVERY: Final = 60_000_000
_JUST_NOW: Final = 1_000_000
_SESSIONS: Final = """
SELECT count(*) FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND application_name <> 'warubi engine'
"""

_log = logging.getLogger("warubi.engine")


class Suspending(Computing):
    """The engine's eye on unused computes."""

    def suspend_unused(self, opened_at: int) -> None:
        """Suspends what has been unused for its time-out; notes when computes were used last.

        Clients of the edge count, and so do sessions that go past it, except the engine's own. Unlike on
        Neon a session counts though it is idle: here nothing is saved that would be worth cutting it off.

        Args:
            opened_at: when the engine came up, µs; nobody can have been seen before.
        """
        for endpoint in self.endpoints():
            seen = self.edge.usage.last_seen(endpoint.id)
            self._note(endpoint, seen)
            timeout = endpoint.suspend_timeout_seconds or DEFAULT_TIMEOUT_SECONDS
            last = max(seen or 0, endpoint.started_at or 0, opened_at)
            if endpoint.wanted and timeout > 0 and clock.now() - last >= timeout * 1_000_000:
                self._suspend_if_unused(endpoint)

    def _note(self, endpoint: EndpointRow, seen: int | None) -> None:
        known = endpoint.last_active or 0
        if seen is None or seen == known:
            return
        left = seen < clock.now() - _JUST_NOW
        if left or seen - known >= _NOTE_EVERY:
            with self.store.transaction() as tx:
                tx.update(EndpointRow, {"last_active": seen}, id=endpoint.id)

    def _suspend_if_unused(self, endpoint: EndpointRow) -> None:
        def run() -> Commit:
            with self.edge.usage.closing(endpoint.id) as unused:
                if not unused or self._has_sessions(endpoint):
                    return nothing
                return self.suspend_step(endpoint.id).run()

        try:
            if not self._has_sessions(endpoint):
                self._launch(endpoint.branch, [Step("suspend_compute", run, endpoint=endpoint.id)])
        except ApiError:
            return  # somebody is changing the branch

    def _has_sessions(self, endpoint: EndpointRow) -> bool:
        if not self.is_up(endpoint):
            return False
        try:
            with open_session(self.socket(endpoint)) as session:
                row = session.execute(_SESSIONS).fetchone()
        except psycopg.OperationalError:
            _log.warning(
                "the compute of endpoint %s cannot be asked for sessions", endpoint.id, exc_info=True
            )
            return True
        return row is not None and row[0] > 0
