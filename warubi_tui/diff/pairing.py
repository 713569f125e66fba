"""Which rows of a table belong together, and which of their columns are compared."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from warubi_tui.postgres.catalog import Column, Table

_INTEGERS: Final = frozenset({"int2", "int4", "int8"})


@dataclass(frozen=True, slots=True)
class Side:
    """One side's table, and the order in which its columns travel."""

    table: Table
    identity: tuple[Column, ...]
    """The key's columns as this side types them; empty if whole rows are compared."""
    integers: frozenset[str]
    """The key columns that hold integers on both sides: their rows come in the order of the numbers."""
    columns: tuple[Column, ...]
    """Every column: the compared ones first, in the same order on both sides, then the others."""
    compared: int
    """How many of `columns` are compared."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """How the rows of a table are matched. At least one side is there."""

    then: Side | None
    now: Side | None
    key: tuple[str, ...]
    """Empty: whole rows are matched, each as often as it occurs."""
    compared: tuple[str, ...]
    """The columns that make a row changed: on both sides, and not generated on both."""

    @property
    def width(self) -> int:
        """How many values at the start of a line say which row it is."""
        return len(self.key) or 1


def pair(then: Table | None, now: Table | None) -> Pairing:
    """The pairing of a table's rows on both sides (or on the one side it is on)."""
    key = _common_key(then, now)
    compared = _compared(then, now)
    present = [table for table in (then, now) if table is not None]
    integers = frozenset(key).intersection(*(_integers(table) for table in present))
    return Pairing(
        then=None if then is None else _side(then, key, integers, compared),
        now=None if now is None else _side(now, key, integers, compared),
        key=key,
        compared=compared,
    )


def without(table: Table, hidden: Collection[str]) -> Table:
    """`table` as if it did not have these columns."""
    return replace(
        table,
        columns=tuple(column for column in table.columns if column.name not in hidden),
        primary_key=() if set(table.primary_key) & set(hidden) else table.primary_key,
        keys=tuple(key for key in table.keys if not set(key) & set(hidden)),
    )


def cannot_compare(then: Table | None, now: Table | None) -> str | None:
    """Why comparing the rows would say something wrong, known before they are read; None if it would not."""
    present = [table for table in (then, now) if table is not None]
    if any(table.unlogged for table in present):
        return "unlogged: every restore leaves it empty, whatever was in it"
    if any(table.foreign for table in present):
        return "has partitions on another server"
    if then is not None and now is not None and not _compared(then, now) and (then.columns or now.columns):
        return "no column is on both sides"
    return None


def _common_key(then: Table | None, now: Table | None) -> tuple[str, ...]:
    if then is None or now is None:
        keys = (then.keys if then is not None else ()) or (now.keys if now is not None else ())
        return keys[0] if keys else ()
    there = {frozenset(key) for key in now.keys}
    return next((key for key in then.keys if frozenset(key) in there), ())


def _compared(then: Table | None, now: Table | None) -> tuple[str, ...]:
    if then is None or now is None:
        one_side = then or now
        return tuple(c.name for c in one_side.columns if c.generated is None) if one_side else ()
    after = {column.name: column for column in now.columns}
    return tuple(
        column.name
        for column in then.columns
        if column.name in after and not (column.generated and after[column.name].generated)
    )


def _integers(table: Table) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if column.base in _INTEGERS)


def _side(table: Table, key: tuple[str, ...], integers: frozenset[str], compared: tuple[str, ...]) -> Side:
    columns = {column.name: column for column in table.columns}
    others = [column for column in table.columns if column.name not in compared]
    return Side(
        table=table,
        identity=tuple(columns[name] for name in key),
        integers=integers,
        columns=(*(columns[name] for name in compared), *others),
        compared=len(compared),
    )
