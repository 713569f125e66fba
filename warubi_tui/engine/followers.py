"""Read-only computes: hot standbys that follow the server of their branch."""

import hashlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from psycopg.conninfo import make_conninfo

from warubi_tui.engine.clusters import SUPERUSER
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.lineage import Span, restore_command
from warubi_tui.engine.looking import Looking
from warubi_tui.engine.readonly import await_replay, fill_place, remove_place, standby_settings
from warubi_tui.engine.servers import ServerError, Servers
from warubi_tui.engine.state import find_branch
from warubi_tui.engine.store import BranchRow, EndpointRow
from warubi_tui.engine.targets import newest_base

_SENDER_PATIENCE: Final = "5s"

_log = logging.getLogger("warubi.engine")


class Followers:
    """The servers of `read_only` endpoints. Thread-safe.

    A follower streams the log from the Unix socket of its branch's server while that runs, and reads it out
    of the archive and the branch's files otherwise. Its own files count only while it runs: every start
    begins with a copy of a base.
    """

    def __init__(self, looking: Looking) -> None:
        self._looking = looking
        self._home = replace(looking.site, folder="followers")
        self._servers = Servers(self._home)

    def start(self, endpoint_id: str) -> None:
        """Starts the server, on the branch's present timeline, and returns when it has caught up.

        One that runs already is left alone, unless it follows a timeline that the branch has left.

        Raises:
            ApiError: 404; 500, 503 the branch's history cannot be read.
            ClusterError, ServerError, OSError: it does not start.
        """
        branch = self._branch(endpoint_id)
        place = _place(endpoint_id)
        with self._servers.held(place), self._looking.pins.hold(branch.timeline):
            if self._follows(place) == branch.timeline and self._servers.pid(place) is not None:
                return
            self._end(place)
            self._build(place, self._looking.history(branch.id), endpoint_id)

    def stop(self, endpoint_id: str) -> None:
        """Stops the server, if it runs: sessions end with SQLSTATE 57P01."""
        place = _place(endpoint_id)
        with self._servers.held(place):
            self._end(place)

    def runs(self, endpoint_id: str) -> bool:
        """Whether the server is there."""
        return self._servers.pid(_place(endpoint_id)) is not None

    def socket(self, endpoint_id: str) -> Path:
        """The file of the server's Unix socket, be it running or not."""
        return self._servers.socket(_place(endpoint_id))

    def tidy(self) -> None:
        """Ends the servers of endpoints that are gone, and those that follow what their branch has left."""
        for folder in self._folders():
            with self._servers.held(folder.name):
                follows = self._follows(folder.name)
                if follows is None or self._should_follow(folder.name) != follows:
                    self._remove_now_or_later(folder.name)

    def close(self) -> None:
        """Ends all servers."""
        for folder in self._folders():
            with self._servers.held(folder.name):
                self._remove(folder.name)

    def _folders(self) -> list[Path]:
        return list(self._looking.site.account.make_folder(self._home.timelines).iterdir())

    def _should_follow(self, place: str) -> str | None:
        with self._looking.store.transaction() as tx:
            for row in tx.all(EndpointRow, type="read_only"):
                branch = tx.one(BranchRow, id=row.branch, deleted_at=None)
                if _place(row.id) == place and branch is not None:
                    return branch.timeline
        return None

    def _branch(self, endpoint_id: str) -> BranchRow:
        with self._looking.store.transaction() as tx:
            row = tx.one(EndpointRow, id=endpoint_id)
            if row is None:
                raise ApiError(404, f"endpoint {endpoint_id} not found")
            return find_branch(tx, row.branch)

    def _follows(self, place: str) -> str | None:
        try:
            return self._mark(place).read_text()
        except FileNotFoundError:
            return None

    def _mark(self, place: str) -> Path:
        return self._home.timeline(place) / "follows"

    def _end(self, place: str) -> None:
        self._mark(place).unlink(missing_ok=True)
        with suppress(ServerError):
            self._servers.stop(place)
        self._servers.kill(place)

    def _remove_now_or_later(self, place: str) -> None:
        try:
            self._remove(place)
        except OSError:
            _log.warning("a read-only compute leaves files behind", exc_info=True)

    def _remove(self, place: str) -> None:
        self._end(place)
        remove_place(self._servers, self._home, place)

    def _build(self, place: str, spans: Sequence[Span], endpoint_id: str) -> None:
        site, home = self._looking.site, self._home
        base = newest_base(spans, spans[0].high)
        fill_place(site, home, place, base, "standby.signal")
        source = self._looking.servers.socket(spans[0].timeline.id)
        settings = standby_settings(site, base, spans) | {
            "restore_command": restore_command(site, spans, link=False),
            "primary_conninfo": make_conninfo(
                host=str(source.parent),
                port=source.suffix.lstrip("."),
                user=SUPERUSER,
                application_name=endpoint_id,
                options=f"-c wal_sender_timeout={_SENDER_PATIENCE}",
            ),
            "wal_retrieve_retry_interval": "1s",
        }
        self._servers.start(place, settings=settings)
        with self._servers.session(place) as session:
            await_replay(session, spans[0].high)
        self._mark(place).write_text(spans[0].timeline.id)


def _place(endpoint_id: str) -> str:
    """The name of an endpoint's folder, in the form of a timeline's."""
    return hashlib.sha256(endpoint_id.encode()).hexdigest()[:16]
