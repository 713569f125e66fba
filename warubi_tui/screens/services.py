"""What the screens ask for. The real one is `screens.live`; tests pass their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from warubi_tui.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from warubi_tui.diff.findings.finding import Finding
    from warubi_tui.diff.model import Progress as DiffProgress
    from warubi_tui.diff.model import RowFilter, SchemaChange, TableDiff, ViewRow
    from warubi_tui.history.events import Event
    from warubi_tui.history.moment import RestorePoint
    from warubi_tui.history.window import Window
    from warubi_tui.lsn import Lsn
    from warubi_tui.neon.client import NeonClient
    from warubi_tui.neon.models import Activity, Branch, Database, Endpoint, Moment, Operation, Project
    from warubi_tui.recovery.restore import RestorePlan, RestoreResult
    from warubi_tui.secret import Secret

    Progress = Callable[[Sequence[Operation]], None]


def read_only_refusal(reason: str) -> RefusedError:
    """What a change meets while the console is read-only.

    Args:
        reason: what would be changed, as a sentence.
    """
    return RefusedError("The console is read-only: nothing was done", reason, "Press w to allow changes.")


class RowView(Protocol):
    """Differing rows of one table by their position; see `diff.views.RowView`."""

    @property
    def total(self) -> int: ...

    @property
    def marked(self) -> int: ...

    async def rows(self, start: int, stop: int) -> Sequence[ViewRow]: ...

    async def find(self, text: str, start: int, forward: bool = True) -> int | None: ...

    async def toggle(self, position: int) -> None: ...

    async def mark_all(self, value: bool) -> None: ...

    async def close(self) -> None: ...


class Comparison(Protocol):
    """A comparison of two databases that fills up while it runs; see `diff.database.DatabaseDiff`."""

    schema: list[SchemaChange]
    tables: list[TableDiff]
    notes: list[str]
    seconds: float
    finished: bool

    async def run(
        self,
        *,
        on_table: Callable[[TableDiff], None] | None = None,
        on_progress: Callable[[DiffProgress], None] | None = None,
    ) -> object: ...

    async def view(self, schema: str, table: str, wanted: RowFilter) -> RowView: ...

    async def findings(self, tables: Sequence[TableDiff]) -> Mapping[tuple[str, str], Sequence[Finding]]: ...

    def schema_text(self) -> str: ...

    def generated(self, schema: str, table: str) -> Collection[str]: ...

    def close(self) -> None: ...


class Services(Protocol):
    """Everything the console reads and changes, for one project.

    Every call may raise a `WarubiError`; calls that change something return when their operations ended
    and raise `UnknownOutcomeError` when it cannot be known whether they happened. While the console is
    read-only they raise `RefusedError`, and nothing is sent.
    """

    async def client(self) -> NeonClient:
        """The open connection to the management API."""
        ...

    async def project(self) -> Project: ...

    async def branches(self) -> list[Branch]: ...

    async def endpoints(self) -> list[Endpoint]: ...

    async def databases(self, branch: Branch) -> list[Database]: ...

    async def window(self, branch: Branch) -> Window:
        """From when to when `branch` can be restored."""
        ...

    async def events(self, branch: Branch) -> list[Event]:
        """What happened to `branch`, oldest first."""
        ...

    async def activity(self, branch: Branch, start: datetime, end: datetime, buckets: int) -> Activity | None:
        """Commits in equal parts from `start` to `end`; None where the server does not offer it."""
        ...

    async def moment(self, branch: Branch, at: datetime | Lsn) -> Moment | None:
        """What a restore to `at` would hold; None where the server does not offer it."""
        ...

    async def resolve(self, branch: Branch, when: str | datetime | Lsn) -> RestorePoint:
        """Reads a typed time or LSN and checks it against the history window."""
        ...

    async def plan_copy(self, branch: Branch, point: RestorePoint, name: str | None) -> RestorePlan: ...

    async def plan_in_place(
        self, branch: Branch, point: RestorePoint, keep_as: str | None
    ) -> RestorePlan: ...

    async def plan_from(self, branch: Branch, source: Branch) -> RestorePlan:
        """Plans to overwrite `branch` by the present state of `source`."""
        ...

    async def connection_uri(self, branch: Branch) -> Secret:
        """The connection string of the first database of `branch`, as its owner."""
        ...

    async def restore(
        self, plan: RestorePlan, confirmation: str | None, progress: Progress
    ) -> RestoreResult: ...

    async def rename(self, branch: Branch, name: str, progress: Progress) -> None: ...

    async def protect(self, branch: Branch, protected: bool, progress: Progress) -> None: ...

    async def set_default(self, branch: Branch, progress: Progress) -> None: ...

    async def delete(self, branch: Branch, progress: Progress) -> None: ...

    def readable(
        self, branch: Branch, at: datetime | None, notice: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Branch]:
        """A branch to connect to, with the data of `branch` as it was at `at`; None is its head.

        The branch itself when it has a compute and its head is wanted; else a temporary branch, whose
        deletion begins with the block's end, however that comes. While the console is read-only a temporary
        branch is refused with RefusedError.

        Args:
            at: aware UTC.
            notice: told when a temporary branch is made.
        """
        ...

    def comparison(
        self, then: Branch, now: Branch, database: str | None, notice: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Comparison]:
        """A comparison of one database of two branches, to be run inside the block and read until its close.

        A branch without a compute is read from a temporary branch, whose deletion begins with the block's
        end, however that comes. While the console is read-only it is refused with RefusedError.

        Args:
            database: its name; None is the first one that both branches have.
            notice: told when a temporary branch is made.
        """
        ...

    async def close(self) -> None:
        """Sees temporary branches deleted, then closes the connection to the management API."""
        ...
