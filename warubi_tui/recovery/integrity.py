"""Looking for damage inside one database, by reading alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, LiteralString

from warubi_tui.recovery.check import Check, CheckState
from warubi_tui.recovery.verify import Undigested, table_digest
from warubi_tui.text import clean

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    from warubi_tui.postgres.catalog import Table, TableName
    from warubi_tui.recovery.inspector import Report
    from warubi_tui.secret import Secret

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

SHOWN: Final = 5
"""So many names of what is wrong are shown; the rest is counted."""

_INVALID_INDEXES: Final = """
SELECT i.indexrelid::regclass::text FROM pg_index i
 WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
   AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = i.indexrelid AND c.relkind = 'I')
 ORDER BY 1
"""

_UNVALIDATED: Final = """
SELECT c.conrelid::regclass::text || ' ' || quote_ident(c.conname) FROM pg_constraint c
 WHERE NOT c.convalidated AND c.contype IN ('c', 'f', 'n') AND c.conrelid <> 0
 ORDER BY 1
"""

_OWNED_SEQUENCES: Final = """
SELECT n.nspname::text, t.relname::text, a.attname::text, sn.nspname::text, s.relname::text,
       q.seqincrement > 0
  FROM pg_depend d
  JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_namespace sn ON sn.oid = s.relnamespace
  JOIN pg_sequence q ON q.seqrelid = s.oid AND NOT q.seqcycle
  JOIN pg_class t ON t.oid = d.refobjid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
   AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
 ORDER BY 1, 2, 3
"""

_FOREIGN_KEYS: Final = """
SELECT c.conname::text, n.nspname::text, t.relname::text, fn.nspname::text, f.relname::text,
       array_agg(a.attname::text ORDER BY k.place), array_agg(fa.attname::text ORDER BY k.place)
  FROM pg_constraint c
  JOIN pg_class t ON t.oid = c.conrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_class f ON f.oid = c.confrelid
  JOIN pg_namespace fn ON fn.oid = f.relnamespace
 CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY k(here, there, place)
  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.here
  JOIN pg_attribute fa ON fa.attrelid = c.confrelid AND fa.attnum = k.there
 WHERE c.contype = 'f' AND c.conparentid = 0
 GROUP BY c.oid, 1, 2, 3, 4, 5
 ORDER BY 2, 3, 1
