"""Gated standbys: read-only servers that show exactly one state of a history and can be stepped forward.

They live in the engine's `probe` folder and never outlive the engine for long: its next start ends them.
"""

import os
import shutil
import signal
from dataclasses import replace
from typing import Final

from warubi_tui.engine.feed import Feed
from warubi_tui.engine.readonly import (
    ReadOnlyServer,
    await_replay,
    fill_place,
    make_signal,
    remove_place,
    standby_settings,
)
from warubi_tui.engine.servers import ServerError, Servers
from warubi_tui.engine.site import Site
from warubi_tui.engine.store import BaseRow
from warubi_tui.engine.targets import Target
from warubi_tui.engine.timelines import RECOVERY_LIMIT_SECONDS, recovery_settings, verify_recovery
from warubi_tui.engine.wal import has_usable_snapshot

_UNFED: Final = {
    "restore_command": "",
    "primary_conninfo": "",
    "checkpoint_timeout": "1d",
    "max_standby_archive_delay": "0",
    "recovery_prefetch": "off",
    "wal_retrieve_retry_interval": "10s",
}


class UnusableBaseError(Exception):
    """From this base PostgreSQL can replay, but lets nobody in while it does."""


class Standby:
    """A running read-only server. Used by one thread at a time.

    Attributes:
        timeline: the newest timeline of its history.
        lsn: the position that names the state it shows.
        session: a superuser's session for the engine's own questions.
    """

    def __init__(self, servers: Servers, home: Site, place: str, target: Target) -> None:
        self._servers = servers
        self._socket = home.socket(place)
        self._place = place
        self._session_block = servers.session(place)
        self.session = self._session_block.__enter__()
        self.timeline = target.spans[0].timeline.id
        self.lsn = target.lsn

    @property
    def server(self) -> ReadOnlyServer:
        """The way to it."""
        return ReadOnlyServer(self._socket, self._servers.port(self._place), self.lsn)

    def runs(self) -> bool:
        """Whether the server is there; it may have been killed."""
        return self._servers.pid(self._place) is not None

    def close(self) -> None:
        """Ends it; its files stay in its place."""
        self._session_block.__exit__(None, None, None)
        self._servers.kill(self._place)


class GatedStandby(Standby):
    """A standby that replays what it is given and waits for more."""

    def __init__(self, servers: Servers, home: Site, place: str, target: Target, feed: Feed) -> None:
        super().__init__(servers, home, place, target)
        self._feed = feed
        row = self.session.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'"
        ).fetchone()
        if row is None:
            raise ServerError("the standby does not replay")
        self._startup: int = row[0]

    def advance(self, target: Target) -> None:
        """Steps forward to a later state of the same history.

        Sessions whose snapshot or lock is in the way of the log are ended.

        Raises:
            ClusterError: the log cannot be read up to there.
            ServerError: the server does not get there.
            psycopg.Error: the server is gone.
        """
        self._feed.gather(target.spans, target.lsn)
        self._feed.release(target.lsn)
        os.kill(self._startup, signal.SIGHUP)
        await_replay(self.session, target.lsn)
        self.lsn = target.lsn

    def is_locked(self) -> bool:
        """Whether a transaction that is open in this state holds a lock that keeps readers out.

        Replay takes such a lock and lets it go when it has replayed the end of that transaction.
        """
        row = self.session.execute(
            "SELECT true FROM pg_locks WHERE pid = %s AND mode = 'AccessExclusiveLock' AND granted LIMIT 1",
            (self._startup,),
        ).fetchone()
        return row is not None


class Standbys:
    """Starts standbys, each in a place: a folder that is used again for the next one."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._home = replace(site, folder="probe")
        self._servers = Servers(self._home)

    def clear(self) -> None:
        """Makes the folder of places; ends and removes whatever is there."""
        self._site.account.make_folder(self._home.timelines)
        for folder in self._home.timelines.iterdir():
            self.remove(folder.name)

    def remove(self, place: str) -> None:
        """Ends the server that runs in a place, and removes its files."""
        remove_place(self._servers, self._home, place)

    def open_gated(self, place: str, target: Target) -> GatedStandby:
        """A standby in exactly the state of `target`, which can be stepped forward.

        Transactions that were open in that state are open in it too.

        Raises:
            UnusableBaseError: nobody could read from it.
            ClusterError, ServerError, OSError: the history is damaged, the disk full.
        """
        data, base = self._home.data(place), target.base
        self._fill(place, base, "standby.signal")
        shutil.rmtree(self._home.wal(place), ignore_errors=True)
        gathered = self._site.account.make_folder(self._home.wal(place))
        feed = Feed(self._site, gathered, data / "pg_wal", base.start_lsn)
        feed.gather(target.spans, max(target.lsn, base.end_lsn + 1))
        gate = target.lsn
        if (data / "backup_label").exists():
            self._check_snapshot(feed, target)
        else:
            gate = max(gate, feed.end_of_record(base.end_lsn))
            feed.gather(target.spans, gate)
        feed.release(gate)
        settings = standby_settings(self._site, base, target.spans) | _UNFED
        self._servers.start(place, settings=settings, limit_seconds=RECOVERY_LIMIT_SECONDS)
        standby = GatedStandby(self._servers, self._home, place, target, feed)
        try:
            await_replay(standby.session, gate)
        except BaseException:
            standby.close()
            raise
        return standby

    def open_settled(self, place: str, target: Target) -> Standby:
        """A standby in exactly the state of `target`, with every transaction ended that was open in it.

        Takes longer than a gated one, and cannot be stepped.

        Raises:
            RecoveryFailedError: PostgreSQL reached another state.
            ServerError, OSError: the history is damaged, the disk full.
        """
        data = self._home.data(place)
        self._fill(place, target.base, "recovery.signal")
        settings = recovery_settings(self._site, target) | {"archive_mode": "off"}
        self._servers.start(place, settings=settings, limit_seconds=RECOVERY_LIMIT_SECONDS)
        verify_recovery(data, target)
        self._servers.stop(place)
        make_signal(data / "standby.signal", self._site.account)
        settings = standby_settings(self._site, target.base, target.spans) | _UNFED
        self._servers.start(place, settings=settings | {"recovery_target_timeline": "current"})
        return Standby(self._servers, self._home, place, target)

    def _fill(self, place: str, base: BaseRow, mark: str) -> None:
        self._servers.clear_remains(place)
        fill_place(self._site, self._home, place, base, mark)

    def _check_snapshot(self, feed: Feed, target: Target) -> None:
        base = target.base
        tli = next(span.timeline.tli for span in target.spans if span.timeline.id == base.timeline)
        end = min(target.lsn, feed.uniform_end())
        if not has_usable_snapshot(self._site, feed.gathered, tli, base.start_lsn, end):
            raise UnusableBaseError
