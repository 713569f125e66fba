"""The SQL of a comparison. Output goes through COPY, so values are those of each type's output function."""

from collections.abc import Collection, Iterable
from typing import Final

from psycopg import sql

from warubi_tui.diff.pairing import Side
from warubi_tui.postgres.catalog import Column, Table

BUCKETS: Final = 65_536
"""Into how many parts a table's rows are hashed; a power of two."""

_NOTHING: Final = sql.SQL("")


def bucket_digests(side: Side) -> sql.Composed:
    """COPY of one line for each bucket that has rows: its number, its row count, the sum of its row hashes.

    The bucket comes from the row's identity, the hash from identity and compared columns. A sum is blind to
    order but not to repetition. Buckets with equal lines hold equal rows but for one chance in 2^64.
    """
    return sql.SQL(
        "COPY (SELECT bucket, count(*), sum(digest)"
        " FROM (SELECT {bucket} AS bucket, {digest} AS digest FROM {table} AS t) AS rows"
        " GROUP BY bucket) TO STDOUT"
    ).format(bucket=_bucket(side), digest=_hash(_row(_hashed(side))), table=_from(side.table))


def ordered_rows(side: Side, *, recode: bool, buckets: Collection[int] | None) -> sql.Composed:
    """COPY of the rows in these buckets (None: all): identity, then `side.columns`; ordered by identity.

    The order is that of the identity's bytes in UTF-8, whatever the collations. `recode` is for servers with
    another encoding: the identity then comes as the hexadecimal digits of those bytes, so both sides need it.
    """
    identity = [_sortable(text, recode) for text in _identity(side)]
    fields = [*identity, *(_column(column) for column in side.columns)]
    where = (
        _NOTHING
        if buckets is None
        else sql.SQL(" WHERE {} = ANY({}::int8[])").format(_bucket(side), sql.Literal(sorted(buckets)))
    )
    order = sql.SQL(", ").join(sql.SQL(str(place)) for place in range(1, len(identity) + 1))
    return sql.SQL("COPY (SELECT {fields} FROM {table} AS t{where} ORDER BY {order}) TO STDOUT").format(
        fields=_list(fields), table=_from(side.table), where=where, order=order
    )


STILL_THE_SAME: Final = """
WITH RECURSIVE part AS (
    SELECT %(oid)s::oid AS oid
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.oid WHERE %(partitioned)s)
SELECT coalesce(bool_and(c.relkind = 'p' OR c.relfilenode = pg_relation_filenode(c.oid)), false)
       AND (NOT %(partitioned)s
            OR array_agg(c.oid ORDER BY c.oid)
               = ARRAY(SELECT relid::oid FROM pg_partition_tree(%(oid)s::oid::regclass) ORDER BY relid::oid))
  FROM part JOIN pg_class c ON c.oid = part.oid
"""
"""Whether the table's files and partitions are those of the snapshot.

TRUNCATE, rewriting ALTER TABLE, ATTACH and DETACH show through a snapshot that is older than they are
(https://www.postgresql.org/docs/current/mvcc-caveats.html). `pg_class` is read as of the snapshot, the
functions answer as of now. Asked after the table was read, while its lock is held.
"""


def _from(table: Table) -> sql.Composed:
    name = sql.Identifier(table.schema, table.name)
    return sql.SQL("{}" if table.kind == "partitioned table" else "ONLY {}").format(name)


def _column(column: Column) -> sql.Composed:
    return sql.SQL("t.{}").format(sql.Identifier(column.name))


def _list(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _row(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL("ROW({})::text").format(_list(parts))


def _hash(text: sql.Composable) -> sql.Composed:
    return sql.SQL('hashtextextended({} COLLATE "C", 0)').format(text)


def _bucket(side: Side) -> sql.Composed:
    identity = _identity(side)
    text = identity[0] if len(identity) == 1 else _row(identity)
    return sql.SQL("({} & {})").format(_hash(text), sql.Literal(BUCKETS - 1))


def _hashed(side: Side) -> list[sql.Composed]:
    compared = [_column(column) for column in side.columns[: side.compared]]
    return [*(_identity(side) if side.identity else []), *compared]


def _identity(side: Side) -> list[sql.Composed]:
    """The texts that say which row it is: of the key, or of the whole row where there is none."""
    if side.identity:
        return [
            _integer_text(column) if column.name in side.integers else _key_text(column)
            for column in side.identity
        ]
    return [_row(_column(column) for column in side.columns[: side.compared])]


def _integer_text(column: Column) -> sql.Composed:
    """Ascends with the number: its eight bytes, sign bit turned over, in hexadecimal."""
    return sql.SQL("encode(int8send({}::int8 # '-9223372036854775808'::int8), 'hex')").format(_column(column))


def _key_text(column: Column) -> sql.Composed:
    """Equal for values that the key's type calls equal though they print differently.

    The other such types (interval, jsonb, text with a nondeterministic collation, and what is composed of
    any of these) keep their print: a key that changed only in its print is one row removed and one added.
    """
    value = _column(column)
    match column.base:
        case "numeric":
            text = "format('%s', trim_scale({0}))"
        case "float4" | "float8":
            text = "CASE WHEN {0} = 0 THEN '0' ELSE format('%s', {0}) END"
        case "bpchar":
            text = "format('%s', {0}::text)"
        case "citext":
            text = 'lower({0}::text COLLATE "default")'
        case _:
            text = "format('%s', {0})"
    return sql.SQL(text).format(value)


def _sortable(text: sql.Composable, recode: bool) -> sql.Composed:
    plain = sql.SQL('({} COLLATE "C")').format(text)
    return sql.SQL("encode(convert_to({}, 'UTF8'), 'hex')").format(plain) if recode else plain
