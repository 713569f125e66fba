"""What was done to the columns of changed rows, in words."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from warubi_tui.diff.findings.columns import ColumnSummary
from warubi_tui.diff.findings.predicates import NUMBERS, value_words
from warubi_tui.diff.model import RowDiff
from warubi_tui.postgres.catalog import Column
from warubi_tui.text import clean

_TOLD: Final = 4
"""So many columns are spoken of one by one."""


class ColumnEffect:
    """How one column changed, over the rows in which it did."""

    def __init__(self, column: Column) -> None:
        self.rows = 0
        self._column = column
        self._then = ColumnSummary(column)
        self._now = ColumnSummary(column)
        self._equal = 0
        self._steps: set[Decimal] = set()
        self._stepwise = column.base in NUMBERS

    def add(self, then: str | None, now: str | None, *, equal: bool) -> None:
        """Takes a row's values. `equal` says that they only print differently."""
        self.rows += 1
        self._equal += equal
        self._then.add(then)
        self._now.add(now)
        if self._stepwise:
            self._step(then, now)

    def words(self) -> str:
        """What happened: `price set to 0`; just `price changed` if there is no more to say. Safe to draw."""
        return f"{clean(self._column.name)} {self._verb()}"

    def _verb(self) -> str:
        before, after = self._then.constant, self._now.constant
        if self._equal == self.rows:
            return "only written differently"
        if after is not None:
            now = value_words(self._column, after[0])
            if before is None:
                return f"set to {now}"
            return f"changed from {value_words(self._column, before[0])} to {now}"
        if before == (None,):
            return "filled in where it was NULL"
        if self._stepwise and len(self._steps) == 1:
            (step,) = self._steps
            return f"{'raised' if step > 0 else 'lowered'} by {abs(step):f}"
        return "changed"

    def _step(self, then: str | None, now: str | None) -> None:
        try:
            self._steps.add(Decimal(now or "NaN") - Decimal(then or "NaN"))
        except InvalidOperation:
            self._stepwise = False
            return
        self._stepwise = len(self._steps) == 1 and all(step.is_finite() for step in self._steps)


class Effects:
    """How the columns of a table's changed rows changed."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns: Mapping[str, Column] = {column.name: column for column in columns}
        self._effects: dict[str, ColumnEffect] = {}
        self._rows = 0

    def add(self, row: RowDiff) -> None:
        """Takes a changed row."""
        self._rows += 1
        then, now = row.then or {}, row.now or {}
        for name in row.columns:
            if name not in self._effects:
                self._effects[name] = ColumnEffect(self._columns[name])
            self._effects[name].add(then.get(name), now.get(name), equal=name in row.same_value)

    @property
    def everywhere(self) -> frozenset[str]:
        """The columns that changed in every row."""
        return frozenset(name for name, effect in self._effects.items() if effect.rows == self._rows)

    def words(self) -> str:
        """`price set to 0 in all, note changed in 3`: the columns that changed most come first."""
        effects = sorted(self._effects.values(), key=lambda effect: -effect.rows)
        parts = [
            f"{effect.words()} in {'all' if effect.rows == self._rows else f'{effect.rows:,}'}"
            for effect in effects[:_TOLD]
        ]
        if len(effects) > _TOLD:
            parts.append(f"and {len(effects) - _TOLD} more columns")
        return ", ".join(parts)
