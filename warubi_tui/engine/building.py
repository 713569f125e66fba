"""Building timelines for branches, and letting go of those that no branch points at."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from warubi_tui.engine import clock
from warubi_tui.engine.catalog import Inventory, record_inventory
from warubi_tui.engine.computing import Computing
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Commit, nothing
from warubi_tui.engine.servers import answering
from warubi_tui.engine.store import (
    BaseRow,
    BranchRow,
    GapRow,
    RelationRow,
    RoleRow,
    SnapshotRow,
    TimelineRow,
    Transaction,
)
from warubi_tui.engine.targets import Target
from warubi_tui.engine.timelines import Materialized, free_space_wanted


@dataclass
class Build:
    """A timeline on its way: what recovery made and what its cluster holds."""

    timeline: str
    target: Target
    passwords: Mapping[str, str]
    made: Materialized | None = None
    inventory: Inventory | None = None


class Building(Computing):
    """What creating and restoring branches have in common."""

    def materialize(self, build: Build) -> None:
        """Makes the timeline's cluster; roles keep the passwords they have now, whatever they had then."""

        def prepare() -> None:
            build.inventory = self.catalog.settle(build.timeline, build.passwords)

        build.made = self.timelines.materialize(build.timeline, build.target, prepare)

    def record_build(self, tx: Transaction, branch_id: str, build: Build) -> int:
        """Writes down a finished timeline; returns the LSN at which it left its parent."""
        assert build.made is not None
        assert build.inventory is not None
        tx.update(
            TimelineRow,
            {
                "state": "ready",
                "tli": build.made.tli,
                "fork_lsn": build.made.fork_lsn,
                "fork_xid": build.inventory.checkpoint_xid,
            },
            id=build.timeline,
        )
        record_inventory(tx, branch_id, build.inventory, build.passwords)
        tx.update(BranchRow, {"logical_size": build.inventory.logical_size}, id=branch_id)
        return build.made.fork_lsn

    def discard(self, timeline: str) -> Commit:
        """Removes a timeline no branch points at; its log stays while timelines or snapshots need it."""
        with self.tidying:
            return self._discard(timeline)

    def _discard(self, timeline: str) -> Commit:
        with self.store.transaction() as tx:
            row = tx.one(TimelineRow, id=timeline)
            needed = is_needed(tx, timeline)
        if row is None:
            return nothing
        if needed:
            self.servers.stop(timeline)
            self.timelines.keep_history_only(timeline)
            return lambda tx: _keep_row(tx, timeline)
        doomed = self._kept_only_for(timeline)
        for gone in doomed:
            self.timelines.remove(gone)
            failpoint("delete: a timeline's files are gone")

        def commit(tx: Transaction) -> None:
            for gone in doomed:
                forget_timeline(tx, gone)

        return commit

    def _kept_only_for(self, timeline: str) -> list[str]:
        """A timeline and the ancestors whose log was kept for it alone, child before parent."""
        doomed = [timeline]
        with self.store.transaction() as tx:
            while True:
                row = tx.one(TimelineRow, id=doomed[-1])
                parent = tx.one(TimelineRow, id=row.parent) if row and row.parent else None
                if parent is None or parent.state != "history":
                    return doomed
                if is_needed(tx, parent.id, besides=doomed[-1]):
                    return doomed
                doomed.append(parent.id)

    def stop_quickly(self, timeline: str) -> None:
        """Stops a server that has little left to write when its clients are told."""
        if self.servers.pid(timeline) is not None:
            with (
                suppress(psycopg.OperationalError),
                self.servers.session(timeline) as session,
                answering(session),
            ):
                session.execute("CHECKPOINT")
        self.servers.stop(timeline)

    def passwords(self, branch_id: str) -> dict[str, str]:
        """The stored passwords of a branch's roles."""
        with self.store.transaction() as tx:
            return {role.name: role.password for role in tx.all(RoleRow, branch=branch_id)}

    def check_name(self, name: str) -> None:
        """Raises ApiError 409 where a branch has this name. The caller claims the name."""
        if any(branch.name == name for branch in self.branches()):
            raise ApiError(409, f"branch with the name {name!r} already exists")

    def affordable(self, target: Target) -> Target:
        """`target`, if the disk has room for it. Raises ApiError 507."""
        wanted, free = free_space_wanted(self.site, target)
        if free < wanted:
            self.spare.drop()
            wanted, free = free_space_wanted(self.site, target)
        if free < wanted:
            raise ApiError(
                507, f"not enough space on the engine's disk: {wanted:,} bytes wanted, {free:,} free"
            )
        return target


def check_not_previewed(branch: BranchRow) -> None:
    """Raises ApiError 422 where a branch made from a snapshot is not finalized yet."""
    if branch.restore_status == "restored":
        raise ApiError(422, "restore from snapshot on target branch is still ongoing")


def name_claim(name: str) -> str:
    """What a task claims that is going to give a branch this name: no two tasks may."""
    return f"name {name}"


def creating_row(build: Build) -> TimelineRow:
    """The record of a timeline that is being made; it protects the history it comes from."""
    parent = build.target.spans[0].timeline
    return TimelineRow(build.timeline, parent.id, build.target.lsn, parent.tli + 1, "creating", clock.now())


def forget_timeline(tx: Transaction, timeline: str) -> None:
    """Removes a timeline's row and those of its bases and gaps."""
    tx.delete(BaseRow, timeline=timeline)
    tx.delete(GapRow, timeline=timeline)
    tx.delete(RelationRow, timeline=timeline)
    tx.delete(TimelineRow, id=timeline)


def is_needed(tx: Transaction, timeline: str, *, besides: str | None = None) -> bool:
    """Whether another timeline than `besides` came out of this one, or a snapshot is pinned to it."""
    children = [child for child in tx.all(TimelineRow, parent=timeline) if child.id != besides]
    return bool(children) or tx.one(SnapshotRow, timeline=timeline) is not None


def _keep_row(tx: Transaction, timeline: str) -> None:
    tx.update(TimelineRow, {"state": "history"}, id=timeline)
