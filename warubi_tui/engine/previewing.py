"""Restoring snapshots: first a branch beside the one it is to replace, then, when finalized, in its place."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from warubi_tui.engine import clock
from warubi_tui.engine.building import Build, check_not_previewed, creating_row, name_claim
from warubi_tui.engine.catalog import Inventory, copy_records, record_inventory, set_passwords
from warubi_tui.engine.computes import ComputeWish, new_endpoint
from warubi_tui.engine.deleting import forget_branch
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Claim, Commit, Step, nothing
from warubi_tui.engine.names import new_id, new_timeline
from warubi_tui.engine.snapshots import Snapshotting
from warubi_tui.engine.state import find_branch
from warubi_tui.engine.store import (
    BranchRow,
    EndpointRow,
    OperationRow,
    ScheduleRow,
    SnapshotRow,
    Transaction,
    Value,
)

Restored = tuple[BranchRow, list[EndpointRow], list[OperationRow]]


@dataclass(frozen=True)
class _Exchange:
    """A branch that takes another's place: both ids, and the name the replaced one gets."""

    restored: str
    replaced: str
    old_name: str


class Previewing(Snapshotting):
    """The verbs that bring a snapshot back."""

    def restore_snapshot(
        self, snapshot_id: str, *, name: str | None, target_id: str | None, finalize: bool
    ) -> Restored:
        """A new root branch in the state of a snapshot, for a look, or in the place of `target_id` at once.

        The target is by default the branch the snapshot was taken from. For a look, the branch gets a compute
        of its own. The target's roles keep the passwords they have.

        Raises:
            ApiError: 404, 409 the name is taken; 422 the target is gone or such a branch itself, or no room;
                423; 507.
        """
        snapshot = self.snapshot(snapshot_id)
        target = self._target(snapshot, target_id)
        taken = {branch.name for branch in self.branches()}
        name = name or free_name(f"{target.name}_from_{snapshot.id}", taken)
        exchange = _Exchange(new_id("br"), target.id, free_name(f"{target.name} (old)", taken))
        exclusive = [exchange.restored, name_claim(name)]
        if finalize:
            exclusive += [target.id, name_claim(exchange.old_name)]
        with self.jobs.claim(exclusive=exclusive, shared=[snapshot_id]) as claim:
            self.check_name(name)
            state = self.affordable(self.snapshot_state(snapshot_id))
            build = Build(new_timeline(), state, self.passwords(target.id))
            branch = _restored_branch(exchange, name, target, snapshot, build)
            return self._launch_restore(claim, branch, build, exchange if finalize else None)

    def _target(self, snapshot: SnapshotRow, target_id: str | None) -> BranchRow:
        if target_id is None:
            present = {branch.id for branch in self.branches()}
            if snapshot.source_branch not in present:
                raise ApiError(422, "the branch this snapshot is of is gone: target_branch_id is required")
        target = self.branch(target_id or snapshot.source_branch)
        check_not_previewed(target)
        return target

    def _launch_restore(
        self, claim: Claim, branch: BranchRow, build: Build, exchange: _Exchange | None
    ) -> Restored:
        def commit(tx: Transaction) -> None:
            self.record_build(tx, branch.id, build)
            now = clock.now()
            tx.update(BranchRow, {"state": "ready", "state_changed_at": now, "updated_at": now}, id=branch.id)

        def run() -> Commit:
            self.materialize(build)
            return commit

        def undo() -> Commit:
            self.timelines.remove(build.timeline)
            return lambda tx: forget_branch(tx, branch.id, build.timeline)

        steps = [Step("create_branch", run, undo)]
        endpoints: list[EndpointRow] = []
        with self.store.transaction() as tx:
            self.limits.check(tx, branches=1, roots=1)
            tx.insert(creating_row(build))
            tx.insert(branch)
            copy_records(tx, str(branch.restore_target), branch.id)
            if exchange is not None:
                steps += self._exchange_steps(tx, exchange)
            else:
                endpoints.append(new_endpoint(branch.id, self.free_port(tx), ComputeWish()))
                tx.insert(endpoints[0])
                steps.append(self.start_step(endpoints[0].id))
            task, operations = self.jobs.plan(tx, claim, branch.id, steps)
        failpoint("snapshot restore: planned")
        self.jobs.launch(task)
        return branch, endpoints, operations

    def finalize_restore(self, branch_id: str, *, name: str | None) -> list[OperationRow]:
        """Puts a branch made from a snapshot in the place of its target.

        It takes over the target's name, computes (so the connection string stays), protection, schedule and
        place as the default; its id stays its own. The target is called `name`, by default `<name> (old)`,
        and gets the compute that was there for a look, suspended.

        Raises:
            ApiError: 404; 409 the name is taken; 422 it is no such branch, or its target is gone; 423.
        """
        branch = self.branch(branch_id)
        if branch.restore_status != "restored":
            raise ApiError(422, f"branch {branch.name} has no restore from a snapshot to finalize")
        target = next((other for other in self.branches() if other.id == branch.restore_target), None)
        if target is None:
            raise ApiError(422, f"the branch that {branch.name} was to replace is gone")
        taken = {other.name for other in self.branches()}
        exchange = _Exchange(branch.id, target.id, name or free_name(f"{target.name} (old)", taken))
        with self.jobs.claim(exclusive=[branch.id, target.id, name_claim(exchange.old_name)]) as claim:
            self.check_name(exchange.old_name)
            with self.store.transaction() as tx:
                if find_branch(tx, branch.id).restore_status != "restored":
                    raise ApiError(422, f"branch {branch.name} is finalized already")
                find_branch(tx, target.id)
                steps = self._exchange_steps(tx, exchange)
                task, operations = self.jobs.plan(tx, claim, branch.id, steps)
            failpoint("finalize: planned")
            self.jobs.launch(task)
        return operations

    def _exchange_steps(self, tx: Transaction, exchange: _Exchange) -> list[Step]:
        moving = [row for row in tx.all(EndpointRow, branch=exchange.replaced) if row.wanted]

        def run() -> Commit:
            restored, replaced = self.branch(exchange.restored), self.branch(exchange.replaced)
            passwords = self.passwords(replaced.id)
            if moving:
                self.servers.start(restored.timeline)
            with self.running(restored.timeline):
                inventory = self.catalog.settle(restored.timeline, passwords)
            failpoint("finalize: the target runs")
            self.stop_quickly(replaced.timeline)
            failpoint("finalize: the target is stopped")
            return lambda tx: _record_exchange(tx, exchange, inventory, passwords)

        def undo() -> Commit:
            if moving:
                self.servers.start(self.branch(exchange.replaced).timeline)
            return nothing

        return [Step("swap_binding_id", run, undo), *(self.start_step(row.id) for row in moving)]


