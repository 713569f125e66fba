"""The comparison of two databases: one object that is filled while it runs and read by whoever shows it."""

from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Self

from warubi_tui.diff.model import Op, Progress, RowDiff, SchemaChange, TableDiff
from warubi_tui.secret import Secret

KEPT_ROWS = 1_000_000
"""How many differing rows of one table are kept for reading unless the caller says otherwise."""


class DatabaseDiff:
    """A comparison of `then` and `now`, and its results.

    Nothing connects before `run`. While `run` works, `schema` and `tables` fill up, and the rows of every
    table in `tables` can be read. Differing rows lie in a file that has no name on disk and is gone with the
    object: memory grows neither with the tables nor with the number of differences.

    Use as an async context manager, or call `close`.
    """

    def __init__(
        self,
        then: Secret,
        now: Secret,
        *,
        tables: Sequence[str] | None = None,
        rows: bool = True,
        keep_rows: int = KEPT_ROWS,
    ) -> None:
        """Prepares the comparison of two connection URIs.

        Args:
            tables: compare these only: `table` (in every schema) or `schema.table`, as the catalog spells
                them. None is all tables.
            rows: False compares the schemas only.
            keep_rows: how many differing rows of each table `rows` can read; numbers are exact all the same.
        """
        self.schema: list[SchemaChange] = []
        self.tables: list[TableDiff] = []
        self.notes: list[str] = []
        self.seconds: float = 0.0
        self.finished: bool = False
        raise NotImplementedError

    @property
    def different(self) -> bool:
        """Whether a difference of schema or rows was found so far."""
        raise NotImplementedError

    @property
    def complete(self) -> bool:
        """Whether the comparison is finished and every table was compared."""
        raise NotImplementedError

    async def run(
        self,
        *,
        on_table: Callable[[TableDiff], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Self:
        """Compares, in one snapshot of each side. Cancelling the task cancels the queries on both servers.

        Args:
            on_table: called with each table as it finishes.
            on_progress: called a few times a second at most while a table is read.

        Raises:
            UsageError: a name in `tables` is on neither side.
            UnreachableError: a side cannot be reached or the connection is lost.
        """
        raise NotImplementedError

    async def rows(
        self, schema: str, table: str, *, offset: int = 0, limit: int = 100, op: Op | None = None
    ) -> list[RowDiff]:
        """A page of the differing rows of a table, in the order of the key's text. `op` shows one kind only."""
        raise NotImplementedError

    def all_rows(self) -> AsyncIterator[RowDiff]:
        """Every differing row that is kept, table by table."""
        raise NotImplementedError

    def to_json(self) -> dict[str, object]:
        """The keys `schema`, `tables`, `seconds`, `notes`, `complete` of `diff --json`.

        The caller adds `then` and `now`: only it knows what the user called them.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Forgets the rows. May be called twice."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
