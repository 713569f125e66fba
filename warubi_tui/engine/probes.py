"""One place to look at the past from: it shows one state at a time, and goes on to the next by stepping."""

import secrets
from contextlib import suppress
from typing import Final

import psycopg

from warubi_tui.engine.readonly import ReadOnlyServer
from warubi_tui.engine.servers import ServerError
from warubi_tui.engine.standbys import GatedStandby, Standby, Standbys, UnusableBaseError
from warubi_tui.engine.targets import Target

_FARTHEST_STEP: Final = 32 << 20


class Probe:
    """Shows states of histories, each on a read-only server. Used by one thread at a time.

    A later state of the history that was shown last is reached by a step, on the same server; an earlier
    one, or another history, needs a new copy of a base. Where a transaction that is open in the state keeps
    readers out of a table, or PostgreSQL cannot let readers in at all, the state is shown as a crash at that
    moment would have left it: with the open transactions undone.
    """

    def __init__(self, standbys: Standbys) -> None:
        self._standbys = standbys
        self._places = (secrets.token_hex(8), secrets.token_hex(8))
        self._gated: GatedStandby | None = None
        self._settled: Standby | None = None

    def show(self, target: Target) -> ReadOnlyServer:
        """The server that shows this state, until the next call.

        Raises:
            ClusterError, RecoveryFailedError, ServerError: the history cannot be replayed up to there.
            OSError: no space, for example.
        """
        self._leave_settled()
        try:
            standby = self._gate(target)
        except UnusableBaseError:
            standby = None
        if standby is None or standby.is_locked():
            self._settled = self._standbys.open_settled(self._places[1], target)
            return self._settled.server
        return standby.server

    def can_step_to(self, target: Target) -> bool:
        """Whether the state can be reached without a new copy."""
        gated = self._gated
        return (
            gated is not None
            and gated.timeline == target.spans[0].timeline.id
            and gated.lsn <= target.lsn
            and target.base.end_lsn - gated.lsn <= _FARTHEST_STEP
            and gated.runs()
        )

    def runs(self) -> bool:
        """Whether the server that shows the state is there."""
        shown = self._settled or self._gated
        return shown is not None and shown.runs()

    def close(self) -> None:
        """Ends its servers and removes their files."""
        self._leave_settled()
        self._leave_gated()
        for place in self._places:
            self._standbys.remove(place)

    def _gate(self, target: Target) -> GatedStandby:
        if self._gated is not None and self.can_step_to(target):
            with suppress(ServerError, psycopg.Error):
                self._gated.advance(target)
                return self._gated
        self._leave_gated()
        self._gated = self._standbys.open_gated(self._places[0], target)
        return self._gated

    def _leave_gated(self) -> None:
        gated, self._gated = self._gated, None
        if gated is not None:
            gated.close()

    def _leave_settled(self) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.close()
