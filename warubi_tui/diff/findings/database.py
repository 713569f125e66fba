"""The findings of the tables of a database: what explains one table may explain those that refer to it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from warubi_tui.diff.findings import sentences
from warubi_tui.diff.findings.counting import Counter
from warubi_tui.diff.findings.explain import Rows, explain
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.diff.findings.references import ForeignKey
from warubi_tui.diff.model import TableDiff
from warubi_tui.postgres.catalog import Column, TableName

Columns = Callable[[TableName], tuple[Sequence[Column], Sequence[Column]]]
"""The columns of a table then and now; empty where it is not there."""


class Explanations:
    """Explains tables, each once, after those they refer to."""

    def __init__(
        self, source: Rows, tables: Iterable[TableDiff], columns: Columns, counter: Counter | None
    ) -> None:
        """`tables` are all that were compared, and that may explain each other."""
        self._source = source
        self._tables: Mapping[TableName, TableDiff] = {(one.schema, one.table): one for one in tables}
        self._columns = columns
        self._counter = counter
        self._found: dict[TableName, list[Finding]] = {}
        self._keys: list[ForeignKey] | None = None

    async def of(self, table: TableName) -> list[Finding]:
        """The findings of one table; empty while it is being explained (tables may refer in circles)."""
        if table not in self._found:
            self._found[table] = []
            found = await explain(
                self._source, self._tables[table], *self._columns(table), counter=self._counter
            )
            self._found[table] = [await self._with_reference(table, finding) for finding in found]
        return self._found[table]

    async def _with_reference(self, table: TableName, finding: Finding) -> Finding:
        """`finding`, and whose rows the removed ones were, where that is proven."""
        if finding.op != "removed" or self._counter is None or self._tables[table].method == "one side":
            return finding
        for key in await self._keys_of(table, self._counter):
            where = await self._lost(key)
            if where is not None and await self._counter.belonging(key, where) == finding.rows:
                said = sentences.belonging(key.columns, key.other)
                if finding.others == 0:
                    return replace(finding, sentence=f"{finding.sentence}; they {said}")
                start = sentences.opening(finding.op, finding.rows, finding.rows, None)
                sentence = f"{start}: all rows that {said}"
                return replace(finding, sentence=sentence, where=key.belonging(where), side="then", others=0)
        return finding

    async def _keys_of(self, table: TableName, counter: Counter) -> list[ForeignKey]:
        """The foreign keys of a table that say which of its rows could not stay.

        No row that is there then and now refers to something else now than it did then, and what is referred
        to are the columns by which rows count as removed.
        """
        if self._keys is None:
            self._keys = await counter.foreign_keys()
        compared = self._tables[table]
        moved = compared.changed_columns.keys() | compared.left_out.keys()
        return [
            key
            for key in self._keys
            if key.table == table
            and key.other in self._tables
            and self._tables[key.other].removed
            and set(key.referred) == set(self._tables[key.other].key)
            and not moved & set(key.columns)
        ]

    async def _lost(self, key: ForeignKey) -> str | None:
        """The condition that the removed rows of the other table met, and no row else."""
        for finding in await self.of(key.other):
            if finding.op == "removed" and finding.others == 0 and finding.side == "then":
                return finding.where
        return None
