"""What happens to history without anybody asking: snapshots come and go on time, old states leave."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import psycopg

from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.consolidating import Consolidating
from warubi_tui.engine.failures import ApiError, RecoveryFailedError
from warubi_tui.engine.previewing import Previewing
from warubi_tui.engine.schedules import Scheduling
from warubi_tui.engine.servers import ServerError
from warubi_tui.engine.site import Site
from warubi_tui.engine.store import Store

_PRUNE_SECONDS: Final = 60.0

_log = logging.getLogger("warubi.engine")


class Upkeep(Previewing, Scheduling, Consolidating):
    """What the sweeper does besides tending to branches."""

    def __init__(self, site: Site, store: Store) -> None:
        super().__init__(site, store)
        self._next_prune = time.monotonic()

    def prune_soon(self) -> None:
        """The sweeper prunes the next time it comes by."""
        self._next_prune = time.monotonic()

    def tend_history(self) -> None:
        """Takes the snapshots that are due, deletes those that expired, and once a minute saves room.

        What fails is logged and done the next time.
        """
        for row, moment in self.due_snapshots():
            _attempt(
                f"the {row.frequency} snapshot of {row.branch}", partial(self.take_due_snapshot, row, moment)
            )
        for snapshot in self.expired_snapshots():
            _attempt(f"expiring {snapshot}", partial(self.delete_snapshot, snapshot))
        if time.monotonic() >= self._next_prune:
            self._next_prune = time.monotonic() + _PRUNE_SECONDS
            for owner in self.expensive_owners():
                _attempt(f"giving {owner} a copy of its own", partial(self.settle, owner))
            _attempt("pruning", self.prune)


def _attempt(what: str, work: Callable[[], object]) -> None:
    try:
        work()
    except (ApiError, ClusterError, RecoveryFailedError, ServerError, OSError, psycopg.Error):
        _log.warning("%s failed", what, exc_info=True)
