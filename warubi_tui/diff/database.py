"""The comparison of two databases: one object that is filled while it runs and read by whoever shows it."""

import time
from bisect import insort
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from operator import attrgetter
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from warubi_tui.diff.conditions import evaluating
from warubi_tui.diff.lanes import Lane, both, lane_count, run_lanes
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.lines import LineReader
from warubi_tui.diff.model import (
    Method,
    Op,
    Progress,
    RowDiff,
    RowFilter,
    SchemaChange,
    TableDiff,
)
from warubi_tui.diff.progress import Work
from warubi_tui.diff.results import Results
from warubi_tui.diff.schema.compare import compare_schemas, notes, only_of
from warubi_tui.diff.schema.unified import unified
from warubi_tui.diff.sizes import table_pages
from warubi_tui.diff.spool import Spool
from warubi_tui.diff.views import RowView, open_view
from warubi_tui.errors import UsageError
from warubi_tui.postgres.catalog import Catalog, Column, TableName
from warubi_tui.secret import Secret

if TYPE_CHECKING:
    import psycopg

    from warubi_tui.diff.findings.finding import Finding
    from warubi_tui.postgres.objects.model import DatabaseSchema

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

KEPT_ROWS: Final = 1_000_000
"""How many differing rows of one table are kept for reading unless the caller says otherwise."""

CONNECTIONS: Final = 3
"""How many sessions each side gets at most unless the caller says otherwise."""

_PAGE: Final = 500


