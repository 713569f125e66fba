"""A real engine inside the test process, with the few verbs that its tests speak in."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psutil
import psycopg

from warubi_tui.engine.computes import ComputeWish
from warubi_tui.engine.engine import Engine
from warubi_tui.engine.store import BaseRow, BranchRow, EndpointRow, OperationRow, TimelineRow
from warubi_tui.lsn import Lsn

DATABASE = "neondb"
OWNER = "neondb_owner"
_PATIENCE_SECONDS = 60.0


def wait_until(happened: Callable[[], bool], what: str) -> None:
    """Returns as soon as `happened` is true; fails the test when it does not come true."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.005)


@dataclass(frozen=True)
class Lab:
    """An engine, and short ways to make branches and to write and read rows of the table `log`."""

    engine: Engine

    @property
    def main(self) -> BranchRow:
        return self.engine.default_branch()

    def end(self, operations: Sequence[OperationRow]) -> list[OperationRow]:
        """Waits until all are over; returns what became of them."""
        read = self.engine.operation
        unfinished = ("scheduling", "running")
        wait_until(lambda: all(read(one.id).status not in unfinished for one in operations), "operations end")
        return [read(one.id) for one in operations]

    def finish(self, operations: Sequence[OperationRow]) -> None:
        """Waits until all are over; they must have succeeded."""
        ended = self.end(operations)
        assert [row.status for row in ended] == ["finished"] * len(ended), [row.error for row in ended]

    def create(
        self,
        parent: BranchRow,
        *,
        name: str | None = None,
        at: datetime | None = None,
        lsn: int | None = None,
        compute: bool = False,
    ) -> BranchRow:
        """A finished branch."""
        branch, _, operations = self.engine.create_branch(
            parent_id=parent.id,
            name=name,
            at=at,
            lsn=None if lsn is None else Lsn(lsn),
            computes=[ComputeWish()] if compute else [],
        )
        self.finish(operations)
        return self.engine.branch(branch.id)

    def restore(
        self,
        branch: BranchRow,
        source: BranchRow,
        *,
        at: datetime | None = None,
        lsn: int | None = None,
        keep: str | None = None,
    ) -> BranchRow:
        """Restores in place and waits; returns the branch as it is afterwards.

        The state before is kept: under the name `keep`, or of a branch's own past under some name.
        """
        if keep is None and source.id == branch.id:
            keep = f"{branch.name}_old_{len(self.engine.branches())}"
        _, operations = self.engine.restore_branch(
            branch.id,
            source_id=source.id,
            at=at,
            lsn=None if lsn is None else Lsn(lsn),
            preserve_under_name=keep,
        )
        self.finish(operations)
        return self.engine.branch(branch.id)

    def delete(self, branch: BranchRow) -> None:
        """Removes a branch for good."""
        deleted = self.engine.delete_branch(branch.id, hard=True)
        assert deleted is not None
        self.finish(deleted[1])

    def hide(self, branch: BranchRow) -> None:
        """Deletes a branch so that it can be recovered."""
        deleted = self.engine.delete_branch(branch.id)
        assert deleted is not None
        self.finish(deleted[1])

    def named(self, name: str) -> BranchRow:
        (branch,) = [row for row in self.engine.branches() if row.name == name]
        return branch

    def endpoint(self, branch: BranchRow) -> EndpointRow:
        (endpoint,) = self.engine.endpoints(branch.id)
        return endpoint

    def suspend(self, branch: BranchRow) -> None:
        self.finish(self.engine.suspend_endpoint(self.endpoint(branch).id)[1])

    def uri(self, branch: BranchRow) -> str:
        return self.engine.connection_uri(
            branch_id=branch.id, endpoint_id=None, database=DATABASE, role=OWNER
        )

    @contextmanager
    def session(self, branch: BranchRow) -> Iterator[psycopg.Connection]:
        """A superuser's autocommit session; the branch's server is started for it where it does not run."""
        with (
            self.engine.running(branch.timeline),
            self.engine.servers.session(branch.timeline, DATABASE) as session,
        ):
            yield session

    def write(self, branch: BranchRow, *notes: str) -> list[datetime]:
        """Inserts each note in a transaction of its own; returns when PostgreSQL says they committed."""
        with self.session(branch) as session:
            session.execute("CREATE TABLE IF NOT EXISTS log (note text)")
            for note in notes:
                session.execute("INSERT INTO log VALUES (%s)", (note,))
            found = session.execute("SELECT note, pg_xact_commit_timestamp(xmin) FROM log").fetchall()
        times = dict(found)
        return [times[note] for note in notes]

    def read(self, branch: BranchRow) -> list[str]:
        """The notes, sorted."""
        with self.session(branch) as session:
            return sorted(row[0] for row in session.execute("SELECT note FROM log"))

    def rows(self) -> tuple[list[BranchRow], list[TimelineRow], list[BaseRow], list[EndpointRow]]:
        """What the store says about branches, without sizes and last uses, which change by themselves."""
        with self.engine.store.transaction() as tx:
            branches = [replace(row, logical_size=None) for row in tx.all(BranchRow)]
            endpoints = [replace(row, last_active=None) for row in tx.all(EndpointRow)]
            return branches, tx.all(TimelineRow), tx.all(BaseRow), endpoints


@contextmanager
def opened(root: Path) -> Iterator[Lab]:
    """An engine on `root` while the block runs."""
    engine = Engine.open(root)
    try:
        yield Lab(engine)
    finally:
        engine.close()


def files_below(root: Path) -> tuple[set[str], set[str]]:
    """The timelines and the bases that an engine's directory holds."""
    timelines = {folder.name for folder in (root / "tl").iterdir()}
    return timelines, {base.name for base in root.glob("tl/*/bases/*")}


def servers_below(root: Path) -> dict[str, int]:
    """Postmasters that run in an engine's directory: timeline → pid. Their children are not listed."""
    found: dict[str, int] = {}
    for process in psutil.process_iter():
        try:
            folder = Path(process.cwd())
            if not process.name().startswith("postgres") or root not in folder.parents:
                continue
            parent = psutil.Process(process.ppid())
            if not parent.name().startswith("postgres"):
                assert folder.parent.name not in found, "two servers on one timeline"
                found[folder.parent.name] = process.pid
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
            continue
    return found


def assert_rows_match_files(lab: Lab, *, without: Collection[str] = ()) -> None:
    """Timelines and bases: what the store says is what lies on disk, nothing more, nothing less."""
    _, timelines, bases, _ = lab.rows()
    assert {row.state for row in timelines} <= {"ready", "history"}
    assert files_below(lab.engine.site.root) == (
        {row.id for row in timelines} - set(without),
        {row.id for row in bases},
    )
