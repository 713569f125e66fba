"""Restoring in place: a new timeline is built beside the old one, then one transaction swaps them."""

import itertools
from dataclasses import dataclass, replace
from datetime import datetime

from warubi_tui.engine import clock
from warubi_tui.engine.building import Build, Building, check_not_previewed, creating_row, name_claim
from warubi_tui.engine.catalog import copy_records
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Claim, Commit, Step, nothing
from warubi_tui.engine.names import new_id, new_timeline
from warubi_tui.engine.state import find_branch
from warubi_tui.engine.store import BranchRow, EndpointRow, OperationRow, TimelineRow, Transaction
from warubi_tui.lsn import Lsn


@dataclass(frozen=True)
class _Swap:
    """A restore on its way: the branch as it was, the branch that keeps its state, and the new timeline."""

    branch: BranchRow
    kept: BranchRow
    build: Build
    endpoints: list[EndpointRow]
    parent: str | None
    parent_timestamp: int | None


class Restoring(Building):
    """The verb that puts a branch into another state."""

    def restore_branch(
        self,
        branch_id: str,
        *,
        source_id: str,
        at: datetime | None,
        lsn: Lsn | None,
        preserve_under_name: str | None,
    ) -> tuple[BranchRow, list[OperationRow]]:
        """Puts a branch, in place, into a state of its own past or of another branch.

        The branch keeps its id, name and connection string. The state it had, with the writes until the
        very end, is kept as another branch that takes over its children: under the name that is asked for,
        or else as one that is deleted already and can be recovered.

        Raises:
            ApiError: 404, 409 the name is taken, 422 (Neon's rules, limits and the window), 423, 507.
        """
        other = [source_id] if source_id != branch_id else []
        kept_name = preserve_under_name or self._free_name(self.branch(branch_id))
        kept_id = new_id("br")
        claims = [branch_id, kept_id, name_claim(kept_name)]
        with self.jobs.claim(exclusive=claims, shared=other) as claim:
            branch = self.branch(branch_id)
            check_not_previewed(branch)
            if source_id == branch_id:
                _check_own_past(preserve_under_name, at, lsn)
            else:
                self._check_other_source(branch, self.branch(source_id), preserve_under_name)
            self.check_name(kept_name)
            target = self.affordable(self.resolve(source_id, at=at, lsn=lsn))
            passwords = self.passwords(source_id) | self.passwords(branch_id)
            kept = replace(
                _kept_branch(branch, source_id, in_sight=preserve_under_name is not None),
                id=kept_id,
                name=kept_name,
            )
            parent = _parent_after_restore(branch, source_id, kept.id)
            return self._launch_swap(
                claim,
                _Swap(
                    branch=branch,
                    kept=kept,
                    build=Build(new_timeline(), target, passwords),
                    endpoints=[row for row in self.endpoints(branch_id) if row.wanted],
                    parent=parent,
                    parent_timestamp=(clock.to_microseconds(at) if at else target.time) if parent else None,
                ),
            )

    def _launch_swap(self, claim: Claim, swap: _Swap) -> tuple[BranchRow, list[OperationRow]]:
        def build() -> Commit:
            self.materialize(swap.build)
            return nothing

        def exchange() -> Commit:
            failpoint("restore: the old server runs")
            if _is_served(swap):
                self.servers.start(swap.build.timeline)
            self.stop_quickly(swap.branch.timeline)
            failpoint("restore: the old server is stopped")
            return lambda tx: self._record_swap(tx, swap)

        def undo() -> Commit:
            return self._undo_swap(swap)

        steps = [
            Step("create_timeline", build, undo),
            Step("swap_binding_id", exchange, undo),
            *(self.start_step(endpoint.id) for endpoint in swap.endpoints),
        ]
        branch_id = swap.branch.id
        with self.store.transaction() as tx:
            if swap.kept.deleted_at is None:
                self.limits.check(tx, branches=1, roots=int(swap.kept.parent is None and swap.parent is None))
            tx.insert(creating_row(swap.build))
            tx.insert(swap.kept)
            tx.update(BranchRow, {"state": "resetting", "state_changed_at": clock.now()}, id=branch_id)
            task, operations = self.jobs.plan(tx, claim, branch_id, steps)
            changed = find_branch(tx, branch_id)
        failpoint("restore: planned")
        self.jobs.launch(task)
        return replace(changed, parent=swap.parent, parent_timestamp=swap.parent_timestamp), operations

    def _record_swap(self, tx: Transaction, swap: _Swap) -> None:
        branch_id = swap.branch.id
        tx.update(BranchRow, {"state": "ready", "state_changed_at": clock.now()}, id=swap.kept.id)
        copy_records(tx, branch_id, swap.kept.id)
        fork_lsn = self.record_build(tx, branch_id, swap.build)
        tx.update(BranchRow, {"parent": swap.kept.id}, parent=branch_id)
        now = clock.now()
        life = swap.branch.ttl_interval_seconds
        tx.update(
            BranchRow,
            {
                "expires_at": None if life is None else now // 1_000_000 * 1_000_000 + life * 1_000_000,
                "original_root": int(swap.branch.original_root and not swap.kept.original_root),
                "timeline": swap.build.timeline,
                "parent": swap.parent,
                "parent_lsn": fork_lsn if swap.parent else None,
                "parent_timestamp": swap.parent_timestamp,
                "state": "ready",
                "state_changed_at": now,
                "last_reset_at": now,
                "updated_at": now,
            },
            id=branch_id,
        )
        failpoint("restore: swap written, not committed")

    def _undo_swap(self, swap: _Swap) -> Commit:
        self.timelines.remove(swap.build.timeline)
        if _is_served(swap):
            self.servers.start(swap.branch.timeline)

        def commit(tx: Transaction) -> None:
            changes: dict[str, str | int | None] = {"state": "ready", "state_changed_at": clock.now()}
            tx.update(BranchRow, changes, id=swap.branch.id)
            tx.delete(BranchRow, id=swap.kept.id)
            tx.delete(TimelineRow, id=swap.build.timeline)

        return commit

    def _check_other_source(
        self, branch: BranchRow, source: BranchRow, preserve_under_name: str | None
    ) -> None:
        if not preserve_under_name and any(child.parent == branch.id for child in self.branches()):
            raise ApiError(422, "Branch has children, preserve_under_name is required")
        if branch.protected:
            raise ApiError(422, f"branch {branch.name} is protected and cannot be reset")
        if source.expires_at is not None:
            raise ApiError(422, f"cannot restore from branch {source.name}: it expires")

    def _free_name(self, branch: BranchRow) -> str:
        """A name for the state that a restore replaces, as Neon's console forms it."""
        stamped = f"{branch.name}_old_{clock.to_datetime(clock.now()):%Y-%m-%dT%H-%M-%S}"
        taken = {other.name for other in self.branches()}
        further = (f"{stamped}_{number}" for number in itertools.count(2))
        return next(name for name in itertools.chain([stamped], further) if name not in taken)