def free_name(wish: str, taken: Iterable[str]) -> str:
    """`wish`, or with the first number behind it that makes it a new name."""
    further = (f"{wish} {number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([wish], further) if name not in set(taken))


def _restored_branch(
    exchange: _Exchange, name: str, target: BranchRow, snapshot: SnapshotRow, build: Build
) -> BranchRow:
    moment = clock.now()
    return BranchRow(
        id=exchange.restored,
        project=target.project,
        name=name,
        timeline=build.timeline,
        parent=None,
        parent_lsn=None,
        parent_timestamp=None,
        state="init",
        state_changed_at=moment,
        is_default=0,
        protected=0,
        expires_at=None,
        last_reset_at=None,
        logical_size=snapshot.full_size,
        created_at=moment,
        updated_at=moment,
        restore_status="restored",
        restored_from=snapshot.id,
        restore_target=target.id,
    )


def _record_exchange(
    tx: Transaction, exchange: _Exchange, inventory: Inventory, passwords: dict[str, str]
) -> None:
    now = clock.now()
    replaced = find_branch(tx, exchange.replaced)
    for_look = tx.all(EndpointRow, branch=exchange.restored)
    tx.update(EndpointRow, {"branch": exchange.restored, "updated_at": now}, branch=exchange.replaced)
    for endpoint in for_look:
        suspended: dict[str, Value] = {"branch": exchange.replaced, "wanted": 0, "suspended_at": now}
        tx.update(EndpointRow, suspended | {"updated_at": now}, id=endpoint.id)
    tx.update(ScheduleRow, {"branch": exchange.restored}, branch=exchange.replaced)
    freed: dict[str, Value] = {"name": exchange.old_name, "is_default": 0, "protected": 0, "original_root": 0}
    tx.update(BranchRow, freed | {"updated_at": now}, id=exchange.replaced)
    tx.update(
        BranchRow,
        {
            "name": replaced.name,
            "is_default": replaced.is_default,
            "protected": replaced.protected,
            "original_root": replaced.original_root,
            "restore_status": "finalized",
            "updated_at": now,
        },
        id=exchange.restored,
    )
    record_inventory(tx, exchange.restored, inventory, passwords)
    set_passwords(tx, exchange.restored, passwords)
    failpoint("finalize: swap written, not committed")
