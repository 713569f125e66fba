"""Rows read at their places, or all of them, and handed on as candidates."""

from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg import sql

from warubi_tui.diff import values
from warubi_tui.diff.candidates import Candidates
from warubi_tui.diff.pairing import Side
from warubi_tui.diff.rows import statements
from warubi_tui.diff.rows.physical import Relation
from warubi_tui.diff.rows.source import Source, both, give_up

BATCH_ROWS = 2000
"""How many places one query names at most."""

_EVERY: Final = sql.SQL("")
_WANTED = b"t\t"
_WANTED_BARE = b"t"


class Fetcher:
    """Reads rows of one table on one side."""

    def __init__(
        self,
        source: Source,
        side: Side,
        candidates: Candidates,
        condition: str | None,
    ) -> None:
        self.source = source
        self.side = side
        self.condition = condition
        self._candidates = candidates

    async def places(self, relation: Relation, places: Sequence[bytes]) -> None:
        """The rows of `relation` at `places`. Raises NotComparedError, psycopg.Error."""
        for start in range(0, len(places), BATCH_ROWS):
            batch = places[start : start + BATCH_ROWS]
            await self.copy(statements.rows_at(relation, self.side, self.condition, batch))

    async def relations(self, relations: Sequence[Relation], where: sql.Composable = _EVERY) -> None:
        """Every row of these, or those that `where` picks. Raises NotComparedError, psycopg.Error."""
        for relation in relations:
            rows = statements.source(relation)
            await self.copy(statements.rows_of(rows, self.side, self.condition, where))

    async def table(self, where: sql.Composable = _EVERY) -> None:
        """The same of the table as a whole: of its partitions too, and without reading headers of rows."""
        rows = values.table(self.side.table)
        await self.copy(statements.rows_of(rows, self.side, self.condition, where))

    async def copy(self, statement: sql.Composed) -> None:
        """The lines that `statement` sends. Raises NotComparedError, psycopg.Error."""
        try:
            async with self.source.connection.cursor().copy(statement) as copy:
                async for line in copy:
                    self._take(bytes(line))
        except psycopg.Error as error:
            give_up(self.source, error)

    def _take(self, line: bytes) -> None:
        if self.condition is None:
            self._candidates.add(self.source.label, line)
        else:
            self._candidates.add(self.source.label, line[len(_WANTED) :], line.startswith(_WANTED_BARE))


class Waiting:
    """Places of one pair of relations, until there are enough of them to be worth a query."""

    def __init__(self, then: Fetcher, now: Fetcher, was: Relation, is_now: Relation) -> None:
        self._fetchers = then, now
        self._relations = was, is_now
        self._places: tuple[list[bytes], list[bytes]] = [], []

    async def add(self, then: Sequence[bytes], now: Sequence[bytes]) -> None:
        """Takes places of both sides, and reads the rows if they are enough."""
        self._places[0].extend(then)
        self._places[1].extend(now)
        if max(map(len, self._places)) >= BATCH_ROWS:
            await self.flush()

    async def flush(self) -> None:
        """Reads the rows at the places that wait."""
        was, is_now = (list(places) for places in self._places)
        for places in self._places:
            places.clear()
        if was or is_now:
            (then, now), (before, after) = self._fetchers, self._relations
            await both(then.source, then.places(before, was), now.source, now.places(after, is_now))
