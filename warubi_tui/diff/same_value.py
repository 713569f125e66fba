"""Values that print differently and are equal all the same, as their type sees it."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

SameValue = Callable[[str, str], bool]
"""Whether two different prints of one type are of one value."""

_NUMBERS: Final = frozenset({"int2", "int4", "int8", "numeric"})
_NUMBER: Final = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)")
_ZEROS: Final = {"0", "-0"}
_CLOCK: Final = re.compile(r"([+-]?)([0-9]+):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?")
_UNITS: Final = {"year": 12 * 30, "mon": 30, "day": 1}
_DAY_MICROSECONDS: Final = 86_400_000_000


def same_value(then: str, now: str) -> SameValue | None:
    """How to tell for a column of these base types (`Column.base`); None if equal values print the same."""
    if then in _NUMBERS and now in _NUMBERS:
        return _numbers
    return _BY_TYPE.get(then) if then == now else None


def _numbers(one: str, other: str) -> bool:
    """numeric, and what consists of numerics: the numbers are equal, and all between them is the same."""
    first, second = _NUMBER.split(one), _NUMBER.split(other)
    return first[::2] == second[::2] and all(
        Decimal(a) == Decimal(b) for a, b in zip(first[1::2], second[1::2], strict=True)
    )


def _zeros(one: str, other: str) -> bool:
    """Floats print in their shortest exact form: only the sign of zero is not part of the value."""
    first, second = re.split("([{},])", one), re.split("([{},])", other)
    return len(first) == len(second) and all(
        a == b or {a, b} == _ZEROS for a, b in zip(first, second, strict=True)
    )


def _case(one: str, other: str) -> bool:
    """citext, as far as ASCII goes: what is a letter's other case beyond it is up to the collation."""
    return one.encode().lower() == other.encode().lower()


def _padding(one: str, other: str) -> bool:
    return one.rstrip(" ") == other.rstrip(" ")


def _interval(one: str, other: str) -> bool:
    first, second = _microseconds(one), _microseconds(other)
    return first is not None and first == second


def _microseconds(interval: str) -> int | None:
    """The length that PostgreSQL compares: months of 30 days, days of 24 hours. None for infinity."""
    total, words = 0, interval.split(" ")
    if clock := _CLOCK.fullmatch(words[-1]):
        sign, hours, minutes, seconds, fraction = clock.groups()
        length = (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1_000_000
        length += int((fraction or "").ljust(6, "0"))
        total += -length if sign == "-" else length
        words.pop()
    for number, unit in zip(words[::2], words[1::2], strict=False):
        days = _UNITS.get(unit.removesuffix("s"))
        if days is None:
            return None
        total += int(number) * days * _DAY_MICROSECONDS
    return total if len(words) % 2 == 0 else None


def _jsonb(one: str, other: str) -> bool:
    try:
        return bool(_parse_json(one) == _parse_json(other))
    except RecursionError:
        return False


def _parse_json(text: str) -> object:
    return json.loads(text, parse_int=_json_number, parse_float=_json_number)


def _json_number(text: str) -> tuple[Decimal]:
    """In a tuple: Python calls the number 1 equal to true."""
    return (Decimal(text),)


_BY_TYPE: Final[dict[str, SameValue]] = {
    **dict.fromkeys(("_numeric", "numrange", "nummultirange", "_numrange"), _numbers),
    **dict.fromkeys(("float4", "float8", "_float4", "_float8"), _zeros),
    "citext": _case,
    "bpchar": _padding,
    "interval": _interval,
    "jsonb": _jsonb,
}
