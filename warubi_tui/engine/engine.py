"""One engine: everything Neon's API can ask of it, what it does when it comes up, and in between."""

import logging
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import psycopg

from warubi_tui.engine import clock
from warubi_tui.engine.activity.telling import Telling
from warubi_tui.engine.bases import log_before_base
from warubi_tui.engine.branching import Branching
from warubi_tui.engine.building import forget_timeline
from warubi_tui.engine.catalog import FIRST_DATABASE, OWNER_ROLE, record_inventory
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.computes import ComputeWish, new_endpoint
from warubi_tui.engine.deleting import Deleting, forget_branch
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import fail_unfinished
from warubi_tui.engine.names import new_id, new_password, new_timeline
from warubi_tui.engine.reception import Reception
from warubi_tui.engine.restoring import Restoring
from warubi_tui.engine.servers import ServerError
from warubi_tui.engine.site import Site, open_site
from warubi_tui.engine.store import (
    BaseRow,
    BranchRow,
    OperationRow,
    ProjectRow,
    RoleRow,
    Store,
    TimelineRow,
    Transaction,
    UnreadableStoreError,
)
from warubi_tui.engine.suspending import Suspending
from warubi_tui.engine.upkeep import Upkeep
from warubi_tui.errors import WarubiError

_RETENTION: Final = timedelta(days=7)
_SWEEP_SECONDS: Final = 5.0

_log = logging.getLogger("warubi.engine")


