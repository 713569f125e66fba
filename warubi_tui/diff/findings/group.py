"""The rows of a table that one thing happened to: summed up while they are read, then explained."""

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Final

from warubi_tui.diff.findings import choice as choices
from warubi_tui.diff.findings import sentences
from warubi_tui.diff.findings.choice import Choice
from warubi_tui.diff.findings.columns import ColumnSummary
from warubi_tui.diff.findings.counting import Counter
from warubi_tui.diff.findings.effects import Effects
from warubi_tui.diff.findings.finding import Finding, SideName
from warubi_tui.diff.findings.predicates import Kind, Predicate
from warubi_tui.diff.model import Op, RowDiff, TableDiff, Values
from warubi_tui.postgres.catalog import Column

_SET_TO: Final = frozenset({Kind.CONSTANT, Kind.SET, Kind.NULL, Kind.PREFIX})


class Group:
    """The removed, the added or the changed rows of a table."""

    def __init__(
        self, table: TableDiff, op: Op, rows: int, then: Sequence[Column], now: Sequence[Column]
    ) -> None:
        """Begins without rows; `rows` is how many there are."""
        self.rows = rows
        self._table = table
        self._op = op
        self._read = 0
        self._sides = {
            name: _Side(columns, table.key) for name, columns in _present(("then", then), ("now", now))
        }
        self._effects = Effects(now)

    def add(self, row: RowDiff) -> None:
        """Takes a row of this kind."""
        self._read += 1
        for name, side in self._sides.items():
            values = row.then if name == "then" else row.now
            side.add(values or {})
        if self._op == "changed":
            self._effects.add(row)

    async def finding(self, counter: Counter | None) -> Finding:
        """What is known once every row that is read was added."""
        first = next(iter(self._sides))
        if self._table.method == "one side":
            return self._told(first, None, ["with its table"])
        if counter is None:
            return self._guess(first)
        return await self._counted(first, counter)

    def _guess(self, first: SideName) -> Finding:
        found = {name: choices.likely(self._predicates(name)) for name in self._sides}
        # What rows were set to is surer than what they happen to share.
        name = "now" if found.get("now") else first
        return self._told(name, found[name], [])

    async def _counted(self, first: SideName, counter: Counter) -> Finding:
        if self.rows == 1 and (key := self._sides[first].key_of_one()) is not None:
            return self._told(first, Choice(key, 0), [])
        found: dict[SideName, Choice] = {}
        for name in self._sides:
            answer = await self._choose(name, counter)
            if answer is None:
                return self._guess(first)
            found.update((name, choice) for choice in answer)
        if not found:
            return self._told(first, None, [sentences.NOTHING])
        best = min(found, key=lambda name: found[name].others or 0)
        return self._told(best, found[best], [])

    async def _choose(self, name: SideName, counter: Counter) -> list[Choice] | None:
        """The condition worth telling, or none; None if the server did not count.

        A condition that fewer rows meet than differ was met by those read alone: it is passed over, or, if
        all were read, the side is another than the one that was compared.
        """
        complete = self._read == self.rows
        predicates = self._predicates(name)
        table = (self._table.schema, self._table.table)
        counts = await counter.each(name, table, predicates)
        if counts is None or counts[0] < self.rows:
            return None
        total = counts[0]
        if total == self.rows:
            return [Choice((), 0)]
        able, each = choices.possible(predicates, counts[1:], self.rows)
        if complete and len(able) < len(predicates):
            return None
        best = choices.sole(able, each, self.rows)
        if best is None:
            few = choices.selective(able, each, total)
            combined = await counter.combined(name, table, few) if few else {}
            if combined is None:
                return None
            best = choices.combination(few, combined, self.rows)
        if best is None or not choices.telling(best, self.rows, total):
            return []
        return [replace(best, proven=complete)]

    def _predicates(self, name: SideName) -> list[Predicate]:
        """Of the new version of changed rows, only what all of them were set to."""
        if self._op == "changed" and name == "now":
            set_to = self._sides[name].predicates(self._effects.everywhere)
            return [predicate for predicate in set_to if predicate.kind in _SET_TO]
        return self._sides[name].predicates()

    def _span(self, name: SideName, choice: Choice | None) -> str | None:
        """From when to when removed or added rows are, where the condition does not say so already."""
        if self._op == "changed" or choice is None or not choice.predicates:
            return None
        spans = [one for one in self._sides[name].predicates() if one.kind is Kind.SPAN]
        return spans[0].words if spans and not set(spans) & set(choice.predicates) else None

    def _told(self, name: SideName, choice: Choice | None, more: Sequence[str]) -> Finding:
        parts = [self._effects.words()] if self._op == "changed" else []
        if choice is not None:
            parts.append(sentences.shared(self._op, self.rows, name, choice))
        said = "; ".join(part for part in [*parts, *more] if part)
        start = sentences.opening(self._op, self.rows, self._read, self._span(name, choice))
        return Finding(
            op=self._op,
            rows=self.rows,
            read=self._read,
            sentence=f"{start}: {said}" if said else start,
            where=choice.where if choice is not None else None,
            side=name,
            others=choice.others if choice is not None and choice.proven else None,
        )


class _Side:
    """One side's versions of the rows."""

    def __init__(self, columns: Sequence[Column], key: Sequence[str]) -> None:
        self._key = tuple(key)
        self._summaries = {
            column.name: ColumnSummary(column, key=self._key == (column.name,)) for column in columns
        }

    def add(self, values: Values) -> None:
        for name, summary in self._summaries.items():
            if name in values:
                summary.add(values[name])

    def predicates(self, columns: Container[str] | None = None) -> list[Predicate]:
        """Conditions on these columns, or on all."""
        return [
            predicate
            for name, summary in self._summaries.items()
            if columns is None or name in columns
            for predicate in summary.predicates()
        ]

    def key_of_one(self) -> tuple[Predicate, ...] | None:
        """The key of the only row, as conditions; None if it has none that can be written."""
        found = [predicate for name in self._key for predicate in self._summaries[name].predicates()[:1]]
        if not self._key or len(found) < len(self._key):
            return None
        return tuple(replace(predicate, kind=Kind.KEYS) for predicate in found)


def _present(
    *sides: tuple[SideName, Sequence[Column]],
) -> list[tuple[SideName, Sequence[Column]]]:
    return [(name, columns) for name, columns in sides if columns]
