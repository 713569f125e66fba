"""What every verb of the engine works with."""

import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from warubi_tui.engine.bases import Bases
from warubi_tui.engine.catalog import Catalog
from warubi_tui.engine.edge.edge import Edge
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Jobs
from warubi_tui.engine.limits import Limits
from warubi_tui.engine.pins import Pins
from warubi_tui.engine.servers import Servers
from warubi_tui.engine.site import Site
from warubi_tui.engine.spare import Spare
from warubi_tui.engine.store import BranchRow, EndpointRow, ProjectRow, Store, Transaction
from warubi_tui.engine.timelines import Timelines

_PORTS: Final = range(21_000, 32_000)  # below the ports that systems hand out to outgoing connections


class EngineState:
    """The parts of one engine: its site, store, servers, and running operations."""

    def __init__(self, site: Site, store: Store) -> None:
        self.site = site
        self.store = store
        self.servers = Servers(site)
        self.spare = Spare(site)
        self.bases = Bases(site, store, self.servers, self.spare)
        self.timelines = Timelines(site, self.servers, self.spare)
        self.catalog = Catalog(self.servers)
        self.jobs = Jobs(store)
        self.pins = Pins()
        self.tidying = threading.RLock()
        self.limits = Limits()
        self.edge = Edge(site.root / "tls")

    def project(self) -> ProjectRow:
        """The engine's one project."""
        with self.store.transaction() as tx:
            row = tx.one(ProjectRow)
        if row is None:
            raise ApiError(404, "the engine has no project yet")
        return row

    def branches(self) -> list[BranchRow]:
        """All branches that are not deleted, oldest first."""
        with self.store.transaction() as tx:
            return tx.all(BranchRow, deleted_at=None)

    def deleted_branches(self) -> list[BranchRow]:
        """Deleted branches that can be recovered, in the order they were deleted."""
        with self.store.transaction() as tx:
            rows = [row for row in tx.all(BranchRow) if row.deleted_at is not None]
        return sorted(rows, key=lambda row: row.deleted_at or 0)

    def branch(self, branch_id: str) -> BranchRow:
        """Raises ApiError 404."""
        with self.store.transaction() as tx:
            return find_branch(tx, branch_id)

    @contextmanager
    def running(self, timeline: str) -> Iterator[None]:
        """The timeline's server runs in the block; afterwards it is as it was."""
        with self.servers.held(timeline):
            started = self.servers.pid(timeline) is None
            if started:
                self.servers.start(timeline)
            try:
                yield
            finally:
                if started:
                    self.servers.stop(timeline)

    def free_port(self, tx: Transaction) -> int:
        """A port no endpoint has and nobody listens on. Raises ApiError 503 where there is none."""
        taken = {row.port for row in tx.all(EndpointRow)}
        first = zlib.crc32(str(self.site.root).encode(errors="surrogateescape")) % len(_PORTS)
        for position in range(len(_PORTS)):
            port = _PORTS[(first + position) % len(_PORTS)]
            if port not in taken and _nobody_listens(port):
                return port
        raise ApiError(503, f"no free port between {_PORTS.start} and {_PORTS.stop - 1}")


def find_branch(tx: Transaction, branch_id: str) -> BranchRow:
    """A branch that is not deleted. Raises ApiError 404."""
    row = tx.one(BranchRow, id=branch_id, deleted_at=None)
    if row is None:
        raise ApiError(404, f"branch {branch_id} not found")
    return row


def _nobody_listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