"""


async def database_integrity(
    database: str, uri: Secret, *, clock: Callable[[], datetime], report: Report
) -> list[Check]:
    """Checks the indexes, constraints, sequences and rows of one database.

    A check that the server refuses is `unknown`, with its message. Reading every table takes time and I/O.

    Raises:
        UnreachableError: no connection.
    """
    from warubi_tui.postgres.catalog import read_catalog
    from warubi_tui.postgres.session import session

    async with session(uri, purpose="verify") as connection:
        tables = (await read_catalog(connection)).tables

        async def invalid_indexes() -> tuple[CheckState, str]:
            return _none_of(await _names(connection, _INVALID_INDEXES), "every index is valid", "warn")

        async def unvalidated() -> tuple[CheckState, str]:
            return _none_of(await _names(connection, _UNVALIDATED), "every constraint is validated", "warn")

        checks = {
            "Indexes": invalid_indexes,
            "Constraints": unvalidated,
            "Sequences": lambda: _sequences(connection),
            "Primary keys": lambda: _primary_keys(connection, tables),
            "Foreign keys": lambda: _foreign_keys(connection),
            "Rows": lambda: _rows(connection, tables, report),
        }
        results = []
        for name, look in checks.items():
            report(f"{clean(database)}: {name.lower()}")
            state, evidence = await _guarded(connection, look)
            results.append(Check(f"{name} of {clean(database)}", state, clean(evidence), clock()))
        return results


async def _guarded(
    connection: Connection, look: Callable[[], Awaitable[tuple[CheckState, str]]]
) -> tuple[CheckState, str]:
    import psycopg

    from warubi_tui.postgres.session import translate

    try:
        async with connection.transaction():
            return await look()
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return "unknown", str(translate(error))


def _none_of(wrong: list[str], good: str, state: CheckState) -> tuple[CheckState, str]:
    if not wrong:
        return "pass", good
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return state, ", ".join(wrong[:SHOWN]) + more


async def _names(connection: Connection, query: LiteralString) -> list[str]:
    cursor = await connection.execute(query)
    return [str(row[0]) for row in await cursor.fetchall()]


async def _sequences(connection: Connection) -> tuple[CheckState, str]:
    """Whether the next value of each owned sequence is still free; else the first write fails."""
    from psycopg import sql

    cursor = await connection.execute(_OWNED_SEQUENCES)
    owned = await cursor.fetchall()
    behind = []
    for schema, table, column, sequence_schema, sequence, ascending in owned:
        query = sql.SQL(
            "SELECT s.last_value, s.is_called, (SELECT {edge}({column}) FROM {table}) FROM {sequence} s"
        ).format(
            edge=sql.SQL("max" if ascending else "min"),
            column=sql.Identifier(str(column)),
            table=sql.Identifier(str(schema), str(table)),
            sequence=sql.Identifier(str(sequence_schema), str(sequence)),
        )
        last, called, edge = (await (await connection.execute(query)).fetchall())[0]
        if not isinstance(last, int) or not isinstance(edge, int):
            continue
        if (edge > last if ascending else edge < last) or (edge == last and not called):
            behind.append(f"{sequence} is at {last}, {table}.{column} at {edge}")
    return _none_of(behind, f"{len(owned)} owned sequences are past the values in use", "warn")


async def _primary_keys(connection: Connection, tables: Mapping[TableName, Table]) -> tuple[CheckState, str]:
    """Whether primary keys are unique in the tables themselves, whatever their indexes say."""
    from psycopg import sql

    await connection.execute(
        "SELECT set_config(name, 'off', true) FROM pg_settings"
        " WHERE name IN ('enable_indexscan', 'enable_indexonlyscan', 'enable_bitmapscan')"
    )
    keyed = [table for table in tables.values() if table.primary_key and not table.foreign]
    wrong = []
    for table in keyed:
        query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} GROUP BY {} HAVING count(*) > 1) twice").format(
            sql.Identifier(table.schema, table.name),
            sql.SQL(", ").join(sql.Identifier(column) for column in table.primary_key),
        )
        wrong += await _offence(connection, query, f"{table.schema}.{table.name}", "keys twice")
    return _none_of(wrong, f"unique in {len(keyed)} tables, read without their indexes", "fail")


async def _foreign_keys(connection: Connection) -> tuple[CheckState, str]:
    from psycopg import sql

    cursor = await connection.execute(_FOREIGN_KEYS)
    keys = await cursor.fetchall()
    wrong = []
    for name, schema, table, to_schema, to_table, columns, to_columns in keys:
        assert isinstance(columns, list)
        assert isinstance(to_columns, list)
        here = [sql.Identifier("t", column) for column in columns]
        there = [sql.Identifier("f", column) for column in to_columns]
        query = sql.SQL(
            "SELECT count(*) FROM {} t WHERE {} AND NOT EXISTS (SELECT FROM {} f WHERE {})"
        ).format(
            sql.Identifier(str(schema), str(table)),
            sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(column) for column in here),
            sql.Identifier(str(to_schema), str(to_table)),
            sql.SQL(" AND ").join(
                sql.SQL("{} = {}").format(one, other) for one, other in zip(here, there, strict=True)
            ),
        )
        wrong += await _offence(connection, query, f"{schema}.{table} {name}", "rows without their parent")
    return _none_of(wrong, f"{len(keys)} foreign keys hold", "fail")


async def _offence(connection: Connection, query: sql.Composed, where: str, what: str) -> list[str]:
    count = (await (await connection.execute(query)).fetchall())[0][0]
    return [f"{where}: {count} {what}"] if count else []


async def _rows(
    connection: Connection, tables: Mapping[TableName, Table], report: Report
) -> tuple[CheckState, str]:
    """Reads every value of every table once."""
    damaged: list[str] = []
    refused: list[str] = []
    rows = 0
    for number, table in enumerate(tables.values(), start=1):
        report(f"reading table {number} of {len(tables)}: {clean(table.schema)}.{clean(table.name)}")
        digest = await table_digest(connection, table)
        if isinstance(digest, Undigested):
            (damaged if digest.damaged else refused).append(f"{table.schema}.{table.name}: {digest.reason}")
        else:
            rows += digest.rows
    if damaged:
        return _none_of(damaged, "", "fail")
    return _none_of(refused, f"{rows} rows in {len(tables)} tables, every value read", "unknown")
