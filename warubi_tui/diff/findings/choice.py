"""Which conditions tell differing rows best from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from warubi_tui.diff.findings.predicates import Kind, Predicate

GROUPED: Final = 8
"""So many conditions are counted in all their combinations."""

_JOINED: Final = 3
"""At most so many conditions are joined by AND."""

_BY_CHANCE: Final = 0.0001
"""Rows that share a condition this probably by chance have nothing in common."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Conditions joined by AND."""

    predicates: tuple[Predicate, ...]
    others: int | None = None
    """How many more rows meet them than differ; None where nobody counted."""
    proven: bool = True
    """Whether every row that differs was seen to meet them."""

    @property
    def where(self) -> str:
        """As SQL; `true` for no condition."""
        return " AND ".join(predicate.sql for predicate in self.predicates) or "true"

    @property
    def words(self) -> str:
        """What goes behind "rows with"."""
        return ", ".join(predicate.words for predicate in self.predicates)

    @property
    def named(self) -> bool:
        """Whether the rows are named one by one."""
        return all(predicate.kind is Kind.KEYS for predicate in self.predicates)


Combined = Mapping[tuple[bool, ...], int]
"""How many rows meet which of some conditions; rows that meet none may be left out."""


def likely(predicates: Sequence[Predicate]) -> Choice | None:
    """What a person would look at first, where nobody counted the other rows."""
    telling = [p for p in predicates if p.kind not in (Kind.NULL, Kind.RANGE, Kind.FILLED)]
    best = sorted(telling, key=lambda predicate: predicate.kind)[:_JOINED]
    return Choice(tuple(best)) if best else None


def sole(predicates: Sequence[Predicate], counts: Sequence[int], rows: int) -> Choice | None:
    """A condition that no other row meets."""
    exact = [one for one, count in zip(predicates, counts, strict=True) if count == rows]
    return Choice((min(exact, key=lambda one: one.kind),), 0) if exact else None


def selective(predicates: Sequence[Predicate], counts: Sequence[int], total: int) -> list[Predicate]:
    """The conditions worth combining: those that fewest rows meet, what says most first."""
    counted = [
        (count, place)
        for place, (one, count) in enumerate(zip(predicates, counts, strict=True))
        if count < total and one.kind is not Kind.KEYS
    ]
    fewest = [predicates[place] for place in sorted(place for _, place in sorted(counted)[:GROUPED])]
    return sorted(fewest, key=lambda one: one.kind)


def combination(predicates: Sequence[Predicate], combined: Combined, rows: int) -> Choice | None:
    """The conditions that, joined, fewest other rows meet; each has to halve them to be worth its words."""
    found: list[tuple[int, int, int, Choice]] = []
    for size in range(1, _JOINED + 1):
        for places in combinations(range(len(predicates)), size):
            chosen = tuple(predicates[place] for place in places)
            if len({predicate.column for predicate in chosen}) < size:
                continue
            others = sum(n for met, n in combined.items() if all(met[place] for place in places)) - rows
            rank = sum(predicate.kind for predicate in chosen)
            if others >= 0:
                found.append((others << (size - 1), size, rank, Choice(chosen, others)))
    return min(found, key=lambda one: one[:3])[3] if found else None


def possible(
    predicates: Sequence[Predicate], counts: Sequence[int], rows: int
) -> tuple[list[Predicate], list[int]]:
    """The conditions that so many rows meet that all that differ may be among them, and their counts."""
    found = [(one, count) for one, count in zip(predicates, counts, strict=True) if count >= rows]
    return [one for one, _ in found], [count for _, count in found]


def telling(choice: Choice, rows: int, total: int) -> bool:
    """Whether it is worth saying: so few of all rows meet it that these did not by chance."""
    if choice.others is None or total == 0:
        return False
    share = (rows + choice.others) / total
    return choice.others == 0 or (share <= 0.5 and share**rows < _BY_CHANCE)
