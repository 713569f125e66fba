"""Base backups: copies of a timeline's cluster from which its WAL can be replayed."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from warubi_tui.engine import clock
from warubi_tui.engine.clusters import read_control
from warubi_tui.engine.copying import copy_file, copy_tree
from warubi_tui.engine.durability import disk_sync
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.servers import Servers
from warubi_tui.engine.site import Site
from warubi_tui.engine.spare import Spare
from warubi_tui.engine.store import BaseRow, Store, TimelineRow
from warubi_tui.engine.wal import SEGMENT
from warubi_tui.lsn import Lsn

_NOT_FILES = {"postmaster.pid", "postmaster.opts", "backup_label", "tablespace_map", "current_logfiles"}
_EMPTY_FOLDERS = {
    "pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp",
    "pg_subtrans",
}  # fmt: skip


_LEAST_LOG: Final = 32 << 20
BEFORE_REST: Final = 16 << 20
"""Bytes of log behind its newest base with which a server gets a new one before it is suspended."""


def log_before_base(logical_size: int | None) -> int:
    """How many bytes of log call for a new base of a cluster of so many bytes.

    An eighth of its size, for a byte of log takes about eight times as long to replay as a byte of a
    cluster to copy: replay then never takes the larger part of making a branch. At least 32 MB, which
    takes a quarter of a second.
    """
    return max(_LEAST_LOG, (logical_size or 0) // 8)


def belongs_in_base(path: str) -> bool:
    """Whether a base holds this file of a cluster (path relative to it).

    The list is PostgreSQL's own for low-level base backups: section "Backing Up the Data Directory" of its
    manual. `pg_control` is left out here because it must be copied last.
    """
    folder, _, name = path.rpartition("/")
    if folder.partition("/")[0] in _EMPTY_FOLDERS or path == "global/pg_control":
        return False
    return name not in _NOT_FILES and not name.startswith(("pgsql_tmp", "pg_internal.init"))


@contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


class Bases:
    """Takes base backups and remembers them."""

    def __init__(self, site: Site, store: Store, servers: Servers, spare: Spare) -> None:
        self._site = site
        self._store = store
        self._servers = servers
        self._spare = spare

    def take_cold(self, timeline: str) -> BaseRow:
        """Copies a cleanly stopped cluster; it is consistent at its shutdown checkpoint."""
        end_lsn = read_control(self._site, self._site.data(timeline)).checkpoint_lsn
        identity, folder = self._new_folder(timeline)
        with _removed_on_failure(folder):
            size = self._copy(timeline, folder)
        return self._remember(identity, timeline, end_lsn, size, end_lsn)

    def take_hot(self, timeline: str) -> BaseRow:
        """Copies a running cluster; it is consistent where PostgreSQL says the backup ended."""
        identity, folder = self._new_folder(timeline)
        with _removed_on_failure(folder):
            with self._servers.session(timeline) as session:
                begun = session.execute(
                    "SELECT pg_backup_start(%s, fast => true)::text", (identity,)
                ).fetchone()
                failpoint("base: backup started")
                size = self._copy(timeline, folder)
                row = session.execute("SELECT lsn::text, labelfile FROM pg_backup_stop(false)").fetchone()
            assert row is not None
            assert begun is not None
            failpoint("base: backup stopped")
            label = folder / "backup_label"
            label.write_text(row[1])
            label.chmod(0o600)
            self._site.account.own(label)
        return self._remember(identity, timeline, Lsn.parse(row[0]), size, Lsn.parse(begun[0]))

    def behind(self, timeline: str) -> int:
        """Bytes of log that a running server has written since its newest base, or since its fork.

        A base ends a segment early: what it leaves empty is not counted.
        """
        with self._servers.session(timeline) as session:
            row = session.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert row is not None
        with self._store.transaction() as tx:
            ends = [-(-base.end_lsn // SEGMENT) * SEGMENT for base in tx.all(BaseRow, timeline=timeline)]
            known = tx.one(TimelineRow, id=timeline)
        assert known is not None
        return max(Lsn.parse(row[0]) - max([*ends, known.fork_lsn or 0]), 0)

    def _new_folder(self, timeline: str) -> tuple[str, Path]:
        identity = secrets.token_hex(8)
        return identity, self._site.account.make_folder(self._site.bases(timeline)) / identity

    def _copy(self, timeline: str, folder: Path) -> int:
        data = self._site.data(timeline)
        account = self._site.account
        size = copy_tree(data, folder, account, belongs_in_base)
        failpoint("base: copied without its control file")
        size += copy_file(data / "global" / "pg_control", folder / "global" / "pg_control", account)
        read_control(self._site, folder)
        return size

    def _remember(self, identity: str, timeline: str, end_lsn: int, size: int, start_lsn: int) -> BaseRow:
        with disk_sync(self._site.bases(timeline)) as sync:
            sync()
        failpoint("base: on disk")
        row = BaseRow(identity, timeline, end_lsn, clock.now(), size, start_lsn)
        with self._store.transaction() as tx:
            tx.insert(row)
        failpoint("base: recorded")
        self._spare.prepare(row)
        return row
