"""The SQL that finds rows. Queries give one value of type bytea, so that a step is one message."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from psycopg import sql

from warubi_tui.diff import values
from warubi_tui.diff.pairing import Pairing, Side
from warubi_tui.diff.rows.condition import is_true
from warubi_tui.diff.rows.horizon import Horizon
from warubi_tui.diff.rows.physical import Relation

BUCKETS: Final = 65_536
"""Into how many parts the rows of a table are hashed; a power of two."""

SHELF_BUCKETS: Final = 64
"""Buckets whose rows are listed in one message."""

MARK_BYTES: Final = 9
"""Of the mark of a range of blocks: a hash of its rows, then 1 if a header in it proves nothing, else 0."""

PLACE_BYTES: Final = 6
"""Of a row's place as `tidsend` writes it: block (4), line pointer (2)."""

HEADER_BYTES: Final = PLACE_BYTES + 4
"""Of a row's place and the transaction that wrote it."""

CONTENT_BYTES: Final = PLACE_BYTES + 8
"""Of a row's place and the hash of its values."""

ENTRY_BYTES: Final = 2 + PLACE_BYTES + 8
"""Of the number of a row's relation, its place and the hash of its values."""

SUM_BYTES: Final = 28
"""Of a bucket: its number (4), how many rows it has (8), the sums of the halves of their hashes (8 each)."""


_NOTHING: Final = sql.SQL("")


def source(relation: Relation) -> sql.Composed:
    """What stands behind FROM for the rows of this relation alone."""
    return sql.SQL("ONLY {}").format(sql.Identifier(relation.schema, relation.name))


def sizes(relations: Sequence[Relation]) -> sql.Composed:
    """How many blocks each relation has as int8, one after the other; 0 if it is not there any more."""
    size = sql.SQL("int8send(coalesce(pg_relation_size({}::oid), 0) / current_setting('block_size')::int8)")
    return sql.SQL("SELECT {}").format(
        sql.SQL(" || ").join(size.format(sql.Literal(one.oid)) for one in relations)
    )


def header_mark(horizon: Horizon) -> sql.Composed:
    """The mark of rows by place and transaction, whatever the newest transaction is on this side."""
    age = sql.SQL("(SELECT age({}::xid))").format(sql.Literal(str(horizon.raw)))
    return sql.SQL(
        "int8send(coalesce(bit_xor(hashtidextended(t.ctid, age(t.xmin)::int8 - {age})), 0))"
        " || CASE WHEN min(age(t.xmin)) <= {age} THEN '\\x01'::bytea ELSE '\\x00' END"
    ).format(age=age)


HEADER: Final = sql.SQL("tidsend(t.ctid) || xidsend(t.xmin)")
"""A row's place and the transaction that wrote it."""


def content_mark(digest: sql.Composable) -> sql.Composed:
    """The mark of rows by place and values."""
    return sql.SQL(
        "int8send(coalesce(bit_xor(hashtidextended(t.ctid, {digest})), 0)) || '\\x00'::bytea"
    ).format(digest=digest)


def content(digest: sql.Composable) -> sql.Composed:
    """A row's place and the hash of its values."""
    return sql.SQL("tidsend(t.ctid) || int8send({digest})").format(digest=digest)


def marks(relation: Relation, mark: sql.Composable, first: int, end: int, width: int) -> sql.Composed:
    """The marks of the ranges of `width` blocks from block `first` up to `end`."""
    starts = sql.SQL("generate_series({}::int8, {}, {})").format(
        sql.Literal(first), sql.Literal(end - 1), sql.Literal(width)
    )
    return _ranges(relation, starts, mark, width)


def block_marks(relation: Relation, mark: sql.Composable, starts: Sequence[int], width: int) -> sql.Composed:
    """The marks of the single blocks in the ranges of `width` blocks that begin at `starts`."""
    blocks = sql.SQL("unnest({}::int8[]) r(b), generate_series(r.b, r.b + {})").format(
        sql.Literal(list(starts)), sql.Literal(width - 1)
    )
    return _ranges(relation, blocks, mark, 1)


def listing(relation: Relation, entry: sql.Composable, blocks: Sequence[int]) -> sql.Composed:
    """An entry for each row in these blocks."""
    starts = sql.SQL("unnest({}::int8[])").format(sql.Literal(list(blocks)))
    return _ranges(relation, starts, sql.SQL("string_agg({}, '')").format(entry), 1)


