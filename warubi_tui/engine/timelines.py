"""Making and unmaking timelines: the first one by initdb, every other by replaying its parent's log."""

import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from warubi_tui.engine.clusters import initdb, read_control
from warubi_tui.engine.copying import copy_file, copy_tree
from warubi_tui.engine.durability import disk_sync
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import RecoveryFailedError
from warubi_tui.engine.lineage import restore_command
from warubi_tui.engine.servers import ServerError, Servers
from warubi_tui.engine.site import Site
from warubi_tui.engine.spare import Spare
from warubi_tui.engine.store import BaseRow
from warubi_tui.engine.targets import Target
from warubi_tui.lsn import Lsn

RECOVERY_LIMIT_SECONDS: Final = 3600.0
_SPARE_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class Materialized:
    """A timeline that recovery made: its number and where it left its parent."""

    tli: int
    fork_lsn: int


def free_space_wanted(site: Site, target: Target) -> tuple[int, int]:
    """Bytes a new timeline may need, and bytes that are free."""
    log = max(target.lsn - target.base.end_lsn, 0)
    return int(target.base.size * 1.2) + log + _SPARE_BYTES, shutil.disk_usage(site.root).free


class Timelines:
    """Creates and removes the files of timelines; the store is its caller's business."""

    def __init__(self, site: Site, servers: Servers, spare: Spare) -> None:
        self._site = site
        self._servers = servers
        self._spare = spare

    def create_first(self, timeline: str, prepare: Callable[[], None]) -> None:
        """A new cluster, running while `prepare` fills it, cleanly stopped afterwards."""
        self._make_folders(timeline)
        with disk_sync(self._site.timeline(timeline)) as sync:
            initdb(self._site, self._site.data(timeline))
            failpoint("first: cluster made")
            self._servers.start(timeline, settings={"fsync": "off"})
            prepare()
            failpoint("first: furnished")
            self._servers.stop(timeline)
            sync()

    def materialize(self, timeline: str, target: Target, prepare: Callable[[], None]) -> Materialized:
        """A new cluster in exactly the state of `target`, promoted, cleanly stopped, on disk.

        `prepare` runs while the new cluster is up, before it is stopped.

        Raises:
            RecoveryFailedError: PostgreSQL could not reach the state, or reached another one.
            OSError: copying failed.
        """
        self._make_folders(timeline)
        failpoint("build: folders made")
        data = self._site.data(timeline)
        with disk_sync(self._site.timeline(timeline)) as sync, ThreadPoolExecutor(1) as beside:
            self._copy_base(target.base, data)
            failpoint("build: base copied")
            copied = beside.submit(sync)
            made = self._recover(timeline, target, prepare)
            recovered = beside.submit(sync)
            if not read_control(self._site, data).shut_down:
                raise RecoveryFailedError("the recovered cluster did not stop cleanly")
            copied.result()
            recovered.result()
        failpoint("build: on disk")
        self._spare.prepare(target.base)
        return made

    def _recover(self, timeline: str, target: Target, prepare: Callable[[], None]) -> Materialized:
        settings = recovery_settings(self._site, target)
        try:
            self._servers.start(timeline, settings=settings, limit_seconds=RECOVERY_LIMIT_SECONDS)
            failpoint("build: recovered")
            made = verify_recovery(self._site.data(timeline), target)
            prepare()
            failpoint("build: settled")
            self._servers.stop(timeline)
            failpoint("build: stopped")
        except ServerError as error:
            raise RecoveryFailedError(
                f"PostgreSQL could not recover to {Lsn(target.lsn)}: {error}"
            ) from error
        return made

    def _make_folders(self, timeline: str) -> None:
        make = self._site.account.make_folder
        for folder in (self._site.timeline(timeline), self._site.wal(timeline), self._site.bases(timeline)):
            make(folder)

    def _copy_base(self, base: BaseRow, data: Path) -> None:
        account = self._site.account
        if not self._spare.take(base, data):
            copy_tree(self._site.bases(base.timeline) / base.id, data, account, lambda _: True)
        failpoint("build: base copied without recovery.signal")
        (data / "recovery.signal").touch(mode=0o600)
        account.own(data / "recovery.signal")

    def keep_history_only(self, timeline: str) -> None:
        """Removes the cluster of a stopped timeline and keeps its log and bases, for its children.

        Safe to repeat after it was interrupted: the archive never holds half a segment.
        """
        archive, data = self._site.wal(timeline), self._site.data(timeline)
        part = archive / ".part"
        for segment in (data / "pg_wal").glob("*"):
            kept = archive / segment.name
            if re.fullmatch(r"[0-9A-F]{24}|[0-9A-F]{8}\.history", segment.name) and not kept.exists():
                part.unlink(missing_ok=True)
                copy_file(segment, part, self._site.account)
                failpoint("history: segment half kept")
                part.rename(kept)
                failpoint("history: segment kept")
        if data.exists():
            shutil.rmtree(data)
        failpoint("history: cluster removed")

    def remove(self, timeline: str) -> None:
        """Ends whatever runs on a timeline and removes all its files."""
        self._servers.kill(timeline)
        failpoint("remove: servers ended")
        for folder in (self._site.timeline(timeline), self._site.socket(timeline)):
            if folder.exists():
                shutil.rmtree(folder)
            failpoint("remove: a folder is gone")


def recovery_settings(site: Site, target: Target) -> dict[str, str]:
    """Settings with which a server, started from a copy of the target's base, ends in its state."""
    settings = {
        "restore_command": restore_command(site, target.spans),
        "recovery_target_timeline": str(target.spans[0].timeline.tli),
        "recovery_target_action": "promote",
        "hot_standby": "off",
        "fsync": "off",
        "autovacuum": "off",
    }
    if target.stop is None:
        return settings | {"recovery_target": "immediate"}
    return settings | {
        "recovery_target_lsn": str(Lsn(target.stop.start)),
        "recovery_target_inclusive": "on",
    }


def verify_recovery(data: Path, target: Target) -> Materialized:
    """Reads the new timeline's history file: PostgreSQL says there where and why recovery stopped.

    Recovery that ends at a gap in the log, or without a target, also promotes with success; only this line
    tells. Format: "parentTLI <tab> switchpoint <tab> reason" (timeline.c, writeTimeLineHistory).

    Raises:
        RecoveryFailedError: it is not the target's state.
    """
    parent_tli = target.spans[0].timeline.tli
    tli = parent_tli + 1
    try:
        lines = (data / "pg_wal" / f"{tli:08X}.history").read_text().strip().splitlines()
    except FileNotFoundError as error:
        raise RecoveryFailedError(f"recovery did not make timeline {tli}") from error
    number, switchpoint, reason = lines[-1].split("\t", 2)
    stopped = re.fullmatch(r"after LSN ([0-9A-F]+/[0-9A-F]+)", reason.strip())
    if target.stop is None:
        right = reason.strip() == "reached consistency"
    else:
        right = stopped is not None and Lsn.parse(stopped[1]) == target.stop.start
    if not right or int(number) != parent_tli:
        raise RecoveryFailedError(f"recovery stopped somewhere else than at {Lsn(target.lsn)}: {lines[-1]!r}")
    return Materialized(tli, Lsn.parse(switchpoint))