class Engine(Branching, Restoring, Deleting, Upkeep, Suspending, Telling):
    """The engine on one directory. The caller holds the directory's lock."""

    def __init__(self, site: Site, store: Store) -> None:
        super().__init__(site, store)
        self._reception = Reception(self, self.time_travel)
        self._opened_at = clock.now()
        self._closing = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sweeper")

    @classmethod
    def open(cls, root: Path) -> Self:
        """Brings the engine up: what a former one left half done is removed, its computes are adopted.

        Raises:
            WarubiError: no PostgreSQL, another major version than the data's.
            UnreadableStoreError: state.db is damaged; nothing was touched.
        """
        site = open_site(root)
        engine = cls(site, Store(site.root / "state.db"))
        try:
            engine._check_records()
            engine._recover()
            engine._found()
            engine.listen()
            engine._start_wanted()
            engine.time_travel.start()
            engine.edge.serve(engine._reception)
        except BaseException:
            engine.time_travel.close()
            engine.edge.close()
            engine.jobs.close()
            engine.spare.close()
            engine.store.close()
            raise
        engine._prepare_spare()
        engine._sweeper.start()
        return engine

    def close(self, *, stop_servers: bool = True) -> None:
        """Finishes running operations and, unless told otherwise, stops the computes (they stay wanted)."""
        self._closing.set()
        self._sweeper.join()
        self.edge.stop_listening()
        self._reception.close()
        self.time_travel.close()
        self.jobs.close()
        self.spare.close()
        if stop_servers:
            self.read_only.close()
            for branch in [*self.branches(), *self.deleted_branches()]:
                self.servers.stop(branch.timeline)
            self.site.clear_sockets()
        self.edge.close()
        self.store.close()

    def change_project(
        self, *, name: str | None = None, history_retention_seconds: int | None = None
    ) -> ProjectRow:
        """Changes what is given."""
        changes: dict[str, str | int | None] = {"updated_at": clock.now()}
        if name is not None:
            changes["name"] = name
        if history_retention_seconds is not None:
            changes["history_retention_seconds"] = history_retention_seconds
        with self.store.transaction() as tx:
            tx.update(ProjectRow, changes)
        self.prune_soon()
        return self.project()

    def operations(self) -> list[OperationRow]:
        """All operations, newest first."""
        with self.store.transaction() as tx:
            return sorted(tx.all(OperationRow), key=lambda row: (row.created_at, row.id), reverse=True)

    def operation(self, operation_id: str) -> OperationRow:
        """Raises ApiError 404."""
        with self.store.transaction() as tx:
            row = tx.one(OperationRow, id=operation_id)
        if row is None:
            raise ApiError(404, f"operation {operation_id} not found")
        return row

    def _check_records(self) -> None:
        """Raises UnreadableStoreError where there are timelines and records of none: state.db was lost."""
        with self.store.transaction() as tx:
            if tx.all(TimelineRow):
                return
        if any(self.site.timelines.iterdir()):
            raise UnreadableStoreError("it holds no records, yet there is data")

    def _recover(self) -> None:
        """Removes what was not committed when a former engine ended. Rows decide; doubtful files are kept."""
        with self.store.transaction() as tx:
            fail_unfinished(tx)
            _forget_unfinished_restores(tx)
            unfinished = tx.all(TimelineRow, state="creating")
            doomed = tx.all(TimelineRow, state="deleting")
        failpoint("start: operations failed")
        for row in unfinished:
            self.timelines.remove(row.id)
            failpoint("start: files removed")
            with self.store.transaction() as tx:
                _forget_unfinished(tx, row.id)
            failpoint("start: rows removed")
        for row in doomed:
            commit = self.discard(row.id)
            with self.store.transaction() as tx:
                commit(tx)
        self._clear_folders()

    def _prepare_spare(self) -> None:
        """The next branch is most likely made from the default branch's newest base."""
        timeline = self.default_branch().timeline
        with self.store.transaction() as tx:
            bases = tx.all(BaseRow, timeline=timeline)
        if bases:
            self.spare.prepare(max(bases, key=lambda base: base.end_lsn))

    def _clear_folders(self) -> None:
        with self.store.transaction() as tx:
            timelines = {row.id for row in tx.all(TimelineRow)}
            bases = {(row.timeline, row.id) for row in tx.all(BaseRow)}
        for folder in self.site.timelines.iterdir():
            if folder.name not in timelines:
                self.servers.kill(folder.name)
                self._set_aside(folder)
                continue
            for base in self.site.bases(folder.name).glob("*"):
                if (folder.name, base.name) not in bases:
                    shutil.rmtree(base)

    def _set_aside(self, folder: Path) -> None:
        trash = self.site.root / "trash"
        trash.mkdir(mode=0o700, exist_ok=True)
        folder.rename(trash / f"{folder.name}-{clock.now()}")
        _log.warning("%s belongs to no timeline; it was moved to %s", folder.name, trash)

    def _found(self) -> None:
        """Makes the project, if there is none yet."""
        with self.store.transaction() as tx:
            project = tx.one(ProjectRow)
        if project is not None:
            if project.pg_version != self.site.programs.major:
                raise WarubiError(
                    f"These branches are of PostgreSQL {project.pg_version}",
                    f"The PostgreSQL found here is {self.site.programs.major}; it cannot read them.",
                    "Name the right one in WARUBI_PG_BIN, or choose another directory with --dir.",
                )
            return
        timeline, password, moment = new_timeline(), new_password(), clock.now()
        with self.store.transaction() as tx:
            tx.insert(TimelineRow(timeline, None, None, 1, "creating", moment))
        failpoint("first: planned")
        self.timelines.create_first(
            timeline, lambda: self.catalog.furnish(timeline, OWNER_ROLE, password, FIRST_DATABASE)
        )
        self.bases.take_cold(timeline)
        with self.running(timeline):
            inventory = self.catalog.take_inventory(timeline)
        project = ProjectRow(
            id=new_id(),
            name="warubi",
            pg_version=self.site.programs.major,
            history_retention_seconds=int(_RETENTION.total_seconds()),
            created_at=moment,
            updated_at=moment,
        )
        branch = BranchRow(
            id=new_id("br"),
            project=project.id,
            name="main",
            timeline=timeline,
            parent=None,
            parent_lsn=None,
            parent_timestamp=None,
            state="ready",
            state_changed_at=moment,
            is_default=1,
            protected=0,
            expires_at=None,
            last_reset_at=None,
            logical_size=inventory.logical_size,
            created_at=moment,
            updated_at=moment,
            original_root=1,
        )
        with self.store.transaction() as tx:
            tx.update(TimelineRow, {"state": "ready"}, id=timeline)
            tx.insert(project)
            tx.insert(branch)
            tx.insert(RoleRow(branch.id, OWNER_ROLE, password, 0, moment, moment))
            record_inventory(tx, branch.id, inventory, {})
            tx.insert(new_endpoint(branch.id, self.free_port(tx), ComputeWish()))

    def _start_wanted(self) -> None:
        """Starts the computes that ran before. One that does not come up is left idle; the log says why."""
        endpoints = [row for row in self.endpoints() if row.wanted]
        wanted = {self.branch(row.branch).timeline for row in endpoints if row.type == "read_write"}
        for branch in [*self.branches(), *self.deleted_branches()]:
            try:
                if branch.timeline in wanted:
                    self.servers.start(branch.timeline)
                else:
                    self.servers.stop(branch.timeline)
            except ServerError:
                _log.exception("the compute of branch %s does not start or stop", branch.id)
        self.read_only.tidy()
        for row in endpoints:
            try:
                if row.type == "read_only":
                    self.read_only.start(row.id)
            except (ApiError, ClusterError, ServerError, OSError, psycopg.Error):
                _log.exception("the compute %s does not start", row.id)

    def _sweep(self) -> None:
        while not self._closing.wait(_SWEEP_SECONDS):
            for branch_id, for_good in self.branches_that_are_over():
                try:
                    self.delete_branch(branch_id, hard=for_good, method="ttl")
                except ApiError:
                    _log.warning("branch %s is over and cannot go now", branch_id, exc_info=True)
            for branch in self.branches():
                if self._closing.is_set():
                    return
                self._tend(branch)
            self.listen()
            self.suspend_unused(self._opened_at)
            self.read_only.tidy()
            self.tend_history()

    def _tend(self, branch: BranchRow) -> None:
        if branch.state != "ready":
            return
        try:
            if self.servers.pid(branch.timeline) is not None:
                self.refresh(branch.id)
                self.look_at_names(branch.timeline)
                if self.bases.behind(branch.timeline) >= log_before_base(branch.logical_size):
                    with self.jobs.claim(shared=[branch.id]):
                        self.bases.take_hot(branch.timeline)
        except (ApiError, ClusterError, ServerError, OSError, psycopg.Error):
            _log.warning("tending branch %s failed", branch.id, exc_info=True)


def _forget_unfinished_restores(tx: Transaction) -> None:
    """Branches are as they were; those that were to keep their states are not needed."""
    tx.update(BranchRow, {"state": "ready"}, state="resetting")
    making = {row.id for row in tx.all(TimelineRow, state="creating")}
    for branch in tx.all(BranchRow, state="init"):
        if branch.timeline not in making:
            forget_branch(tx, branch.id)


def _forget_unfinished(tx: Transaction, timeline: str) -> None:
    for branch in tx.all(BranchRow, timeline=timeline):
        forget_branch(tx, branch.id)
    forget_timeline(tx, timeline)
