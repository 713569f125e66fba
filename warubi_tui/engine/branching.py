"""Branches: create, change, delete. Every verb answers at once and works in the background."""

from collections.abc import Mapping
from datetime import datetime

from warubi_tui.engine import clock
from warubi_tui.engine.building import Build, Building, creating_row, name_claim
from warubi_tui.engine.catalog import copy_records
from warubi_tui.engine.computing import new_endpoint
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Claim, Commit, Step
from warubi_tui.engine.names import new_id, new_timeline
from warubi_tui.engine.state import find_branch
from warubi_tui.engine.store import (
    BranchRow,
    DatabaseRow,
    EndpointRow,
    OperationRow,
    RoleRow,
    TimelineRow,
    Transaction,
)
from warubi_tui.lsn import Lsn

Changed = tuple[BranchRow, list[OperationRow]]


class Branching(Building):
    """The verbs on branches."""

    def create_branch(
        self,
        *,
        parent_id: str | None,
        name: str | None,
        at: datetime | None,
        lsn: Lsn | None,
        with_endpoint: bool,
        protected: bool = False,
        expires_at: datetime | None = None,
    ) -> tuple[BranchRow, list[EndpointRow], list[OperationRow]]:
        """A new branch in the state of its parent now, at a time, or at an LSN.

        Raises:
            ApiError: 404 no such parent; 409 the name is taken; 422 outside the window; 423 the parent is
                being changed; 507 not enough space.
        """
        parent = self.branch(parent_id) if parent_id else self.default_branch()
        identity = new_id("br")
        name = name or identity
        with self.jobs.claim(exclusive=[identity, name_claim(name)], shared=[parent.id]) as claim:
            self.check_name(name)
            target = self.affordable(self.resolve(parent.id, at=at, lsn=lsn))
            build = Build(new_timeline(), target, self.passwords(parent.id))
            moment = clock.now()
            branch = BranchRow(
                id=identity,
                project=parent.project,
                name=name,
                timeline=build.timeline,
                parent=parent.id,
                parent_lsn=target.lsn,
                parent_timestamp=clock.to_microseconds(at) if at else target.time,
                state="init",
                state_changed_at=moment,
                is_default=0,
                protected=int(protected),
                expires_at=clock.to_microseconds(expires_at) if expires_at else None,
                last_reset_at=None,
                logical_size=parent.logical_size,
                created_at=moment,
                updated_at=moment,
            )
            return self._launch_create(claim, parent, branch, build, with_endpoint)

    def _launch_create(
        self, claim: Claim, parent: BranchRow, branch: BranchRow, build: Build, with_endpoint: bool
    ) -> tuple[BranchRow, list[EndpointRow], list[OperationRow]]:
        def commit(tx: Transaction) -> None:
            fork_lsn = self.record_build(tx, branch.id, build)
            now = clock.now()
            tx.update(
                BranchRow,
                {
                    "state": "ready",
                    "parent_lsn": fork_lsn,
                    "state_changed_at": now,
                    "updated_at": now,
                },
                id=branch.id,
            )

        def run() -> Commit:
            self.materialize(build)
            return commit

        def undo() -> Commit:
            self.timelines.remove(build.timeline)
            return lambda tx: forget_branch(tx, branch.id, build.timeline)

        steps = [Step("create_branch", run, undo)]
        endpoints: list[EndpointRow] = []
        with self.store.transaction() as tx:
            tx.insert(creating_row(build))
            tx.insert(branch)
            copy_records(tx, parent.id, branch.id)
            if with_endpoint:
                endpoint = new_endpoint(branch.id, self.free_port(tx))
                tx.insert(endpoint)
                endpoints.append(endpoint)
                steps.append(self.start_step(endpoint.id))
            task, operations = self.jobs.plan(tx, claim, branch.id, steps)
        failpoint("create: planned")
        self.jobs.launch(task)
        return branch, endpoints, operations

    def change_branch(self, branch_id: str, changes: Mapping[str, object]) -> Changed:
        """Changes `name` (str), `protected` (bool), `expires_at` (aware datetime or None): those given.

        Raises:
            ApiError: 404; 409 the name is taken; 422 an expiry on a branch that may not have one; 423.
        """
        names = [name_claim(str(changes["name"]))] if "name" in changes else []
        with self.jobs.claim(exclusive=[branch_id, *names]):
            branch = self.branch(branch_id)
            if "name" in changes and changes["name"] != branch.name:
                self.check_name(str(changes["name"]))
            expires_at = changes.get("expires_at")
            if isinstance(expires_at, datetime) and (branch.is_default or branch.protected):
                raise ApiError(422, "a default or protected branch cannot expire")
            columns: dict[str, str | int | None] = {"updated_at": clock.now()}
            if "name" in changes:
                columns["name"] = str(changes["name"])
            if "protected" in changes:
                columns["protected"] = int(bool(changes["protected"]))
            if "expires_at" in changes:
                moment = clock.to_microseconds(expires_at) if isinstance(expires_at, datetime) else None
                columns["expires_at"] = moment
            with self.store.transaction() as tx:
                tx.update(BranchRow, columns, id=branch_id)
                return find_branch(tx, branch_id), []

    def set_default(self, branch_id: str) -> Changed:
        """Makes a branch the project's default. Raises ApiError 404, 422 (it expires), 423."""
        with self.jobs.claim(exclusive=[branch_id]):
            if self.branch(branch_id).expires_at is not None:
                raise ApiError(422, "a branch that expires cannot be the default branch")
            with self.store.transaction() as tx:
                tx.update(BranchRow, {"is_default": 0}, is_default=1)
                tx.update(BranchRow, {"is_default": 1, "updated_at": clock.now()}, id=branch_id)
                return find_branch(tx, branch_id), []

    def delete_branch(self, branch_id: str) -> Changed | None:
        """Removes a branch. None where it is gone already.

        Raises:
            ApiError: 422 it is the default, protected, or has children; 423.
        """
        with self.jobs.claim(exclusive=[branch_id]) as claim:
            with self.store.transaction() as tx:
                branch = tx.one(BranchRow, id=branch_id)
                if branch is None:
                    return None
                _check_delete(tx, branch)
                forget_branch(tx, branch_id)
                tx.update(TimelineRow, {"state": "deleting"}, id=branch.timeline)
                step = Step("delete_timeline", lambda: self.discard(branch.timeline))
                task, operations = self.jobs.plan(tx, claim, branch_id, [step])
            failpoint("delete: planned")
            self.jobs.launch(task)
        return branch, operations


def _check_delete(tx: Transaction, branch: BranchRow) -> None:
    if branch.is_default:
        raise ApiError(422, "cannot delete the default branch of a project")
    if branch.protected:
        raise ApiError(422, f"cannot delete protected branch {branch.name}")
    children = tx.all(BranchRow, parent=branch.id)
    if children:
        raise ApiError(422, f"cannot delete branch that has children: {children[0].id}")


def forget_branch(tx: Transaction, branch_id: str, timeline: str | None = None) -> None:
    """Removes a branch's rows, and a timeline's if one is named."""
    for kind in (EndpointRow, RoleRow, DatabaseRow):
        tx.delete(kind, branch=branch_id)
    tx.delete(BranchRow, id=branch_id)
    if timeline is not None:
        tx.delete(TimelineRow, id=timeline)
