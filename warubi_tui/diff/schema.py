"""How two schemas differ: tables and columns, their types, nullability, defaults and keys."""

from collections.abc import Callable, Iterator
from typing import Final

from warubi_tui.diff.model import SchemaChange
from warubi_tui.postgres.catalog import Catalog, Column, Table


def compare_schemas(then: Catalog, now: Catalog) -> list[SchemaChange]:
    """Every difference, in the order of schema, table, and column of then.

    Tables and columns belong together by name: a renamed one is one removed and one added. The columns of a
    table on one side only are not listed.
    """
    changes: list[SchemaChange] = []
    for name in sorted(then.tables.keys() | now.tables.keys()):
        changes += _compare_tables(then.tables.get(name), now.tables.get(name))
    return changes


def _compare_tables(then: Table | None, now: Table | None) -> Iterator[SchemaChange]:
    if then is None or now is None:
        if then is not None:
            yield SchemaChange("table_removed", then.schema, then.name, then=_kind(then))
        if now is not None:
            yield SchemaChange("table_added", now.schema, now.name, now=_kind(now))
        return
    if _kind(then) != _kind(now):
        yield SchemaChange("table_kind", then.schema, then.name, None, _kind(then), _kind(now))
    if then.primary_key != now.primary_key:
        yield SchemaChange("primary_key", then.schema, then.name, None, _key(then), _key(now))
    yield from _compare_columns(then, now)


def _compare_columns(then: Table, now: Table) -> Iterator[SchemaChange]:
    after = {column.name: column for column in now.columns}
    for column in then.columns:
        other = after.pop(column.name, None)
        if other is None:
            yield SchemaChange("column_removed", then.schema, then.name, column.name, then=column.type)
            continue
        for kind, aspect in _ASPECTS:
            was, is_now = aspect(column), aspect(other)
            if was != is_now:
                yield SchemaChange(kind, then.schema, then.name, column.name, was, is_now)
    for column in after.values():
        yield SchemaChange("column_added", now.schema, now.name, column.name, now=column.type)


def _kind(table: Table) -> str:
    return f"unlogged {table.kind}" if table.unlogged else table.kind


def _key(table: Table) -> str | None:
    return ", ".join(table.primary_key) or None


_ASPECTS: Final[tuple[tuple[str, Callable[[Column], str | None]], ...]] = (
    ("column_type", lambda column: column.type),
    ("column_nullability", lambda column: "NULL" if column.nullable else "NOT NULL"),
    ("column_default", lambda column: column.default),
    ("column_generated", lambda column: column.generated),
)
