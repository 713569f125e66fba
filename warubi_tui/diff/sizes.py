"""How large tables are, as a measure of the work they make."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import psycopg

# Only a table that was never vacuumed or analysed is asked for its size: that takes a lock, and on Neon a
# question to the pageserver.
_PAGES: Final = """
SELECT t.oid::int8,
       sum(CASE WHEN c.relpages > 0 OR c.relkind <> 'r' THEN c.relpages
                ELSE pg_relation_size(c.oid) / current_setting('block_size')::int8 END)::int8
  FROM unnest(%s::oid[]) AS t(oid)
 CROSS JOIN LATERAL (
       SELECT t.oid
        UNION
       SELECT part.relid::oid FROM pg_partition_tree(t.oid) part WHERE part.isleaf) leaf(oid)
  JOIN pg_class c ON c.oid = leaf.oid
 GROUP BY t.oid
"""

_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '100ms'"


async def table_pages(
    connection: "psycopg.AsyncConnection[tuple[object, ...]]", oids: Sequence[int]
) -> dict[int, int]:
    """The pages of these tables with their partitions; nothing if the server does not tell at once."""
    from psycopg import Error
    from psycopg.rows import tuple_row

    try:
        async with connection.transaction(force_rollback=True):
            await connection.execute(_LOCK_TIMEOUT)
            cursor = connection.cursor(row_factory=tuple_row)
            await cursor.execute(_PAGES, [oids])
            return {oid: pages or 0 for oid, pages in await cursor.fetchall()}
    except Error:
        if connection.closed:
            raise
        return {}
