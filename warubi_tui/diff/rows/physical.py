"""How a database's tables lie on its disk: what has to be the same for equal row headers to be equal rows."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import psycopg

from warubi_tui.diff.rows.source import Connection

XID_SPAN: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column as its relation stores it."""

    number: int
    type: int
    missing: str | None
    """What rows hold that are older than the column."""
    virtual: bool
    readable: bool
    """Whether the session's role may select it."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation with rows of its own, or a partitioned one."""

    oid: int
    schema: str
    name: str
    file: int
    """The number of its file; 0 if it has none."""
    heap: bool
    row_xid: int
    """The transaction (32 bit) that wrote its row of `pg_class` as the snapshot sees it."""
    readable: bool
    """Whether the session's role may select every column, and the header of its rows."""
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class StoredType:
    """What the text of a stored value depends on beside its bytes."""

    by_name: bool
    """Whether it prints names of the catalog."""
    parts: tuple[int, ...]
    """The types that values of it are made of."""
    labels: tuple[str, ...]
    """Of an enum: the number and label of each value."""
    shape: str
    """Of a composite type: its attributes that are there and their types."""


@dataclass(frozen=True)
class Physical:
    """One side of a comparison as the snapshot of its session sees it."""

    system: int | None
    """The cluster's identifier, the same for all that was copied from one; None if it is not told."""
    database: int
    block_bytes: int
    snapshot_end: int
    """The first transaction (64 bit) that the snapshot sees nothing of."""
    in_recovery: bool
    neon: bool
    checkpoint: tuple[int, int, int] | None
    """Of the last checkpoint: its redo position, its own position, the next transaction id (64 bit)."""
    relations: Mapping[int, Relation]
    children: Mapping[int, tuple[int, ...]]
    """The partitions right below each partitioned table."""
    types: Mapping[int, StoredType]
    """Those that are not built in, and the built-in ones that print names."""

    def leaves(self, oid: int) -> list[Relation]:
        """The relation itself, or if it is partitioned, the partitions at the bottom."""
        if oid in self.children:
            return [leaf for child in self.children[oid] for leaf in self.leaves(child)]
        relation = self.relations.get(oid)
        return [relation] if relation is not None and relation.file else []

    def printing(self, oid: int) -> object | None:
        """Equal values of this on two sides: equal bytes print alike. None if that cannot be known."""
        if oid not in self._printing:
            self._printing[oid] = None
            self._printing[oid] = self._find_printing(oid)
        return self._printing[oid]

    @cached_property
    def _printing(self) -> dict[int, object | None]:
        return {}

    def _find_printing(self, oid: int) -> object | None:
        if oid not in self.types:
            return oid
        known = self.types[oid]
        parts = [self.printing(part) for part in known.parts]
        if known.by_name or None in parts:
            return None
        return oid, tuple(parts), known.labels, known.shape


_CLUSTER: Final = """
SELECT d.oid::int8, current_setting('block_size')::int4, pg_is_in_recovery(),
       pg_snapshot_xmax(pg_current_snapshot())::text::int8,
       EXISTS (SELECT FROM pg_settings WHERE name LIKE 'neon.%')
  FROM pg_database d
 WHERE d.datname = current_database()
"""

_CONTROL: Final = """
SELECT s.system_identifier, c.redo_lsn - '0/0'::pg_lsn, c.checkpoint_lsn - '0/0'::pg_lsn, c.next_xid
  FROM pg_control_system() s, pg_control_checkpoint() c
"""

_RELATIONS: Final = """
SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relfilenode::int8,
       am.amname IS NOT DISTINCT FROM 'heap', c.xmin::text::int8,
       coalesce(has_table_privilege(c.oid, 'SELECT'), false),
       ARRAY(SELECT i.inhrelid::int8 FROM pg_inherits i WHERE i.inhparent = c.oid AND c.relkind = 'p'
              ORDER BY i.inhrelid),
       a.names, a.numbers, a.types, a.missing, a.virtual, a.readable
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am am ON am.oid = c.relam
 CROSS JOIN LATERAL (
       SELECT array_agg(a.attname::text) AS names, array_agg(a.attnum::int4) AS numbers,
              array_agg(a.atttypid::int8) AS types, array_agg(a.attmissingval::text) AS missing,
              array_agg(a.attgenerated = 'v') AS virtual,
              array_agg(coalesce(has_column_privilege(c.oid, a.attnum, 'SELECT'), false)) AS readable
         FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) a
 WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""

# 16384 is the first oid that is not the same in every cluster of a version (access/transam.h).
_TYPES: Final = """
SELECT t.oid::int8, t.oid < 16384,
       ARRAY(SELECT part FROM unnest(
                 ARRAY[nullif(t.typelem, 0), nullif(t.typbasetype, 0), r.rngsubtype, m.rngtypid]::int8[]) part
              WHERE part IS NOT NULL)
       || ARRAY(SELECT a.atttypid::int8 FROM pg_attribute a
                 WHERE a.attrelid = t.typrelid AND t.typrelid <> 0 AND a.attnum > 0 AND NOT a.attisdropped
                 ORDER BY a.attnum),
       ARRAY(SELECT format('%s %s', e.oid, e.enumlabel) FROM pg_enum e WHERE e.enumtypid = t.oid
              ORDER BY e.oid),
       coalesce((SELECT string_agg(format('%s %s', a.attnum, a.attisdropped), ',' ORDER BY a.attnum)
                   FROM pg_attribute a
                  WHERE a.attrelid = t.typrelid AND t.typrelid <> 0 AND a.attnum > 0), '')
  FROM pg_type t
  LEFT JOIN pg_range r ON r.rngtypid = t.oid
  LEFT JOIN pg_range m ON m.rngmultitypid = t.oid
 WHERE t.oid >= 16384 OR t.typname ~ '^_?(reg|aclitem$)'
"""


async def read_physical(connection: Connection) -> Physical:
    """What the snapshot of a reading session sees. Raises psycopg.Error."""
    from psycopg.rows import tuple_row

    cursor = connection.cursor(row_factory=tuple_row)
    ((database, block_bytes, in_recovery, snapshot_end, neon),) = await (
        await cursor.execute(_CLUSTER)
    ).fetchall()
    system, checkpoint = await _read_control(connection)
    relations: dict[int, Relation] = {}
    children: defaultdict[int, tuple[int, ...]] = defaultdict(tuple)
    for oid, schema, name, file, heap, row_xid, readable, below, *columns in await (
        await cursor.execute(_RELATIONS)
    ).fetchall():
        attributes = {n: Attribute(*about) for n, *about in zip(*(c or () for c in columns), strict=True)}
        relations[oid] = Relation(oid, schema, name, file, heap, row_xid, readable, attributes)
        if not file:
            children[oid] = tuple(below)
    types = {
        oid: StoredType(by_name, tuple(parts), tuple(labels), shape)
        for oid, by_name, parts, labels, shape in await (await cursor.execute(_TYPES)).fetchall()
    }
    return Physical(
        system, database, block_bytes, snapshot_end, in_recovery, neon, checkpoint, relations, children, types
    )


async def _read_control(connection: Connection) -> tuple[int | None, tuple[int, int, int] | None]:
    """The cluster's identifier and last checkpoint; nothing where the role may not know them."""
    try:
        async with connection.transaction():
            row = await (await connection.execute(_CONTROL)).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None, None
    if row is None:
        return None, None
    system, redo, own, next_xid = row
    epoch, _, xid = str(next_xid).partition(":")
    return int(str(system)), (int(str(redo)), int(str(own)), int(epoch) * XID_SPAN + int(xid))
