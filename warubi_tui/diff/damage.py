"""Which tables a person should look at first."""

from collections.abc import Iterable

from warubi_tui.diff.model import TableDiff


def by_damage(tables: Iterable[TableDiff]) -> list[TableDiff]:
    """Tables that could not be compared, then those that lost most rows, then most changed, then most added.

    What is alike comes in the order of schema and name.
    """
    return sorted(tables, key=_damage)


def _damage(table: TableDiff) -> tuple[bool, int, int, int, str, str]:
    return (
        table.not_compared is None,
        -table.removed,
        -table.changed,
        -table.added,
        table.schema,
        table.table,
    )
