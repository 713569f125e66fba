"""Branches: create and change. Every verb answers at once and works in the background."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from warubi_tui.engine import clock
from warubi_tui.engine.building import Build, creating_row, name_claim
from warubi_tui.engine.catalog import copy_records, set_passwords
from warubi_tui.engine.computes import ComputeWish, new_endpoint
from warubi_tui.engine.deleting import forget_branch
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Claim, Commit, Step
from warubi_tui.engine.limits import Lifetime, lifetime
from warubi_tui.engine.names import new_id, new_password, new_timeline
from warubi_tui.engine.planting import Plant, Planting
from warubi_tui.engine.points import Point
from warubi_tui.engine.state import find_branch
from warubi_tui.engine.store import BranchRow, EndpointRow, OperationRow, TimelineRow, Transaction, Value
from warubi_tui.lsn import Lsn

Changed = tuple[BranchRow, list[OperationRow]]


@dataclass(frozen=True)
class _Making:
    """How a new branch's timeline is made: its record, its roles' passwords, the work, what to write after.

    `record` returns the LSN at which the timeline left its parent, None for a root.
    """

    row: TimelineRow
    donor: str
    passwords: Mapping[str, str]
    run: Callable[[], None]
    record: Callable[[Transaction], int | None]


class Branching(Planting):
    """The verbs on branches."""

    def create_branch(
        self,
        *,
        parent_id: str | None,
        name: str | None,
        at: datetime | None,
        lsn: Lsn | None,
        computes: Sequence[ComputeWish] = (),
        protected: bool = False,
        expires_at: datetime | None = None,
        init_source: str = "parent-data",
        annotation: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[BranchRow, list[EndpointRow], list[OperationRow]]:
        """A new branch in the state of its parent now, at a time, or at an LSN.

        With `init_source="schema-only"` it is a root that takes over schemas and roles, and no rows.

        Raises:
            ApiError: 404 no such parent; 409 the name is taken; 422 outside the window, no room for more
                branches, or something this branch may not be; 423 the parent is being changed; 507 not
                enough space.
        """
        life = lifetime(expires_at)
        _check_lifetime(life, protected=protected)
        parent = self.branch(parent_id) if parent_id else self.default_branch()
        if parent.expires_at is not None:
            raise ApiError(422, f"cannot create a branch from branch {parent.name}: it expires")
        identity = new_id("br")
        name = name or identity
        with self.jobs.claim(exclusive=[identity, name_claim(name)], shared=[parent.id]) as claim:
            self.check_name(name)
            target = self.affordable(self.resolve(parent.id, at=at, lsn=lsn))
            timeline = new_timeline()
            child = init_source == "parent-data"
            moment = clock.now()
            branch = BranchRow(
                id=identity,
                project=parent.project,
                name=name,
                timeline=timeline,
                parent=parent.id if child else None,
                parent_lsn=target.lsn if child else None,
                parent_timestamp=(clock.to_microseconds(at) if at else target.time) if child else None,
                state="init",
                state_changed_at=moment,
                is_default=0,
                protected=int(protected),
                expires_at=life.expires_at,
                ttl_interval_seconds=life.seconds,
                last_reset_at=None,
                logical_size=parent.logical_size,
                created_at=moment,
                updated_at=moment,
                init_source=init_source,
                annotation=json.dumps(dict(annotation)),
            )
            passwords = self._passwords_for_child(parent)
            if child:
                making = self._forking(branch, Build(timeline, target, passwords))
            else:
                past = at is not None or lsn is not None
                donor = Point(parent.id, lsn=Lsn(target.lsn) if past else None)
                making = self._planting(branch, Plant(timeline, donor, passwords))
            return self._launch_create(claim, branch, making, computes)

    def _forking(self, branch: BranchRow, build: Build) -> _Making:
        assert branch.parent is not None
        return _Making(
            row=creating_row(build),
            donor=branch.parent,
            passwords=build.passwords,
            run=lambda: self.materialize(build),
            record=lambda tx: self.record_build(tx, branch.id, build),
        )

    def _planting(self, branch: BranchRow, plant: Plant) -> _Making:
        return _Making(
            row=plant.row(),
            donor=plant.donor.branch_id,
            passwords=plant.passwords,
            run=lambda: self.plant(plant),
            record=lambda tx: self.record_plant(tx, branch.id, plant),
        )

    def _passwords_for_child(self, parent: BranchRow) -> dict[str, str]:
        """Those of the parent; new ones where it is protected, so that nobody gets in from the child."""
        passwords = self.passwords(parent.id)
        return {role: new_password() for role in passwords} if parent.protected else passwords

    def _launch_create(
        self, claim: Claim, branch: BranchRow, making: _Making, computes: Sequence[ComputeWish]
    ) -> tuple[BranchRow, list[EndpointRow], list[OperationRow]]:
        def commit(tx: Transaction) -> None:
            fork_lsn = making.record(tx)
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
            making.run()
            return commit

        def undo() -> Commit:
            self.timelines.remove(branch.timeline)
            return lambda tx: forget_branch(tx, branch.id, branch.timeline)

        steps = [Step("create_branch", run, undo)]
        endpoints: list[EndpointRow] = []
        with self.store.transaction() as tx:
            roots = int(branch.parent is None)
            self.limits.check(tx, branches=1, roots=roots, protected=branch.protected)
            tx.insert(making.row)
            tx.insert(branch)
            copy_records(tx, making.donor, branch.id)
            set_passwords(tx, branch.id, making.passwords)
            for wish in computes:
                endpoint = new_endpoint(branch.id, self.free_port(tx), wish)
                tx.insert(endpoint)
                endpoints.append(endpoint)
                if endpoint.wanted:
                    steps.append(self.start_step(endpoint.id))
            task, operations = self.jobs.plan(tx, claim, branch.id, steps)
        failpoint("create: planned")
        self.listen()
        self.jobs.launch(task)
        return branch, endpoints, operations

    def change_branch(self, branch_id: str, changes: Mapping[str, object]) -> Changed:
        """Changes `name` (str), `protected` (bool), `expires_at` (aware datetime or None): those given.

        Raises:
            ApiError: 404; 409 the name is taken; 422 what this branch may not be; 423.
        """
        names = [name_claim(str(changes["name"]))] if "name" in changes else []
        with self.jobs.claim(exclusive=[branch_id, *names]):
            branch = self.branch(branch_id)
            if "name" in changes and changes["name"] != branch.name:
                self.check_name(str(changes["name"]))
            life = Lifetime(branch.expires_at, branch.ttl_interval_seconds)
            if "expires_at" in changes:
                wish = changes["expires_at"]
                life = lifetime(wish if isinstance(wish, datetime) else None)
            protected = bool(changes.get("protected", branch.protected))
            _check_lifetime(life, protected=protected, default=bool(branch.is_default))
            columns: dict[str, Value] = {
                "name": str(changes.get("name", branch.name)),
                "protected": int(protected),
                "expires_at": life.expires_at,
                "ttl_interval_seconds": life.seconds,
                "updated_at": clock.now(),
            }
            with self.store.transaction() as tx:
                if life.expires_at is not None and tx.one(BranchRow, parent=branch_id, deleted_at=None):
                    raise ApiError(422, "a branch with children cannot expire")
                self.limits.check(tx, protected=int(protected) - branch.protected)
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


def _check_lifetime(life: Lifetime, *, protected: bool, default: bool = False) -> None:
    if life.expires_at is not None and (default or protected):
        raise ApiError(422, "a default or protected branch cannot expire")
