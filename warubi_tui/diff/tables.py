"""One table of a comparison, from its catalog entries to its numbers and kept rows."""

import time

from warubi_tui.diff.candidates import Beat, Candidates
from warubi_tui.diff.model import Method, TableDiff
from warubi_tui.diff.pairing import cannot_compare, pair, without
from warubi_tui.diff.rows.choose import Ancestry, Plan, choose
from warubi_tui.diff.rows.compare import compare_rows
from warubi_tui.diff.rows.source import NotComparedError, Source
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
        ancestry: Ancestry,
        where: str | None = None,
        method: Method | None = None,
    ) -> None:
        """Prepares it. `number` is the table's in the spool, `keep` how many rows go there at most.

        Args:
            ancestry: what both sides have in common physically.
            where: compare only rows of which this boolean expression of SQL is true, then or now.
            method: use this one and no other.
        """
        self._left_out = ancestry.hidden(then, now)
        self._then = then and without(then, self._left_out)
        self._now = now and without(now, self._left_out)
        self.pairing = pair(self._then, self._now)
        self.candidates = Candidates(spool, number, self.pairing, keep=keep)
        self._schema = schema
        self._name = name
        self._ancestry = ancestry
        self._where = where
        self._forced = method

    async def run(self, then: Source, now: Source, beat: Beat) -> TableDiff:
        """The table's numbers, or why there are none. Raises psycopg.Error if a connection is lost.

        Args:
            beat: called every now and then with what is done, of how much, and in which unit.
        """
        started = time.monotonic()
        try:
            plan = await self._find(then, now, beat)
        except NotComparedError as error:
            self.candidates.forget()
            return TableDiff(
                self._schema,
                self._name,
                method="none",
                not_compared=str(error),
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
            method=plan.method,
            why=plan.why,
            left_out=self._left_out,
            seconds=time.monotonic() - started,
            kept=tally.kept,
            changed_columns=dict(tally.columns),
            same_value=tally.same_value,
        )

    async def _find(self, then: Source, now: Source, beat: Beat) -> Plan:
        reason = cannot_compare(self._then, self._now)
        if reason is not None:
            raise NotComparedError(reason)
        plan = choose(self._ancestry, self.pairing, self._forced)
        await compare_rows(then, now, self.pairing, plan, self.candidates, where=self._where, beat=beat)
        return plan
