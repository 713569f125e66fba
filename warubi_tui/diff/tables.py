"""One table of a comparison, from its catalog entries to its numbers and kept rows."""

import time
from collections.abc import Callable

from warubi_tui.diff.lines import LineReader
from warubi_tui.diff.model import Method, Op, TableDiff
from warubi_tui.diff.pairing import cannot_compare, pair
from warubi_tui.diff.rows import NotComparedError, Source, Tally, compare_rows
from warubi_tui.diff.spool import Spool
from warubi_tui.postgres.catalog import Table


class TableComparison:
    """Compares a table's rows and keeps those that differ in a spool."""

    def __init__(
        self,
        schema: str,
        name: str,
        then: Table | None,
        now: Table | None,
        *,
        spool: Spool,
        number: int,
        keep: int,
    ) -> None:
        """Prepares it. `number` is the table's in the spool, `keep` how many rows go there at most."""
        self.reader = LineReader(schema, name, pair(then, now))
        self._schema = schema
        self._name = name
        self._then = then
        self._now = now
        self._spool = spool
        self._number = number
        self._keep = keep
        self._kept = 0

    async def run(self, then: Source, now: Source, beat: Callable[[int], None]) -> TableDiff:
        """The table's numbers, or why there are none. Raises psycopg.Error if a connection is lost.

        Args:
            beat: called every now and then with the number of differences found so far.
        """
        started = time.monotonic()
        tally = Tally(self.reader, self._keep_row, beat)
        reason = cannot_compare(self._then, self._now)
        if reason is None:
            try:
                await compare_rows(then, now, self.reader.pairing, tally)
            except NotComparedError as error:
                reason = str(error)
        seconds = time.monotonic() - started
        if reason is not None:
            self._spool.forget(self._number)
            return TableDiff(self._schema, self._name, method="none", not_compared=reason, seconds=seconds)
        self._spool.flush()
        return TableDiff(
            schema=self._schema,
            table=self._name,
            key=self.reader.pairing.key,
            removed=tally.removed,
            added=tally.added,
            changed=tally.changed,
            method=self._method(),
            seconds=seconds,
            kept=self._kept,
            changed_columns=dict(tally.columns),
        )

    def _method(self) -> Method:
        if self._then is None or self._now is None:
            return "one side"
        return "key" if self.reader.pairing.key else "multiset"

    def _keep_row(self, op: Op, then: bytes | None, now: bytes | None) -> None:
        if self._kept < self._keep:
            self._spool.add(self._number, op, then, now)
            self._kept += 1
