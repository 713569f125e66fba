"""Snapshots: states that are kept, also when they leave the history window. Taking one copies nothing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from warubi_tui.engine import clock
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Commit, Step, nothing
from warubi_tui.engine.lineage import trace
from warubi_tui.engine.names import new_id
from warubi_tui.engine.pruning import Pruning
from warubi_tui.engine.store import BranchRow, OperationRow, SnapshotRow, Transaction, Value
from warubi_tui.engine.targets import Target, find_at_lsn
from warubi_tui.lsn import Lsn

MOST_MANUAL: Final = 100
"""How many manual snapshots a project may have: as many as on Neon's paid plans (1 on its free one)."""


class Snapshotting(Pruning):
    """The verbs on snapshots, except for restoring them."""

    def snapshots(self) -> list[SnapshotRow]:
        """All, newest first."""
        with self.store.transaction() as tx:
            return sorted(tx.all(SnapshotRow), key=lambda row: row.created_at)[::-1]

    def snapshot(self, snapshot_id: str) -> SnapshotRow:
        """Raises ApiError 404."""
        with self.store.transaction() as tx:
            return find_snapshot(tx, snapshot_id)

    def take_snapshot(
        self,
        branch_id: str,
        *,
        name: str | None = None,
        slug: str | None = None,
        at: datetime | None = None,
        lsn: Lsn | None = None,
        expires_at: datetime | None = None,
    ) -> SnapshotRow:
        """Keeps the state of a root branch now, at a time, or at a position.

        Raises:
            ApiError: 404; 409 the slug is taken; 422 not a root, too many, it expires in the past, or the
                point is outside the history window; 423.
        """
        moment = clock.now()
        expiry = _expiry(expires_at, moment)
        with self.jobs.claim(shared=[branch_id]):
            branch = self.branch(branch_id)
            check_root(branch)
            target = self.resolve(branch_id, at=at, lsn=lsn)
            if at is not None:
                timestamp = clock.to_microseconds(at)
            else:
                timestamp = moment if lsn is None else target.time
            row = replace(
                pinned(branch, target, name or f"{branch.name} at {_words(timestamp)} (manual)"),
                slug=slug,
                timestamp=timestamp,
                created_at=moment,
                expires_at=expiry,
                full_size=branch.logical_size,
            )
            with self.store.transaction() as tx:
                _check_room(tx, slug)
                tx.insert(row)
                failpoint("snapshot: written, not committed")
        failpoint("snapshot: taken")
        return row

    def snapshot_state(self, snapshot_id: str) -> Target:
        """What a snapshot keeps. Raises ApiError 404, 500 (the log cannot be read)."""
        with self.store.transaction() as tx:
            row = find_snapshot(tx, snapshot_id)
            spans = trace(tx, row.timeline, row.pin_lsn)
        try:
            return find_at_lsn(self.site, spans, row.pin_lsn)
        except ClusterError as error:
            raise ApiError(500, f"the history snapshot {row.name} needs is damaged: {error}") from error

    def change_snapshot(self, snapshot_id: str, changes: Mapping[str, object]) -> SnapshotRow:
        """Changes `name` (str) and `expires_at` (aware datetime or None): those given.

        Raises:
            ApiError: 404; 422 it would expire in the past.
        """
        columns: dict[str, Value] = {}
        if "name" in changes:
            columns["name"] = str(changes["name"])
        if "expires_at" in changes:
            wish = changes["expires_at"]
            columns["expires_at"] = _expiry(wish if isinstance(wish, datetime) else None, clock.now())
        with self.store.transaction() as tx:
            find_snapshot(tx, snapshot_id)
            if columns:
                tx.update(SnapshotRow, columns, id=snapshot_id)
            return find_snapshot(tx, snapshot_id)

    def delete_snapshot(self, snapshot_id: str) -> list[OperationRow]:
        """Lets go of a state and of what was kept for it alone.

        Raises:
            ApiError: 404; 423 it is being restored.
        """

        def run() -> Commit:
            self.prune()
            return nothing

        with self.jobs.claim(exclusive=[snapshot_id]) as claim:
            with self.store.transaction() as tx:
                row = find_snapshot(tx, snapshot_id)
                tx.delete(SnapshotRow, id=snapshot_id)
                step = Step("delete_timeline", run)
                task, operations = self.jobs.plan(tx, claim, row.source_branch, [step])
            self.jobs.launch(task)
        return operations

    def expired_snapshots(self) -> list[str]:
        """Ids of those whose time is over."""
        moment = clock.now()
        return [row.id for row in self.snapshots() if row.expires_at is not None and row.expires_at <= moment]


def pinned(branch: BranchRow, target: Target, name: str) -> SnapshotRow:
    """The record of a snapshot of a branch's state `target`."""
    return SnapshotRow(
        id=new_id("snap"),
        name=name,
        slug=None,
        source_branch=branch.id,
        timeline=target.spans[0].timeline.id,
        pin_lsn=target.lsn,
        lsn=target.lsn,
        timestamp=target.time,
        created_at=clock.now(),
        expires_at=None,
        manual=1,
        full_size=None,
        diff_size=None,
    )


def find_snapshot(tx: Transaction, snapshot_id: str) -> SnapshotRow:
    """Raises ApiError 404."""
    row = tx.one(SnapshotRow, id=snapshot_id)
    if row is None:
        raise ApiError(404, f"snapshot {snapshot_id} not found")
    return row


def check_root(branch: BranchRow) -> None:
    """Raises ApiError 422 where a branch has a parent: Neon takes snapshots of root branches only."""
    if branch.parent is not None:
        raise ApiError(422, f"snapshots are for root branches only: {branch.name} has a parent")


def _check_room(tx: Transaction, slug: str | None) -> None:
    if len(tx.all(SnapshotRow, manual=1)) >= MOST_MANUAL:
        raise ApiError(422, f"manual snapshots limit exceeded: a project may have {MOST_MANUAL}")
    if slug is not None and tx.one(SnapshotRow, slug=slug) is not None:
        raise ApiError(409, f"snapshot with the slug {slug!r} already exists")


def _expiry(expires_at: datetime | None, now: int) -> int | None:
    if expires_at is None:
        return None
    moment = clock.to_microseconds(expires_at)
    if moment <= now:
        raise ApiError(422, "expires_at must be in the future")
    return moment


def _words(microseconds: int) -> str:
    return f"{clock.to_datetime(microseconds):%Y-%m-%d %H:%M:%S} UTC"
