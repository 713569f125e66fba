"""Conditions on one column that PostgreSQL accepts and a person can read."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from warubi_tui.diff.quoting import identifier, literal
from warubi_tui.postgres.catalog import Column
from warubi_tui.text import clean, shorten

INTEGERS: Final = frozenset({"int2", "int4", "int8"})
NUMBERS: Final = INTEGERS | {"numeric"}
FLOATS: Final = frozenset({"float4", "float8"})
MOMENTS: Final = frozenset({"date", "timestamp", "timestamptz"})
TEXTS: Final = frozenset({"text", "varchar"})

_EQUAL_TEXT: Final = """
    bool bpchar name uuid bytea jsonb time timetz interval inet cidr macaddr macaddr8 oid bit varbit
    int4range int8range numrange daterange tsrange tstzrange
"""
_EQUAL: Final = NUMBERS | FLOATS | MOMENTS | TEXTS | frozenset(_EQUAL_TEXT.split())
"""Built-in types whose `=` holds between a value and its text read back, whatever the session's settings."""

_AS_TEXT: Final = frozenset({"json", "xml"})
"""Types without `=` whose text is what is stored."""

_WORD_LENGTH: Final = 40


class Kind(IntEnum):
    """Forms of a condition; what says most to a person comes first."""

    CONSTANT = 0
    RUN = 1
    """Consecutive keys."""
    STEP = 2
    """Every so manieth number."""
    SET = 3
    NULL = 4
    PREFIX = 5
    KEYS = 6
    SPAN = 7
    """From a moment to a moment."""
    RANGE = 8
    FILLED = 9


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition that every row it was derived from meets."""

    kind: Kind
    column: str
    sql: str
    """To be joined by AND as it is."""
    words: str
    """What goes behind "rows with"; safe to draw."""


def comparable(column: Column) -> bool:
    """Whether a value of this column can be written as a condition."""
    return column.enum or column.base.removeprefix("_") in _EQUAL or column.base in _AS_TEXT


def one_of(kind: Kind, column: Column, values: Sequence[str | None]) -> Predicate:
    """The column is one of these values, of which None is NULL."""
    name = identifier(column.name)
    subject = f"{name}::text" if column.base in _AS_TEXT else name
    some = [_constant(column, value) for value in values if value is not None]
    parts = [f"{subject} = {some[0]}"] if len(some) == 1 else []
    if len(some) > 1:
        parts.append(f"{subject} IN ({', '.join(some)})")
    if None in values:
        parts.append(f"{name} IS NULL")
    sql = parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"
    *first, last = (value_words(column, value) for value in values)
    said = f"{', '.join(first)} or {last}" if first else last
    return Predicate(kind, column.name, sql, f"{clean(column.name)} {said}")


def within(kind: Kind, column: Column, low: str, high: str) -> Predicate:
    """The column lies between these values, both included."""
    name = identifier(column.name)
    sql = f"{name} BETWEEN {_constant(column, low)} AND {_constant(column, high)}"
    said = f"between {value_words(column, low)} and {value_words(column, high)}"
    return Predicate(kind, column.name, sql, f"{clean(column.name)} {said}")


def remainder(column: Column, divisor: int, rest: int) -> Predicate:
    """The number, which is not negative, leaves this rest when it is divided."""
    sql = f"{identifier(column.name)} % {divisor} = {rest}"
    return Predicate(Kind.STEP, column.name, sql, f"{clean(column.name)} % {divisor:d} = {rest}")


def starting(column: Column, prefix: str) -> Predicate:
    """The text begins with these characters, compared byte by byte whatever the column's collation."""
    sql = f'starts_with({identifier(column.name)} COLLATE "C", {literal(prefix)})'
    words = f"{clean(column.name)} starting with {value_words(column, prefix)}"
    return Predicate(Kind.PREFIX, column.name, sql, words)


def filled(column: Column) -> Predicate:
    """The column is not NULL."""
    sql = f"{identifier(column.name)} IS NOT NULL"
    return Predicate(Kind.FILLED, column.name, sql, f"{clean(column.name)} not NULL")


def value_words(column: Column, value: str | None) -> str:
    """A value for a sentence: numbers and moments bare, texts in quotes, NULL bare; safe to draw."""
    if value is None:
        return "NULL"
    shown = shorten(clean(value), _WORD_LENGTH)
    bare = NUMBERS | FLOATS | MOMENTS | {"bool"}
    if column.base == "bool":
        return {"t": "true", "f": "false"}.get(value, shown)
    return shown if column.base in bare else f"'{shown}'"


def _constant(column: Column, value: str) -> str:
    if column.base == "bool":
        return {"t": "true", "f": "false"}[value]
    if column.base in NUMBERS and value.lstrip("-").replace(".", "", 1).isdecimal():
        return value
    return literal(value)
