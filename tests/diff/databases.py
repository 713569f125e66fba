"""Two databases to compare."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from warubi_tui.diff.database import KEPT_ROWS, DatabaseDiff
from warubi_tui.diff.model import RowDiff, TableDiff
from warubi_tui.secret import Secret


@dataclass(frozen=True)
class Pair:
    """The state then and the state now, as URIs."""

    then: str
    now: str

    def both(self, script: str) -> None:
        self.on_then(script)
        self.on_now(script)

    def on_then(self, script: str) -> None:
        run(self.then, script)

    def on_now(self, script: str) -> None:
        run(self.now, script)


class Comparer:
    """Compares a pair and closes what it made."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.made: list[DatabaseDiff] = []

    async def __call__(
        self,
        *,
        then: str | None = None,
        now: str | None = None,
        tables: Sequence[str] | None = None,
        rows: bool = True,
        keep_rows: int = KEPT_ROWS,
    ) -> DatabaseDiff:
        diff = DatabaseDiff(
            Secret(then or self._pair.then),
            Secret(now or self._pair.now),
            tables=tables,
            rows=rows,
            keep_rows=keep_rows,
        )
        self.made.append(diff)
        return await diff.run()

    async def only_table(self) -> tuple[TableDiff, list[RowDiff]]:
        """Compares; the one table there is, and all its rows."""
        diff = await self()
        (table,) = diff.tables
        return table, [row async for row in diff.all_rows()]


def run(uri: str, script: str) -> None:
    """Runs `script`, several statements at once, on its own connection."""
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(script.encode())
