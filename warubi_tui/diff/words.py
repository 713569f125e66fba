"""A change of the schema in words."""

from typing import Final

from warubi_tui.diff.model import SchemaChange
from warubi_tui.text import clean, shorten

_VALUE_LENGTH: Final = 60

_NOTHING: Final = {"primary_key": "none", "column_default": "no default", "column_generated": "not generated"}
"""How the absence of a value is called where it means something."""


def schema_words(change: SchemaChange) -> str:
    """One line, safe to draw: `~ column type: public.orders.id: was integer, is bigint now`."""
    mark = "-" if change.kind.endswith("removed") else "+" if change.kind.endswith("added") else "~"
    where = ".".join(clean(part) for part in (change.schema, change.table, change.column) if part)
    details = _details(change)
    return f"{mark} {change.kind.replace('_', ' ')}: {where}{f': {details}' if details else ''}"


def _details(change: SchemaChange) -> str:
    if change.kind in {"table_removed", "table_added"}:
        kind = change.then or change.now or ""
        return "" if kind == "table" else clean(kind)
    if change.kind in {"column_removed", "column_added"}:
        return _value(change, change.then or change.now)
    return f"was {_value(change, change.then)}, is {_value(change, change.now)} now"


def _value(change: SchemaChange, value: str | None) -> str:
    if value is None:
        return _NOTHING.get(change.kind, "none")
    if change.kind == "column_nullability":
        return {"NULL": "nullable"}.get(value, value)
    return shorten(clean(value), _VALUE_LENGTH)
