"""Gated standbys: read-only servers that show exactly one state of a history and can be stepped forward.

They live in the engine's `probe` folder and never outlive the engine for long: its next start ends them.
"""

import os
import secrets
import signal
from dataclasses import replace
from typing import Final

from warubi_tui.engine.copying import copy_tree
from warubi_tui.engine.feed import Feed
from warubi_tui.engine.readonly import (
    ReadOnlyServer,
    await_replay,
    make_mark,
    remove_server,
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
    "wal_retrieve_retry_interval": "1s",
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

    def __init__(self, servers: Servers, home: Site, identity: str, timeline: str) -> None:
        self._servers = servers
        self._home = home
        self._identity = identity
        self._session_block = servers.session(identity)
        self.session = self._session_block.__enter__()
        self.timeline = timeline
        self.lsn = 0

    @property
    def server(self) -> ReadOnlyServer:
        """The way to it."""
        home = self._home
        return ReadOnlyServer(home.socket(self._identity), self._servers.port(self._identity), self.lsn)

    def runs(self) -> bool:
        """Whether the server is there; it may have been killed."""
        return self._servers.pid(self._identity) is not None

    def close(self) -> None:
        """Ends it and removes its files."""
        self._session_block.__exit__(None, None, None)
        remove_server(self._servers, self._home, self._identity)


class GatedStandby(Standby):
    """A standby that replays what it is given and waits for more."""

    def __init__(self, servers: Servers, home: Site, identity: str, timeline: str, feed: Feed) -> None:
        super().__init__(servers, home, identity, timeline)
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
    """Makes standbys."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._home = replace(site, folder="probe")
        self._servers = Servers(self._home)

    def clear(self) -> None:
        """Makes the folder; ends and removes whatever a former engine left there."""
        self._site.account.make_folder(self._home.timelines)
        for folder in self._home.timelines.iterdir():
            remove_server(self._servers, self._home, folder.name)

    def open_gated(self, target: Target) -> GatedStandby:
        """A standby in exactly the state of `target`, which can be stepped forward.

        Transactions that were open in that state are open in it too.

        Raises:
            UnusableBaseError: nobody could read from it.
            ClusterError, ServerError, OSError: the history is damaged, the disk full.
        """
        identity = self._copy(target.base, "standby.signal")
        try:
            return self._start_gated(identity, target)
        except BaseException:
            remove_server(self._servers, self._home, identity)
            raise

    def open_settled(self, target: Target) -> Standby:
        """A standby in exactly the state of `target`, with every transaction ended that was open in it.

        Takes longer than a gated one, and cannot be stepped.

        Raises:
            RecoveryFailedError: PostgreSQL reached another state.
            ServerError, OSError: the history is damaged, the disk full.
        """
        identity = self._copy(target.base, "recovery.signal")
        try:
            data = self._home.data(identity)
            settings = recovery_settings(self._site, target) | {"archive_mode": "off"}
            self._servers.start(identity, settings=settings, limit_seconds=RECOVERY_LIMIT_SECONDS)
            verify_recovery(data, target)
            self._servers.stop(identity)
            make_mark(data / "standby.signal", self._site.account)
            settings = (
                standby_settings(self._site, target.base, target.spans)
                | _UNFED
                | {"recovery_target_timeline": "current"}
            )
            self._servers.start(identity, settings=settings)
            standby = Standby(self._servers, self._home, identity, target.spans[0].timeline.id)
        except BaseException:
            remove_server(self._servers, self._home, identity)
            raise
        standby.lsn = target.lsn
        return standby

    def _copy(self, base: BaseRow, mark: str) -> str:
        identity = secrets.token_hex(8)
        account = self._site.account
        account.make_folder(self._home.timeline(identity))
        data = self._home.data(identity)
        try:
            copy_tree(self._site.bases(base.timeline) / base.id, data, account, lambda _: True)
            make_mark(data / mark, account)
        except BaseException:
            remove_server(self._servers, self._home, identity)
            raise
        return identity

    def _start_gated(self, identity: str, target: Target) -> GatedStandby:
        data, base = self._home.data(identity), target.base
        gathered = self._site.account.make_folder(self._home.wal(identity))
        feed = Feed(self._site, gathered, data / "pg_wal", base.start_lsn)
        feed.gather(target.spans, max(target.lsn, base.end_lsn + 1))
        gate = target.lsn
        if (data / "backup_label").exists():
            self._check_snapshot(feed, target)
        else:
            gate = max(gate, feed.end_of_record(base.end_lsn))
        feed.release(gate)
        settings = standby_settings(self._site, target.base, target.spans) | _UNFED
        self._servers.start(identity, settings=settings, limit_seconds=RECOVERY_LIMIT_SECONDS)
        standby = GatedStandby(self._servers, self._home, identity, target.spans[0].timeline.id, feed)
        await_replay(standby.session, gate)
        standby.lsn = target.lsn
        return standby

    def _check_snapshot(self, feed: Feed, target: Target) -> None:
        base = target.base
        tli = next(span.timeline.tli for span in target.spans if span.timeline.id == base.timeline)
        end = min(target.lsn, feed.uniform_end())
        if not has_usable_snapshot(self._site, feed.gathered, tli, base.start_lsn, end):
            raise UnusableBaseError