def _ranges(relation: Relation, starts: sql.Composable, value: sql.Composable, width: int) -> sql.Composed:
    # The aggregate has to stay inside LATERAL: the planner makes TID range scans of it only there.
    return sql.SQL(
        "SELECT string_agg(x.v, '' ORDER BY g.b) FROM {starts} g(b), LATERAL ("
        "SELECT {value} AS v FROM {table} t"
        " WHERE t.ctid >= format('(%s,0)', g.b)::tid AND t.ctid < format('(%s,0)', g.b + {width})::tid) x"
    ).format(starts=starts, value=value, table=source(relation), width=sql.Literal(width))


def digests_at(relation: Relation, digest: sql.Composable, places: Iterable[bytes]) -> sql.Composed:
    """The hashes of the rows at these places, in the order of the places."""
    return sql.SQL(
        "SELECT string_agg(int8send({digest}), '' ORDER BY t.ctid)"
        " FROM {table} t WHERE t.ctid = ANY({places})"
    ).format(digest=digest, table=source(relation), places=_places(places))


def rows_at(relation: Relation, side: Side, condition: str | None, places: Iterable[bytes]) -> sql.Composed:
    """COPY of the lines of the rows at these places."""
    where = sql.SQL(" WHERE {}.ctid = ANY({})").format(alias(side), _places(places))
    return rows_of(source(relation), side, condition, where)


def rows_of(
    rows: sql.Composable, side: Side, condition: str | None, where: sql.Composable = _NOTHING
) -> sql.Composed:
    """COPY of the lines of all rows of a relation or a table, or of those that `where` picks."""
    return sql.SQL("COPY (SELECT {fields} FROM {rows} AS {alias}{where}) TO STDOUT").format(
        fields=_fields(side, condition), rows=rows, alias=alias(side), where=where
    )


def relation_values(
    relations: Sequence[Relation],
    key_bucket: sql.Composable | None,
    digest: sql.Composable,
    buckets: Collection[int] | None,
) -> sql.Composed:
    """Part, place, bucket and digest of every row of some relations, or of those in these buckets.

    The bucket is that of the digest unless one of the key is given.
    """
    arms = [
        sql.SQL("SELECT {part}::int2 AS part, t.ctid AS place, {values} FROM {table} t{where}").format(
            part=sql.Literal(part),
            values=_bucket_and_digest(key_bucket, digest),
            table=source(relation),
            where=_NOTHING if key_bucket is None else in_buckets(key_bucket, buckets),
        )
        for part, relation in enumerate(relations)
    ]
    return _bucketed(sql.SQL(" UNION ALL ").join(arms), key_bucket, buckets)


def table_values(side: Side, key_bucket: sql.Composable | None, digest: sql.Composable) -> sql.Composed:
    """Bucket and digest of every row of a table; reads values only."""
    rows = sql.SQL("SELECT {values} FROM {table} t").format(
        values=_bucket_and_digest(key_bucket, digest), table=values.table(side.table)
    )
    return _bucketed(rows, key_bucket, None)


def _bucket_and_digest(key_bucket: sql.Composable | None, digest: sql.Composable) -> sql.Composed:
    bucket = _NOTHING if key_bucket is None else sql.SQL("{} AS bucket, ").format(key_bucket)
    return sql.SQL("{}{} AS digest").format(bucket, digest)


def _bucketed(
    rows: sql.Composable, key_bucket: sql.Composable | None, buckets: Collection[int] | None
) -> sql.Composed:
    """`rows` with the bucket of their digest, unless they have one. OFFSET: the digest is computed once."""
    if key_bucket is not None:
        return sql.Composed([rows])
    bucket = row_bucket(sql.SQL("once.digest"))
    return sql.SQL(
        "SELECT once.*, {bucket} AS bucket FROM (SELECT * FROM ({rows}) AS arms OFFSET 0) AS once{where}"
    ).format(bucket=bucket, rows=rows, where=in_buckets(bucket, buckets))


def bucket_sums(rows: sql.Composable) -> sql.Composed:
    """For each bucket that has rows, ascending: number, how many, the sums of both halves of their digests.

    A sum is blind to order but not to repetition. Sums of int4 need no memory of their own in a group. OFFSET
    keeps the planner from computing a digest for each half.
    """
    return sql.SQL(
        "SELECT string_agg(int4send(bucket) || int8send(n) || int8send(high) || int8send(low), ''"
        " ORDER BY bucket) FROM (SELECT bucket, count(*) AS n,"
        " sum((digest >> 32)::int4) AS high, sum((digest << 32 >> 32)::int4) AS low"
        " FROM (SELECT bucket::int4, digest FROM ({rows}) AS digested OFFSET 0) AS once"
        " GROUP BY bucket) AS summed"
    ).format(rows=rows)


