"""A change of the schema in words."""

from typing import Final

from warubi_tui.diff.model import SchemaChange
from warubi_tui.text import clean, shorten

_VALUE_LENGTH: Final = 60
_BEFORE: Final = 15
"""How much is shown of what two long values have in common before they differ."""

_NOTHING: Final = {
    "column_default": "no default",
    "column_generated": "not generated",
    "column_comment": "no comment",
    "table_comment": "no comment",
    "table_row_security": "disabled",
    "function_strictness": "called on NULL",
}
"""How the absence of a value is called where it means something."""

_NAMED_BY_THE_WHOLE: Final = frozenset({"enum_value_renamed", "primary_key_renamed"})
"""Renames of what the place of a change does not name."""

_ABOUT_ROWS: Final = {
    "table_renamed": "; rows are compared under each name",
    "column_renamed": "; values are compared under each name",
}


def schema_words(change: SchemaChange) -> str:
    """One line, safe to draw: `~ column type: public.orders.id: was integer, is bigint now`."""
    mark = "-" if change.kind.endswith("_removed") else "+" if change.kind.endswith("_added") else "~"
    details = _details(change)
    return (
        f"{mark} {change.kind.replace('_', ' ')}: {schema_place(change)}{f': {details}' if details else ''}"
    )


def schema_place(change: SchemaChange) -> str:
    """Where the change is, safe to draw: `public.orders.id`, `orders_pkey on public.orders`, `hstore` …"""
    table = ".".join(clean(part) for part in (change.schema, change.table, change.column) if part)
    if change.name is None:
        return table
    if change.table:
        return f"{clean(change.name)} on {table}"
    if change.kind.startswith("default_privileges"):
        return clean(change.name) + (f" in {clean(change.schema)}" if change.schema else "")
    return ".".join(clean(part) for part in (change.schema, change.name, change.column) if part)


def _details(change: SchemaChange) -> str:
    if change.kind.endswith(("_removed", "_added")):
        value = change.then or change.now or ""
        return "" if value == "table" or change.kind.startswith("schema_") else _value(change, value, "")
    if change.kind.endswith("_renamed"):
        was = f"{_value(change, change.then, '')} " if change.kind in _NAMED_BY_THE_WHOLE else ""
        return f"{was}is {_value(change, change.now, '')} now{_ABOUT_ROWS.get(change.kind, '')}"
    if change.kind == "sequence_went_back":
        now = "has given out nothing" if change.now is None else f"is at {change.now}"
        return f"was at {change.then}, {now} now: values come again"
    then, now_value = _told(change)
    return f"was {_value(change, then, now_value or '')}, is {_value(change, now_value, then or '')} now"


def _told(change: SchemaChange) -> tuple[str | None, str | None]:
    """The two values; of rights only those that differ."""
    if not change.kind.endswith("_grants") or change.then is None or change.now is None:
        return change.then, change.now
    then, now = change.then.split("; "), change.now.split("; ")
    was = "; ".join(one for one in then if one not in now)
    return was or None, "; ".join(one for one in now if one not in then) or None


def _value(change: SchemaChange, value: str | None, other: str) -> str:
    """A value that fits on a line, from where it differs from `other`."""
    if value is None:
        return _NOTHING.get(change.kind, "none")
    if change.kind.endswith("_nullability"):
        return {"NULL": "nullable"}.get(value, value)
    line = clean(value.strip())
    if len(line) > _VALUE_LENGTH:
        against = clean(other.strip())
        pairs = enumerate(zip(line, against, strict=False))
        same = next((place for place, (one, two) in pairs if one != two), min(len(line), len(against)))
        start = min(same - _BEFORE, len(line) - _VALUE_LENGTH + 1)
        line = f"…{line[start:]}" if start > 0 else line
    return shorten(line, _VALUE_LENGTH)