class DatabaseDiff:
    """A comparison of `then` and `now`, and its results.

    Nothing connects before `run`. While `run` works, `schema` and `tables` fill up, and the rows of every
    table in `tables` can be read. Differing rows lie in a file that has no name on disk and is gone with the
    object: memory grows neither with the tables nor with the number of differences.

    Use as an async context manager, or call `close` once `run` has ended or was cancelled.
    """

    def __init__(
        self,
        then: Secret,
        now: Secret,
        *,
        tables: Sequence[str] | None = None,
        rows: bool = True,
        keep_rows: int = KEPT_ROWS,
        lineage: Lineage | None = None,
        where: str | None = None,
        method: Method | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        """Prepares the comparison of two connection URIs.

        Args:
            tables: compare these only: `table` (in every schema) or `schema.table`, as the catalog spells
                them. None is all tables.
            rows: False compares the schemas only.
            keep_rows: how many differing rows of each table `rows` can read; numbers are exact all the same.
            lineage: where the histories of both sides part; None if that is not known.
            where: compare only rows of which this boolean expression of SQL is true, then or now.
            method: use this one and no other.
            connections: how many sessions each side gets at most.
        """
        self.schema: list[SchemaChange] = []
        """Differences of the schemas; of the tables asked for, if only some were."""
        self._schemas: tuple[DatabaseSchema, DatabaseSchema] | None = None
        self.tables: list[TableDiff] = []
        """Every table that is finished, in the order of schema and name."""
        self.notes: list[str] = []
        """What the user should know about how it was compared."""
        self.seconds = 0.0
        self.finished = False
        """Whether `run` came to its end."""
        self._then = then
        self._now = now
        self._wanted = tables
        self._compare_rows = rows
        self._keep_rows = keep_rows
        self._lineage = lineage
        self._where = where
        self._method = method
        self._connections = connections
        self._spool: Spool | None = None
        self._kept: dict[TableName, tuple[Results, LineReader]] = {}
        self._views: dict[tuple[TableName, Op | None], RowView] = {}

    @property
    def different(self) -> bool:
        """Whether a difference of schema or rows was found so far."""
        return bool(self.schema) or any(table.total for table in self.tables)

    @property
    def complete(self) -> bool:
        """Whether the comparison is finished and nothing was left out: no column, table or kind of object."""
        unknown = any(schema.unknown_kinds for schema in self._schemas or ())
        whole = all(table.not_compared is None and not table.left_out for table in self.tables)
        return self.finished and not unknown and whole

    async def run(
        self,
        *,
        on_table: Callable[[TableDiff], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Self:
        """Compares, in one snapshot of each side. Cancelling the task cancels the queries on both servers.

        A table that a side refuses to show, or fails to, is in `tables` with `not_compared`; the others are
        compared all the same. Run once.

        Args:
            on_table: called with each table as it finishes, in any order.
            on_progress: called when the first table is begun, then a few times a second at most.

        Raises:
            UsageError: a name in `tables` is on neither side, or a URI is none.
            UnreachableError: a side cannot be reached or the connection is lost.
        """
        from warubi_tui.diff.rows.source import Source
        from warubi_tui.postgres.catalog import read_catalog
        from warubi_tui.postgres.session import direct_uri, session

        started = time.monotonic()
        for label, uri in (("then", self._then), ("now", self._now)):
            if direct_uri(uri)[1]:
                self.notes.append(f"{label}: connected to the direct host instead of the pooled one")
        async with AsyncExitStack() as stack:
            before, after = await both(
                stack.enter_async_context(session(self._then, purpose="diff")),
                stack.enter_async_context(session(self._now, purpose="diff")),
            )
            catalogs = await both(read_catalog(before), read_catalog(after))
            names = self._names(*catalogs)
            await self._compare_schemas(before, after, names)
            if self._compare_rows:
                first = Lane(
                    Source("then", before, catalogs[0].encoding, self._then),
                    Source("now", after, catalogs[1].encoding, self._now),
                )
                await self._run_tables(first, names, catalogs, on_table or _ignore, on_progress or _ignore)
        self.seconds = time.monotonic() - started
        self.finished = True
        return self

    async def rows(
        self, schema: str, table: str, *, offset: int = 0, limit: int = 100, op: Op | None = None
    ) -> list[RowDiff]:
        """A page of the differing rows of a table, in the order of the key. `op` shows one kind only.

        Integers are ordered as numbers, all else as text, byte by byte; tables without a key as whole rows.
        Empty for a table that has none, is not finished, or is not there.
        """
        if (schema, table) not in self._kept:
            return []
        view = self._views.get(((schema, table), op))
        if view is None:
            view = await self.view(schema, table, RowFilter(op=op))
            self._views[(schema, table), op] = view
        return [found.row for found in await view.rows(offset, offset + limit)]

    async def view(self, schema: str, table: str, wanted: RowFilter) -> RowView:
        """The kept rows of a finished table that `wanted` lets through.

        Raises:
            UsageError: the table was not compared, its rows have no such column, or PostgreSQL does not
                accept the condition.
            UnreachableError: a side cannot be reached to evaluate the condition.
        """
        if (schema, table) not in self._kept:
            raise UsageError(f"The rows of {schema}.{table} were not compared")
        results, reader = self._kept[schema, table]
        if wanted.condition is None:
            return await open_view(results, reader, wanted, None)
        async with evaluating(reader, self._then, self._now, wanted.condition) as evaluate:
            return await open_view(results, reader, wanted, evaluate)

    def generated(self, schema: str, table: str) -> frozenset[str]:
        """The columns of a finished table that a side computes: an INSERT must not give them."""
        if (schema, table) not in self._kept:
            return frozenset()
        pairing = self._kept[schema, table][1].pairing
        columns = (column for side in (pairing.then, pairing.now) if side for column in side.table.columns)
        return frozenset(column.name for column in columns if column.generated is not None)

    async def all_rows(self) -> AsyncIterator[RowDiff]:
        """Every differing row that is kept, table by table."""
        for table in self.tables:
            for offset in range(0, table.kept, _PAGE):
                for row in await self.rows(table.schema, table.table, offset=offset, limit=_PAGE):
                    yield row

    async def findings(self, tables: Sequence[TableDiff]) -> "dict[TableName, list[Finding]]":
        """What the removed, the added and the changed rows of finished tables have in common.

        Both servers are asked once more, how many other rows are like these; what they do not answer, is
        not said.
        """
        from warubi_tui.diff.findings.counting import counting
        from warubi_tui.diff.findings.database import Explanations

        compared = [table for table in self.tables if (table.schema, table.table) in self._kept]
        async with counting(self._then, self._now, self._where) as counter:
            explanations = Explanations(self, compared, self._columns, counter)
            return {
                (table.schema, table.table): await explanations.of((table.schema, table.table))
                for table in tables
                if table in compared and table.total
            }

    def _columns(self, name: TableName) -> tuple[Sequence[Column], Sequence[Column]]:
        pairing = self._kept[name][1].pairing
        then, now = (() if side is None else side.table.columns for side in (pairing.then, pairing.now))
        return then, now

    def to_json(self) -> dict[str, object]:
        """The object of `diff --json` without `then` and `now`: only the caller knows their names."""
        return {
            "schema": [change.to_json() for change in self.schema],
            "tables": [table.to_json() for table in self.tables],
            "seconds": round(self.seconds, 3),
            "complete": self.complete,
            "notes": self.notes,
        }

    def schema_text(self) -> str:
        """Both schemas as SQL, as a unified diff from then (`-`) to now (`+`); empty where they are equal.

        Safe to draw. Of the whole databases, whichever tables were asked for; empty before `schema` is there.
        """
        return "" if self._schemas is None else unified(*self._schemas)

    def close(self) -> None:
        """Forgets the rows. May be called twice."""
        self._kept.clear()
        self._views.clear()
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _names(self, then: Catalog, now: Catalog) -> list[TableName]:
        names = sorted(then.tables.keys() | now.tables.keys())
        if self._wanted is None:
            return names
        for wanted in self._wanted:
            if not any(wanted in (name, f"{schema}.{name}") for schema, name in names):
                raise UsageError(f"No table {wanted!r} on either side", "", "Write schema.table or table.")
        return [name for name in names if name[1] in self._wanted or ".".join(name) in self._wanted]

    async def _compare_schemas(
        self, then: "Connection", now: "Connection", names: Sequence[TableName]
    ) -> None:
        from warubi_tui.postgres.objects.reading import read_schema

        self._schemas = await both(read_schema(then), read_schema(now))
        next_xid = None if self._lineage is None else self._lineage.next_xid
        changes = compare_schemas(*self._schemas, next_xid=next_xid)
        self.schema += changes if self._wanted is None else only_of(changes, names)
        self.notes += notes(*self._schemas)

    async def _run_tables(
        self,
        first: Lane,
        names: Sequence[TableName],
        catalogs: tuple[Catalog, Catalog],
        on_table: Callable[[TableDiff], None],
        on_progress: Callable[[Progress], None],
    ) -> None:
        from warubi_tui.diff.rows.choose import read_ancestry
        from warubi_tui.diff.tables import TableComparison

        spool = self._spool = Spool()
        before, after = (catalog.tables for catalog in catalogs)
        numbers = {name: number for number, name in enumerate(names)}

        ancestry = await read_ancestry(first.then, first.now, self._lineage)

        async def compare(lane: Lane, name: TableName) -> None:
            comparison = TableComparison(
                *name,
                before.get(name),
                after.get(name),
                spool=spool,
                number=numbers[name],
                keep=self._keep_rows,
                ancestry=ancestry,
                where=self._where,
                method=self._method,
            )
            candidates = comparison.candidates
            candidates.pulse = work.beat
            beat = work.begin(name, found=lambda: candidates.found, waiting=lambda: candidates.waiting)
            try:
                table = await comparison.run(lane.then, lane.now, beat)
            except BaseException:
                candidates.forget()
                raise
            if table.not_compared is None:
                self._kept[name] = candidates.results, LineReader(*name, comparison.pairing)
            insort(self.tables, table, key=attrgetter("schema", "table"))
            work.finish(name, table.total)
            on_table(table)

        pages = await self._pages(first, names, catalogs)
        work = Work(pages, on_progress)
        lanes = lane_count(pages.values(), self._connections)
        if lanes > 1:
            names = sorted(names, key=lambda name: -pages[name])
        await run_lanes(first, lanes, names, compare, self.notes.append)

    async def _pages(
        self, lane: Lane, names: Sequence[TableName], catalogs: tuple[Catalog, Catalog]
    ) -> dict[TableName, int]:
        """How many pages are read of each table."""
        then, now = ([t.oid for n in names if (t := catalog.tables.get(n))] for catalog in catalogs)
        before, after = await both(
            table_pages(lane.then.connection, then), table_pages(lane.now.connection, now)
        )
        pages = dict.fromkeys(names, 0)
        for catalog, found in zip(catalogs, (before, after), strict=True):
            for name in names:
                if table := catalog.tables.get(name):
                    pages[name] += found.get(table.oid, 0)
        return pages


def _ignore(_: object) -> None:
    """Takes what nobody asked to be told."""
