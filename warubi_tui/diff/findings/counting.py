"""How many rows of a side meet which conditions, counted by its server after a comparison."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from warubi_tui.diff.findings.choice import Combined
from warubi_tui.diff.findings.finding import SideName
from warubi_tui.diff.findings.predicates import Predicate
from warubi_tui.diff.findings.references import FOREIGN_KEYS, ForeignKey, foreign_key, name
from warubi_tui.errors import WarubiError
from warubi_tui.postgres.catalog import TableName
from warubi_tui.postgres.session import session
from warubi_tui.secret import Secret

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

COUNT_SECONDS: Final = 20
"""How long a server may count for one answer; without it, nothing is said about other rows."""

PATIENCE_SECONDS: Final = 60
"""How long is counted in all: whoever waits wants to see the differences, too."""

_PARTITIONED: Final = """
SELECT n.nspname::text, c.relname::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'p'
"""


class Counter:
    """Counts on both sides, one scan of a table for each answer."""

    def __init__(
        self,
        then: "Connection",
        now: "Connection",
        where: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes two reading sessions. `where` limits everything to the rows that meet it, in SQL."""
        self._sides: Mapping[SideName, Connection] = {"then": then, "now": now}
        self._where = where
        self._clock = clock
        self._end = clock() + PATIENCE_SECONDS
        self._partitioned: dict[SideName, frozenset[TableName]] = {}

    async def each(
        self, side: SideName, table: TableName, predicates: Sequence[Predicate]
    ) -> list[int] | None:
        """How many rows there are, then how many meet each condition; None if the server did not say."""
        counts = [f"count(*) FILTER (WHERE {predicate.sql})" for predicate in predicates]
        rows = await self._ask(
            side, f"SELECT {', '.join(['count(*)', *counts])} FROM {await self._rows(side, table)}"
        )
        return None if rows is None else [int(str(value)) for value in rows[0]]

    async def combined(
        self, side: SideName, table: TableName, predicates: Sequence[Predicate]
    ) -> Combined | None:
        """How many rows meet which of the conditions; None if the server did not say."""
        met = ", ".join(f"({predicate.sql}) IS TRUE" for predicate in predicates)
        places = ", ".join(str(place + 1) for place in range(len(predicates)))
        query = f"SELECT {met}, count(*) FROM {await self._rows(side, table)} GROUP BY {places}"
        rows = await self._ask(side, query)
        return None if rows is None else {tuple(map(bool, row[:-1])): int(str(row[-1])) for row in rows}

    async def foreign_keys(self) -> list[ForeignKey]:
        """Those of then between tables, without those of partitions; none if the server did not say."""
        return [foreign_key(row) for row in await self._ask("then", FOREIGN_KEYS) or []]

    async def belonging(self, key: ForeignKey, where: str) -> int | None:
        """How many rows referred by `key` then to rows that met `where`.

        None if some row refers to nothing now, or a server did not say, or only a part was compared.
        """
        if self._where is not None:
            return None
        orphans = await self._ask("now", f"SELECT count(*) FROM {key.orphans}")
        if orphans is None or orphans[0][0] != 0:
            return None
        rows = await self._ask("then", f"SELECT count(*) FROM {name(key.table)} WHERE {key.belonging(where)}")
        return None if rows is None else int(str(rows[0][0]))

    async def _rows(self, side: SideName, table: TableName) -> str:
        """What goes behind FROM. Tables that inherit from this one are tables of their own."""
        if side not in self._partitioned:
            found = await self._ask(side, _PARTITIONED) or []
            self._partitioned[side] = frozenset((str(schema), str(one)) for schema, one in found)
        rows = name(table) if table in self._partitioned[side] else f"ONLY {name(table)}"
        return rows if self._where is None else f"{rows} WHERE ({self._where}\n)"

    async def _ask(self, side: SideName, query: str) -> list[tuple[object, ...]] | None:
        import psycopg

        if self._clock() > self._end:
            return None
        connection = self._sides[side]
        try:
            async with connection.transaction(force_rollback=True):
                # Prepared, because only that is sure to be one statement: `where` came from outside.
                cursor = await connection.execute(query.encode(), prepare=True)
                return await cursor.fetchall()
        except psycopg.Error:
            return None


@asynccontextmanager
async def counting(then: Secret, now: Secret, where: str | None = None) -> AsyncIterator[Counter | None]:
    """A counter on both sides; None if one of them cannot be read any more.

    Args:
        where: the condition that the comparison was limited to.
    """
    async with AsyncExitStack() as sessions:
        yield await _counter(sessions, then, now, where)


async def _counter(sessions: AsyncExitStack, then: Secret, now: Secret, where: str | None) -> Counter | None:
    try:
        before = await sessions.enter_async_context(session(then, purpose="diff"))
        after = await sessions.enter_async_context(session(now, purpose="diff"))
        for side in (before, after):
            await side.execute(f"SET LOCAL statement_timeout = '{COUNT_SECONDS}s'".encode())
    except WarubiError:
        return None
    return Counter(before, after, where)