def shelf_entries(rows: sql.Composable) -> sql.Composed:
    """Binary COPY of each shelf that has rows, ascending: its number, then an entry for each row."""
    return sql.SQL(
        "COPY (SELECT (bucket / {buckets})::int4,"
        " string_agg(int2send(part) || tidsend(place) || int8send(digest), '')"
        " FROM ({rows}) AS digested GROUP BY 1 ORDER BY 1) TO STDOUT (FORMAT BINARY)"
    ).format(rows=rows, buckets=sql.Literal(SHELF_BUCKETS))


def key_bucket(side: Side, rows: sql.Identifier = values.ROWS) -> sql.Composed:
    """The bucket of a row by its key: equal for rows whose keys print alike.

    Neighbours by an integer at the end of the key share a bucket: they are often stored, and changed,
    together.
    """
    hashed: sql.Composable = sql.Literal(0)
    for column in side.identity:
        if column.name in side.integers:
            neighbours = " >> 6" if column is side.identity[-1] else ""
            function = f"hashint8extended({{}}::int8{neighbours}, {{}})"
        elif column.base == "uuid":
            function = "uuid_hash_extended({}::uuid, {})"
        else:
            function = 'hashtextextended({}::text COLLATE "C", {})'
        hashed = sql.SQL(function).format(values.column(column, rows), hashed)
    return row_bucket(hashed)


def row_bucket(digest: sql.Composable) -> sql.Composed:
    """The bucket of a row by a hash of it."""
    return sql.SQL("({} & {})").format(digest, sql.Literal(BUCKETS - 1))


def row_digest(pairing: Pairing, side: Side, rows: sql.Identifier = values.ROWS) -> sql.Composed:
    """A hash of 64 bits of a row's key and compared columns: of equal ones where they print alike.

    Values travel in the binary form of their types where both sides know it to say all that the printed form
    says. The hash is that of arrays because the one of bytea has no name before PostgreSQL 18.
    """
    plain, printed = values.hashed(pairing, side, rows)
    parts = [*plain, *([values.row(printed)] if printed else [])]
    return sql.SQL("hash_array_extended(ARRAY[record_send(ROW({}))], 0)").format(sql.SQL(", ").join(parts))


def _fields(side: Side, condition: str | None) -> sql.Composed:
    wanted = [] if condition is None else [is_true(condition)]
    return sql.SQL(", ").join([*wanted, *values.line(side, alias(side))])


def alias(side: Side) -> sql.Identifier:
    """What rows are called where a condition is read: as their table, whatever partition they lie in."""
    return sql.Identifier(side.table.name)


def in_buckets(bucket: sql.Composable, buckets: Collection[int] | None) -> sql.Composable:
    """The clause that picks the rows of these buckets (None: all)."""
    if buckets is None:
        return _NOTHING
    return sql.SQL(" WHERE {} = ANY({}::int8[])").format(bucket, sql.Literal(sorted(buckets)))


def _places(places: Iterable[bytes]) -> sql.Composed:
    numbers = (
        f'"({int.from_bytes(place[:4], "big")},{int.from_bytes(place[4:], "big")})"' for place in places
    )
    return sql.SQL("{}::tid[]").format(sql.Literal("{" + ",".join(numbers) + "}"))


STILL_THE_SAME: Final = """
WITH RECURSIVE part AS (
    SELECT %(oid)s::oid AS oid
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.oid WHERE %(partitioned)s)
SELECT coalesce(bool_and(c.relkind = 'p' OR c.relfilenode = pg_relation_filenode(c.oid)), false)
       AND bool_and(to_regclass(format('%%I.%%I', n.nspname, c.relname)) IS NOT DISTINCT FROM c.oid)
       AND bool_and(NOT EXISTS (
           SELECT FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              AND (pg_get_object_address('table column',
                   ARRAY[n.nspname, c.relname, a.attname]::text[], '{}')).objsubid <> a.attnum))
       AND (NOT %(partitioned)s
            OR array_agg(c.oid ORDER BY c.oid)
               = ARRAY(SELECT relid::oid FROM pg_partition_tree(%(oid)s::oid::regclass) ORDER BY relid::oid))
  FROM part JOIN pg_class c ON c.oid = part.oid JOIN pg_namespace n ON n.oid = c.relnamespace
"""
"""Whether the table's name, columns, files and partitions are those of the snapshot.

TRUNCATE, rewriting ALTER TABLE, ATTACH, DETACH and new names show through a snapshot that is older than they
are (https://www.postgresql.org/docs/current/mvcc-caveats.html). `pg_class` is read as of the snapshot, the
functions answer as of now. Asked after the table was read, while its lock is held.
"""