def _check_own_past(preserve_under_name: str | None, at: datetime | None, lsn: Lsn | None) -> None:
    if at is None and lsn is None:
        raise ApiError(422, "source_timestamp or source_lsn is required to restore a branch from itself")
    if not preserve_under_name:
        raise ApiError(422, "preserve_under_name is required to restore a branch from itself")


def _is_served(swap: _Swap) -> bool:
    """Whether somebody wants the branch's own server to run."""
    return any(row.type == "read_write" for row in swap.endpoints)


def _kept_branch(branch: BranchRow, source_id: str, *, in_sight: bool) -> BranchRow:
    """The row for the state a restore replaces. Of a root restored from another branch it is the root.

    Until the restore is over it points, like the branch itself, at the branch's timeline.
    """
    moment = clock.now()
    return replace(
        branch,
        state="init",
        is_default=0,
        protected=0,
        expires_at=None,
        ttl_interval_seconds=None,
        original_root=branch.original_root if source_id != branch.id else 0,
        annotation="{}",
        created_at=moment,
        updated_at=moment,
        state_changed_at=moment,
        deleted_at=None if in_sight else moment,
        deletion_method=None if in_sight else "user",
    )


def _parent_after_restore(branch: BranchRow, source_id: str, kept_id: str) -> str | None:
    """Neon's parentage: from another branch, that one; from its own past, the kept branch, unless a root."""
    if source_id != branch.id:
        return source_id
    return kept_id if branch.parent is not None else None
