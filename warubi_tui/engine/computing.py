"""Computes, roles and databases of branches."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psycopg

from warubi_tui.engine import clock
from warubi_tui.engine.bases import BEFORE_REST
from warubi_tui.engine.catalog import record_inventory
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.computes import ComputeWish, new_endpoint
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.followers import Followers
from warubi_tui.engine.jobs import Commit, Step, nothing
from warubi_tui.engine.looking import Looking
from warubi_tui.engine.names import new_password
from warubi_tui.engine.site import Site
from warubi_tui.engine.state import find_branch
from warubi_tui.engine.store import (
    BranchRow,
    DatabaseRow,
    EndpointRow,
    OperationRow,
    RoleRow,
    Store,
    Transaction,
    Value,
)
from warubi_tui.engine.timetravel import TimeTravel

Endpoint = tuple[EndpointRow, list[OperationRow]]

_log = logging.getLogger("warubi.engine")


class Computing(Looking):
    """The verbs on endpoints, roles and databases."""

    def __init__(self, site: Site, store: Store) -> None:
        super().__init__(site, store)
        self.time_travel = TimeTravel(self)
        self.read_only = Followers(self)

    def endpoints(self, branch_id: str | None = None) -> list[EndpointRow]:
        """Of one branch (ApiError 404 where it does not exist) or of all."""
        with self.store.transaction() as tx:
            if branch_id is None:
                live = {row.id for row in tx.all(BranchRow, deleted_at=None)}
                return [row for row in tx.all(EndpointRow) if row.branch in live]
            find_branch(tx, branch_id)
            return tx.all(EndpointRow, branch=branch_id)

    def endpoint(self, endpoint_id: str) -> EndpointRow:
        """Raises ApiError 404."""
        with self.store.transaction() as tx:
            return _find_endpoint(tx, endpoint_id)

    def endpoint_state(self, row: EndpointRow) -> str:
        """`init` while its branch is being made, `active` while its server runs, else `idle`."""
        branch = self.branch(row.branch)
        if branch.state == "init":
            return "init"
        return "active" if self.is_up(row) else "idle"

    def is_up(self, row: EndpointRow) -> bool:
        """Whether an endpoint's server runs and can be reached."""
        if row.type == "read_only":
            return self.read_only.runs(row.id)
        return self.servers.is_reachable(self.branch(row.branch).timeline)

    def create_endpoint(self, branch_id: str, wish: ComputeWish) -> Endpoint:
        """A compute for a branch. Raises ApiError 404, 422 (it has a read-write one), 423."""
        with self.jobs.claim(exclusive=[branch_id]) as claim:
            with self.store.transaction() as tx:
                find_branch(tx, branch_id)
                if wish.type == "read_write" and tx.one(EndpointRow, branch=branch_id, type="read_write"):
                    raise ApiError(422, "read-write endpoint already exists on this branch")
                row = new_endpoint(branch_id, self.free_port(tx), wish)
                tx.insert(row)
                steps = [] if wish.disabled else [self.start_step(row.id)]
                task, operations = self.jobs.plan(tx, claim, branch_id, steps)
            self.listen()
            self.jobs.launch(task)
        return row, operations

    def change_endpoint(self, endpoint_id: str, changes: Mapping[str, Value]) -> Endpoint:
        """Changes the columns given; one that gets disabled is suspended.

        Raises:
            ApiError: 404, 422 the smallest size is above the largest, 423.
        """
        row = self.endpoint(endpoint_id)
        if float(changes.get("min_cu") or row.min_cu) > float(changes.get("max_cu") or row.max_cu):
            raise ApiError(422, "autoscaling_limit_min_cu is larger than autoscaling_limit_max_cu")
        steps = [self.suspend_step(endpoint_id)] if changes.get("disabled") and row.wanted else []
        with self.jobs.claim(exclusive=[row.branch]) as claim:
            with self.store.transaction() as tx:
                tx.update(EndpointRow, {**changes, "updated_at": clock.now()}, id=endpoint_id)
                task, operations = self.jobs.plan(tx, claim, row.branch, steps)
                changed = _find_endpoint(tx, endpoint_id)
            self.jobs.launch(task)
        return changed, operations

    def start_endpoint(self, endpoint_id: str) -> Endpoint:
        """Raises ApiError 404, 422 (it is disabled), 423."""
        if self.endpoint(endpoint_id).disabled:
            raise ApiError(422, f"endpoint {endpoint_id} is disabled")
        return self._change_endpoint(endpoint_id, self.start_step(endpoint_id))

    def suspend_endpoint(self, endpoint_id: str) -> Endpoint:
        """Raises ApiError 404, 423."""
        return self._change_endpoint(endpoint_id, self.suspend_step(endpoint_id))

    def restart_endpoint(self, endpoint_id: str) -> Endpoint:
        """Raises ApiError 404, 423."""
        return self._change_endpoint(
            endpoint_id, self.suspend_step(endpoint_id), self.start_step(endpoint_id)
        )

    def delete_endpoint(self, endpoint_id: str) -> Endpoint | None:
        """None where it is gone already. Raises ApiError 422 (protected branch), 423."""
        try:
            branch = self.branch(self.endpoint(endpoint_id).branch)
        except ApiError:
            return None
        if branch.protected:
            raise ApiError(422, "cannot delete an endpoint of a protected branch")

        def remove() -> Commit:
            self._suspend_now(endpoint_id)
            return lambda tx: tx.delete(EndpointRow, id=endpoint_id)

        step = Step("suspend_compute", remove, endpoint=endpoint_id)
        return self._change_endpoint(endpoint_id, step)

    def _change_endpoint(self, endpoint_id: str, *steps: Step) -> Endpoint:
        row = self.endpoint(endpoint_id)
        return row, self._launch(row.branch, list(steps))

    def start_step(self, endpoint_id: str) -> Step:
        """Starts the server of an endpoint's branch. Fails where somebody else listens on its port."""

        def run() -> Commit:
            row = self.endpoint(endpoint_id)
            failpoint("compute: about to start")
            self.edge.listen(row.id, row.port)
            self.bring_up(row)
            failpoint("compute: started")
            return lambda tx: _mark(tx, endpoint_id, wanted=True)

        return Step("start_compute", run, endpoint=endpoint_id)

    def socket(self, row: EndpointRow) -> Path:
        """The file of the Unix socket of an endpoint's server, be it running or not."""
        if row.type == "read_only":
            return self.read_only.socket(row.id)
        return self.servers.socket(self.branch(row.branch).timeline)

    def bring_up(self, row: EndpointRow) -> None:
        """Starts an endpoint's server, where it does not run.

        Raises:
            ApiError, ClusterError, ServerError, OSError: it does not start.
        """
        if row.type == "read_only":
            self.read_only.start(row.id)
        else:
            self.servers.start(self.branch(row.branch).timeline)

    def wake(self, endpoint_id: str) -> None:
        """Starts an endpoint's server for a client, in this thread. Several threads may do so at once.

        Raises:
            ApiError: 404; 423 somebody is changing the branch; 503 the server does not start.
        """
        row = self.endpoint(endpoint_id)
        with self.jobs.claim(shared=[row.branch]) as claim:
            with self.store.transaction() as tx:
                task, (operation,) = self.jobs.plan(tx, claim, row.branch, [self.start_step(endpoint_id)])
            self.jobs.perform(task)
        with self.store.transaction() as tx:
            ended = tx.one(OperationRow, id=operation.id)
        if ended is not None and ended.status != "finished":
            raise ApiError(503, f"the compute does not start: {ended.error}")

    def listen(self) -> None:
        """Listens on the ports of all endpoints there are, and on no others."""
        with self.store.transaction() as tx:
            ports = {row.id: row.port for row in tx.all(EndpointRow)}
        self.edge.reconcile(ports)

    def suspend_step(self, endpoint_id: str) -> Step:
        """Stops the server of an endpoint's branch: sessions end with SQLSTATE 57P01."""

        def run() -> Commit:
            self._suspend_now(endpoint_id)
            return lambda tx: _mark(tx, endpoint_id, wanted=False)

        return Step("suspend_compute", run, endpoint=endpoint_id)

    def _suspend_now(self, endpoint_id: str) -> None:
        row = self.endpoint(endpoint_id)
        if row.type == "read_only":
            self.read_only.stop(row.id)
        else:
            self.rest(self.branch(row.branch).timeline)

    def rest(self, timeline: str) -> None:
        """Stops a server that is not needed for now, with a new base if its newest is far behind.

        Raises:
            ServerError: it does not stop.
        """
        try:
            if self.servers.pid(timeline) is not None and self.bases.behind(timeline) >= BEFORE_REST:
                self.bases.take_hot(timeline)
        except (ClusterError, OSError, psycopg.Error):
            _log.warning("no base of timeline %s before its server rests", timeline, exc_info=True)
        self.servers.stop(timeline)

    def roles(self, branch_id: str) -> list[RoleRow]:
        """Login roles; those that SQL made too while the compute runs. Raises ApiError 404."""
        self.refresh(branch_id)
        with self.store.transaction() as tx:
            return sorted(tx.all(RoleRow, branch=branch_id), key=lambda row: row.name)

    def create_role(self, branch_id: str, name: str) -> tuple[RoleRow, list[OperationRow]]:
        """A role with a generated password. Raises ApiError 404, 409, 422 (no room for more), 423."""
        present = self.roles(branch_id)
        if any(row.name == name for row in present):
            raise ApiError(409, f"role {name!r} already exists")
        self.limits.check_roles(len(present))
        moment = clock.now()
        row = RoleRow(branch_id, name, new_password(), 0, moment, moment)

        def work(timeline: str) -> None:
            self.catalog.create_role(timeline, name, row.password)

        return row, self._on_server(branch_id, work, lambda tx: tx.insert(row))

    def delete_role(self, branch_id: str, name: str) -> tuple[RoleRow, list[OperationRow]] | None:
        """None where it is gone already. Raises ApiError 404 (branch), 423."""
        row = next((row for row in self.roles(branch_id) if row.name == name), None)
        if row is None:
            return None

        def work(timeline: str) -> None:
            self.catalog.drop_role(timeline, name)

        return row, self._on_server(
            branch_id, work, lambda tx: tx.delete(RoleRow, branch=branch_id, name=name)
        )

    def reset_password(self, branch_id: str, name: str) -> tuple[RoleRow, list[OperationRow]]:
        """A new password; the old one is valid until the operation ends. Raises ApiError 404, 423."""
        row = next((row for row in self.roles(branch_id) if row.name == name), None)
        if row is None:
            raise ApiError(404, f"role {name!r} not found")
        password = new_password()

        def work(timeline: str) -> None:
            self.catalog.set_password(timeline, name, password)

        def commit(tx: Transaction) -> None:
            changes: dict[str, str | int | None] = {"password": password, "updated_at": clock.now()}
            tx.update(RoleRow, changes, branch=branch_id, name=name)

        changed = RoleRow(branch_id, name, password, row.protected, row.created_at, clock.now())
        return changed, self._on_server(branch_id, work, commit)

    def databases(self, branch_id: str) -> list[DatabaseRow]:
        """Databases; those that SQL made too while the compute runs. Raises ApiError 404."""
        self.refresh(branch_id)
        with self.store.transaction() as tx:
            return sorted(tx.all(DatabaseRow, branch=branch_id), key=lambda row: row.name)

    def create_database(
        self, branch_id: str, name: str, owner_name: str
    ) -> tuple[DatabaseRow, list[OperationRow]]:
        """Raises ApiError 404 (branch, owner), 409, 422 (no room for more), 423."""
        present = self.databases(branch_id)
        if any(row.name == name for row in present):
            raise ApiError(409, f"database {name!r} already exists")
        self.limits.check_databases(len(present))
        if all(row.name != owner_name for row in self.roles(branch_id)):
            raise ApiError(404, f"role {owner_name!r} not found")
        moment = clock.now()

        def run() -> Commit:
            timeline = self.branch(branch_id).timeline
            with self.running(timeline):
                self.catalog.create_database(timeline, name, owner_name)
            return nothing

        def undo() -> Commit:
            return lambda tx: tx.delete(DatabaseRow, branch=branch_id, name=name)

        with self.jobs.claim(exclusive=[branch_id]) as claim:
            with self.store.transaction() as tx:
                tx.insert(DatabaseRow(None, branch_id, name, owner_name, moment, moment))
                row = tx.one(DatabaseRow, branch=branch_id, name=name)
                assert row is not None
                task, operations = self.jobs.plan(tx, claim, branch_id, [Step("apply_config", run, undo)])
            self.jobs.launch(task)
        return row, operations

    def change_database(
        self, branch_id: str, name: str, *, new_name: str | None, owner_name: str | None
    ) -> tuple[DatabaseRow, list[OperationRow]]:
        """Renames a database, which ends its sessions, gives it to another role, or both.

        Raises:
            ApiError: 404 no such branch, database or role; 409 the name is taken; 423.
        """
        rows = {row.name: row for row in self.databases(branch_id)}
        if name not in rows:
            raise ApiError(404, f"database {name!r} not found")
        changed = replace(
            rows[name],
            name=new_name or name,
            owner_name=owner_name or rows[name].owner_name,
            updated_at=clock.now(),
        )
        if changed.name != name and changed.name in rows:
            raise ApiError(409, f"database {changed.name!r} already exists")
        if all(role.name != changed.owner_name for role in self.roles(branch_id)):
            raise ApiError(404, f"role {changed.owner_name!r} not found")

        def work(timeline: str) -> None:
            self.catalog.change_database(timeline, name, changed.name, changed.owner_name)

        def commit(tx: Transaction) -> None:
            columns: dict[str, Value] = {
                "name": changed.name,
                "owner_name": changed.owner_name,
                "updated_at": clock.now(),
            }
            tx.update(DatabaseRow, columns, id=changed.id)

        return changed, self._on_server(branch_id, work, commit)

    def delete_database(self, branch_id: str, name: str) -> tuple[DatabaseRow, list[OperationRow]] | None:
        """None where it is gone already. Raises ApiError 404 (branch), 423."""
        row = next((row for row in self.databases(branch_id) if row.name == name), None)
        if row is None:
            return None

        def work(timeline: str) -> None:
            self.catalog.drop_database(timeline, name)

        return row, self._on_server(
            branch_id, work, lambda tx: tx.delete(DatabaseRow, branch=branch_id, name=name)
        )

    def connection_uri(
        self, *, branch_id: str | None, endpoint_id: str | None, database: str, role: str
    ) -> str:
        """The URI of a branch's compute (the default branch's where none is named), with the password.

        Raises:
            ApiError: 404 no such branch, endpoint, database or role; 412 the password is not known.
        """
        if endpoint_id is not None:
            endpoint = self.endpoint(endpoint_id)
        else:
            found = self.endpoints(branch_id or self.default_branch().id)
            found.sort(key=lambda row: row.type != "read_write")
            if not found:
                raise ApiError(404, "the branch has no compute endpoint")
            endpoint = found[0]
        with self.store.transaction() as tx:
            known = tx.one(RoleRow, branch=endpoint.branch, name=role)
            if known is None:
                raise ApiError(404, f"role {role!r} not found")
            if tx.one(DatabaseRow, branch=endpoint.branch, name=database) is None:
                raise ApiError(404, f"database {database!r} not found")
        if not known.password:
            raise ApiError(412, f"the password of role {role!r} is not stored")
        login = f"{quote(role, safe='')}:{quote(known.password, safe='')}"
        place = f"127.0.0.1:{endpoint.port}/{quote(database, safe='')}"
        return f"postgresql://{login}@{place}?sslmode=require&channel_binding=require"

    def default_branch(self) -> BranchRow:
        """Raises ApiError 404."""
        for branch in self.branches():
            if branch.is_default:
                return branch
        raise ApiError(404, "the project has no default branch")

    def refresh(self, branch_id: str) -> None:
        """Records what a running branch holds: roles, databases, size. Raises ApiError 404.

        The records of a branch that a task changes, or has changed meanwhile, stay as they are.
        """
        changes = self.jobs.changes(branch_id)
        timeline = self.branch(branch_id).timeline
        if changes is None or self.servers.pid(timeline) is None:
            return
        try:
            inventory = self.catalog.take_inventory(timeline)
        except psycopg.OperationalError:
            return
        with self.store.transaction() as tx:
            if self.jobs.changes(branch_id) == changes:
                record_inventory(tx, branch_id, inventory, {})
                tx.update(BranchRow, {"logical_size": inventory.logical_size}, id=branch_id)

    def _on_server(self, branch_id: str, work: Callable[[str], None], commit: Commit) -> list[OperationRow]:
        def run() -> Commit:
            timeline = self.branch(branch_id).timeline
            with self.running(timeline):
                work(timeline)
            return commit

        return self._launch(branch_id, [Step("apply_config", run)])

    def _launch(self, branch_id: str, steps: list[Step]) -> list[OperationRow]:
        with self.jobs.claim(exclusive=[branch_id]) as claim:
            with self.store.transaction() as tx:
                task, operations = self.jobs.plan(tx, claim, branch_id, steps)
            self.jobs.launch(task)
        return operations


def _find_endpoint(tx: Transaction, endpoint_id: str) -> EndpointRow:
    row = tx.one(EndpointRow, id=endpoint_id)
    if row is None or tx.one(BranchRow, id=row.branch, deleted_at=None) is None:
        raise ApiError(404, f"endpoint {endpoint_id} not found")
    return row


def _mark(tx: Transaction, endpoint_id: str, *, wanted: bool) -> None:
    moment = clock.now()
    column = "started_at" if wanted else "suspended_at"
    tx.update(EndpointRow, {"wanted": int(wanted), column: moment, "updated_at": moment}, id=endpoint_id)
