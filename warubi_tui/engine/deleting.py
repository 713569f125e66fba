"""Deleting branches: first out of sight, gone for good when nobody wanted them back."""

from warubi_tui.engine import clock
from warubi_tui.engine.building import Building, forget_timeline, name_claim
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Commit, Step, nothing
from warubi_tui.engine.limits import recoverable_until
from warubi_tui.engine.state import find_branch
from warubi_tui.engine.store import (
    BranchRow,
    DatabaseRow,
    EndpointRow,
    OperationRow,
    RoleRow,
    ScheduleRow,
    TimelineRow,
    Transaction,
)

Deleted = tuple[BranchRow, list[OperationRow]]


class Deleting(Building):
    """The verbs that let go of branches and take them back."""

    def delete_branch(self, branch_id: str, *, hard: bool = False, method: str = "user") -> Deleted | None:
        """Puts a branch out of sight, recoverable for 7 days, or removes it for good (`hard`).

        Args:
            method: `user`, or `ttl` where it expired.

        Returns:
            None where there is no such branch any more.

        Raises:
            ApiError: 422 it is the root, the default, protected, or has children; 423.
        """
        with self.jobs.claim(exclusive=[branch_id]) as claim:
            with self.store.transaction() as tx:
                branch = tx.one(BranchRow, id=branch_id)
                if branch is None or (branch.deleted_at is not None and not hard):
                    return None
                _check(tx, branch, hard=hard)
                steps = self._remove(tx, branch) if hard else self._hide(tx, branch, method)
                task, operations = self.jobs.plan(tx, claim, branch_id, steps)
            if hard:
                failpoint("delete: planned")
            else:
                failpoint("hide: planned")
            self.jobs.launch(task)
        return branch, operations

    def _hide(self, tx: Transaction, branch: BranchRow, method: str) -> list[Step]:
        moment = clock.now()
        endpoints = tx.all(EndpointRow, branch=branch.id)
        tx.update(
            BranchRow,
            {"deleted_at": moment, "deletion_method": method, "updated_at": moment},
            id=branch.id,
        )
        tx.update(EndpointRow, {"wanted": 0, "suspended_at": moment}, branch=branch.id, wanted=1)

        def stop() -> Commit:
            self.read_only.tidy()
            self.servers.stop(branch.timeline)
            return nothing

        suspensions = [Step("suspend_compute", stop, endpoint=row.id) for row in endpoints if row.wanted]
        return [*suspensions, Step("timeline_mark_invisible", stop)]

    def _remove(self, tx: Transaction, branch: BranchRow) -> list[Step]:
        forget_branch(tx, branch.id)
        tx.update(TimelineRow, {"state": "deleting"}, id=branch.timeline)

        def remove() -> Commit:
            self.read_only.tidy()
            return self.discard(branch.timeline)

        return [Step("delete_timeline", remove)]

    def recover_branch(self, branch_id: str) -> tuple[BranchRow, list[EndpointRow]]:
        """Takes a deleted branch back, idle, with its connection string; it does not expire any more.

        Raises:
            ApiError: 404 it is gone; 409 its name was taken meanwhile; 422 it is not deleted, its parent is,
                or there is no room; 423.
        """
        with self.store.transaction() as tx:
            name = _find_deleted(tx, branch_id).name
        with self.jobs.claim(exclusive=[branch_id, name_claim(name)]), self.store.transaction() as tx:
            branch = _find_deleted(tx, branch_id)
            if branch.parent and tx.one(BranchRow, id=branch.parent, deleted_at=None) is None:
                raise ApiError(422, f"parent branch {branch.parent} is deleted: recover it first")
            if tx.one(BranchRow, name=name, deleted_at=None) is not None:
                raise ApiError(409, f"branch with the name {name!r} already exists: rename that one first")
            self.limits.check(tx, branches=1, roots=int(branch.parent is None))
            tx.update(
                BranchRow,
                {
                    "deleted_at": None,
                    "deletion_method": None,
                    "expires_at": None,
                    "ttl_interval_seconds": None,
                    "updated_at": clock.now(),
                },
                id=branch_id,
            )
            return find_branch(tx, branch_id), tx.all(EndpointRow, branch=branch_id)

    def branches_that_are_over(self) -> list[tuple[str, bool]]:
        """Ids of branches that expired, and of deleted ones whose time is up; with the latter True."""
        moment = clock.now()
        expired = [
            row.id for row in self.branches() if row.expires_at is not None and row.expires_at <= moment
        ]
        doomed = [
            row.id for row in self.deleted_branches() if recoverable_until(row.deleted_at or 0) <= moment
        ]
        return [*((branch_id, False) for branch_id in expired), *((branch_id, True) for branch_id in doomed)]


def _find_deleted(tx: Transaction, branch_id: str) -> BranchRow:
    branch = tx.one(BranchRow, id=branch_id)
    if branch is None:
        raise ApiError(404, f"branch {branch_id} not found")
    if branch.deleted_at is None:
        raise ApiError(422, f"branch {branch.name} is not deleted")
    return branch


def _check(tx: Transaction, branch: BranchRow, *, hard: bool) -> None:
    if branch.original_root:
        raise ApiError(422, "cannot delete the root branch of a project")
    if branch.is_default:
        raise ApiError(422, "cannot delete the default branch of a project")
    if branch.protected:
        raise ApiError(422, f"cannot delete protected branch {branch.name}")
    children = tx.all(BranchRow, parent=branch.id)
    if not hard:
        children = [child for child in children if child.deleted_at is None]
    if children:
        raise ApiError(422, f"cannot delete branch that has children: {children[0].id}")


def forget_branch(tx: Transaction, branch_id: str, timeline: str | None = None) -> None:
    """Removes a branch's rows, and a timeline's if one is named."""
    for kind in (EndpointRow, RoleRow, DatabaseRow, ScheduleRow):
        tx.delete(kind, branch=branch_id)
    tx.delete(BranchRow, id=branch_id)
    if timeline is not None:
        forget_timeline(tx, timeline)
