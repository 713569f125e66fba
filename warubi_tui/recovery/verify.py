"""Whether two databases hold the same rows, found out on the servers: one digest per table.

A digest is the number of rows and two sums, over all rows, of the 64-bit hash of the row's text under two
seeds. Sums do not depend on the order in which rows are read and, unlike xor, count duplicates. Columns are
taken by name, so their order in the table does not matter. Values that print differently are different:
1.0 is not 1.00, NULL is not the empty text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from warubi_tui.recovery.inspector import Report, TableProof
from warubi_tui.text import clean

if TYPE_CHECKING:
    import psycopg

    from warubi_tui.postgres.catalog import Table, TableName
    from warubi_tui.secret import Secret

    Connection = psycopg.AsyncConnection[tuple[object, ...]]


_REFUSALS: Final = frozenset({"42501", "55P03", "57014"})
"""SQLSTATEs of a table that is not shown: no privilege (row-level security too), locked, cancelled."""


@dataclass(frozen=True)
class TableDigest:
    """What stands for the rows of one table; equal digests mean equal rows."""

    columns: tuple[str, ...]
    """Name and type of each column, in the order of the names."""
    rows: int
    sums: tuple[str, str]


@dataclass(frozen=True)
class Undigested:
    """A table whose rows could not all be read."""

    reason: str
    damaged: bool = False
    """Whether the server failed to read it, rather than refused to."""


Digests = Mapping["TableName", TableDigest | Undigested]


async def database_digests(uri: Secret, *, report: Report | None = None) -> Digests:
    """The digests of every table of a database, in one snapshot.

    A table that cannot be read has a reason instead; the others are read all the same.

    Raises:
        UnreachableError: no connection.
    """
    from warubi_tui.postgres.catalog import read_catalog
    from warubi_tui.postgres.session import session

    async with session(uri, purpose="verify") as connection:
        tables = (await read_catalog(connection)).tables
        digests: dict[TableName, TableDigest | Undigested] = {}
        for number, (name, table) in enumerate(tables.items(), start=1):
            if report is not None:
                report(f"reading table {number} of {len(tables)}: {clean('.'.join(name))}")
            digests[name] = await table_digest(connection, table)
        return digests


async def table_digest(connection: Connection, table: Table) -> TableDigest | Undigested:
    """The digest of one table, which reads every value of it once."""
    import psycopg
    from psycopg import sql

    from warubi_tui.postgres.session import translate

    if table.foreign:
        return Undigested("a part of it lies on another server")
    columns = sorted(table.columns, key=lambda column: column.name)
    row = sql.SQL('ROW({})::text COLLATE "C"').format(
        sql.SQL(", ").join(sql.Identifier("t", column.name) for column in columns)
    )
    query = sql.SQL(
        "SELECT count(*)::text, coalesce(sum(hashtextextended(r, 0)), 0)::text,"
        " coalesce(sum(hashtextextended(r, 1)), 0)::text FROM (SELECT {} AS r FROM {} t) rows"
    ).format(row, sql.Identifier(table.schema, table.name))
    try:
        async with connection.transaction():
            cursor = await connection.execute(query)
            found = await cursor.fetchall()
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return Undigested(str(translate(error)), damaged=error.sqlstate not in _REFUSALS)
    count, first, second = (str(value) for value in found[0])
    described = tuple(f"{column.name} {column.type}" for column in columns)
    return TableDigest(described, int(count), (first, second))


async def compare_databases(
    database: str, left: Secret, right: Secret, *, report: Report | None = None
) -> list[TableProof]:
    """Whether every table of one database has the same rows on two branches. A missing table is unequal.

    Raises:
        UnreachableError: no connection to one of them.
    """
    one = await database_digests(left, report=report)
    other = await database_digests(right, report=report)
    return [
        _proof(database, name, one.get(name), other.get(name)) for name in sorted(one.keys() | other.keys())
    ]


def _proof(
    database: str,
    name: TableName,
    left: TableDigest | Undigested | None,
    right: TableDigest | Undigested | None,
) -> TableProof:
    table = ".".join(name)
    for side in (left, right):
        if isinstance(side, Undigested):
            return TableProof(database, table, None, None, side.reason)
    rows = left.rows if isinstance(left, TableDigest) else None
    if left is None or right is None:
        return TableProof(database, table, False, rows, "the table is there on one side only")
    return TableProof(database, table, left == right, rows)


def proven(proofs: Sequence[TableProof]) -> bool:
    """Whether there are tables and each of them is known to be equal."""
    return bool(proofs) and all(proof.equal for proof in proofs)
