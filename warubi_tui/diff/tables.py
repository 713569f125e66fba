"""One table of a comparison, from its catalog entries to its numbers and kept rows."""

import time

from warubi_tui.diff.candidates import Beat, Candidates
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.model import Method, TableDiff
from warubi_tui.diff.pairing import cannot_compare, pair
from warubi_tui.diff.rows import NotComparedError, Source, compare_rows
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
        lineage: Lineage | None = None,
        where: str | None = None,
        method: Method | None = None,
    ) -> None:
        """Prepares it. `number` is the table's in the spool, `keep` how many rows go there at most.

        Args:
            lineage: where the histories of both sides part; None if that is not known.
            where: compare only rows of which this boolean expression of SQL is true, then or now.
            method: use this one and no other.
        """
        self.pairing = pair(then, now)
        self.candidates = Candidates(spool, number, self.pairing, keep=keep)
        self._schema = schema
        self._name = name
        self._lineage = lineage
        self._where = where
        self._forced = method
        self._then = then
        self._now = now

    async def run(self, then: Source, now: Source, beat: Beat) -> TableDiff:
        """The table's numbers, or why there are none. Raises psycopg.Error if a connection is lost.

        Args:
            beat: called every now and then with what is done, of how much, and in which unit.
        """
        started = time.monotonic()
        reason = cannot_compare(self._then, self._now)
        if reason is None:
            try:
                await compare_rows(then, now, self.pairing, self.candidates)
            except NotComparedError as error:
                reason = str(error)
        if reason is not None:
            self.candidates.forget()
            return TableDiff(
                self._schema,
                self._name,
                method="none",
                not_compared=reason,
                seconds=time.monotonic() - started,
            )
        tally = await self.candidates.settle(beat)
        return TableDiff(
            schema=self._schema,
            table=self._name,
            key=self.pairing.key,
            removed=tally.removed,
            added=tally.added,
            changed=tally.changed,
            method=self._method(),
            seconds=time.monotonic() - started,
            kept=tally.kept,
            changed_columns=dict(tally.columns),
            same_value=tally.same_value,
        )

    def _method(self) -> Method:
        if self._then is None or self._now is None:
            return "one side"
        return "key" if self.pairing.key else "multiset"
