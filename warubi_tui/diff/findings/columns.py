"""One column of many rows, summed up in little memory."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from math import gcd
from typing import Final, TypeAlias

from warubi_tui.diff.findings.predicates import (
    FLOATS,
    INTEGERS,
    MOMENTS,
    NUMBERS,
    TEXTS,
    Kind,
    Predicate,
    comparable,
    filled,
    one_of,
    remainder,
    starting,
    within,
)
from warubi_tui.postgres.catalog import Column

FEW: Final = 5
"""At most so many values are listed; and with no more rows than this, keys say more than anything else."""

_LONGEST: Final = 200
"""Characters of a value that may be written into a condition."""

_SHORTEST_PREFIX: Final = 3
_LONGEST_PREFIX: Final = 60

_FIRST_MOMENT: Final = datetime.min.replace(tzinfo=UTC)

Place: TypeAlias = int | Decimal
"""Where a value stands among the others of its column."""


class ColumnSummary:
    """What the values of a column have in common."""

    def __init__(self, column: Column, *, key: bool = False) -> None:
        """Begins without values. `key` says that the column alone tells rows apart."""
        self.column = column
        self._key = key
        self._rows = 0
        self._nulls = 0
        self._values: Counter[str | None] | None = Counter() if comparable(column) else None
        self._place = _reader(column)
        self._low: tuple[Place, str] | None = None
        self._high: tuple[Place, str] | None = None
        self._step = 0
        self._prefix: str | None = None
        self._latest: str | None = None

    def add(self, value: str | None) -> None:
        """Takes the next row's value, as PostgreSQL prints it under the settings of a reading session."""
        self._rows += 1
        if value is None:
            self._nulls += 1
        elif value != self._latest:
            self._latest = value
            self._widen(value)
            self._shorten(value)
        if self._values is not None:
            self._values[value] += 1
            if len(self._values) > FEW or (value is not None and len(value) > _LONGEST):
                self._values = None

    @property
    def constant(self) -> tuple[str | None] | None:
        """The one value there is; None if there are more, or it is too long to be told."""
        if self._values is not None and len(self._values) == 1:
            return (next(iter(self._values)),)
        return (None,) if self._rows and self._nulls == self._rows else None

    def predicates(self) -> list[Predicate]:
        """Conditions that every value meets, best first; none for a column that says nothing."""
        if self._rows == 0:
            return []
        if self._key and self._values is not None:
            return [one_of(Kind.KEYS, self.column, self._sorted(self._values))]
        if (only := self.constant) is not None:
            return [one_of(Kind.NULL if only[0] is None else Kind.CONSTANT, self.column, only)]
        found = [*self._listed(), *self._stepping(), *self._between(), *self._beginning()]
        if self._nulls == 0 and self.column.nullable:
            found.append(filled(self.column))
        return found

    def _listed(self) -> list[Predicate]:
        if self._values is None:
            return []
        told = self._rows > FEW and self._rows >= 2 * len(self._values)
        return [one_of(Kind.SET, self.column, self._sorted(self._values))] if told else []

    def _sorted(self, values: Iterable[str | None]) -> list[str | None]:
        """As numbers where they are, NULL last."""
        place = self._place or (lambda _: 0)
        some = sorted((place(value), value) for value in values if value is not None)
        return [value for _, value in some] + [value for value in values if value is None]

    def _between(self) -> list[Predicate]:
        if self._low is None or self._high is None or self._nulls or self._rows <= FEW:
            return []
        low, high = self._low, self._high
        run = self._key and self.column.base in INTEGERS and high[0] - low[0] + 1 == self._rows
        kind = Kind.RUN if run else Kind.SPAN if self.column.base in MOMENTS else Kind.RANGE
        return [within(kind, self.column, low[1], high[1])]

    def _stepping(self) -> list[Predicate]:
        """Of integers that are not negative: the remainder that all leave, divided by the largest number."""
        if self.column.base not in INTEGERS or self._low is None or self._nulls or self._rows <= FEW:
            return []
        low = int(self._low[1])
        return [remainder(self.column, self._step, low % self._step)] if self._step > 1 and low >= 0 else []

    def _beginning(self) -> list[Predicate]:
        prefix = self._prefix
        if prefix is None or self._nulls or self._rows <= FEW or len(prefix) < _SHORTEST_PREFIX:
            return []
        return [starting(self.column, prefix)]

    def _widen(self, value: str) -> None:
        if self._place is None:
            return
        try:
            here = self._place(value), value
        except (ValueError, InvalidOperation):
            self._place = self._low = self._high = None
            return
        if self._low is not None and isinstance(here[0], int) and isinstance(self._low[0], int):
            self._step = gcd(self._step, here[0] - self._low[0])
        if self._low is None or here[0] < self._low[0]:
            self._low = here
        if self._high is None or here[0] > self._high[0]:
            self._high = here

    def _shorten(self, value: str) -> None:
        if self.column.base in TEXTS:
            known = value[:_LONGEST_PREFIX] if self._prefix is None else self._prefix
            self._prefix = _common(known, value)


def _reader(column: Column) -> Callable[[str], Place] | None:
    """What finds a value's place; it raises ValueError or InvalidOperation for values that have none here."""
    if column.base in INTEGERS:
        return int
    if column.base in NUMBERS | FLOATS:
        return _number
    if column.base in MOMENTS:
        return _day if column.base == "date" else _microseconds
    return None


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return (moment - _FIRST_MOMENT) // timedelta(microseconds=1)


def _common(one: str, other: str) -> str:
    """What both begin with."""
    for place, (first, second) in enumerate(zip(one, other, strict=False)):
        if first != second:
            return one[:place]
    return min(one, other, key=len)
