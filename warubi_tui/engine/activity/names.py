"""Which table a number in the log means, at any time.

The log names a relation by its file (relfilenode) or its OID. Names are learned from two sides: from the
catalogs of running servers, looked at now and then, and from the rows that the log inserts into them. A name
is kept with the timeline and the LSN at which it was seen; nothing is forgotten when a table is dropped.
"""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final

import psycopg

from warubi_tui.engine.activity.decoding import CLASSES, NAMESPACES
from warubi_tui.engine.activity.slices import SchemaChange, Slice
from warubi_tui.engine.lineage import Span
from warubi_tui.engine.store import RelationRow, Store, TimelineRow
from warubi_tui.lsn import Lsn

DATABASE_KIND: Final = "d"
_NAMESPACE_KIND: Final = "n"
_TABLES: Final = "rpm"
_OF_A_TABLE: Final = "rpmfv"
_FIRST_USER_OID: Final = 16384
_TRANSIENT: Final = re.compile(r"pg_temp_(\d+)")
_FIXED_NAMESPACES: Final = {11: "pg_catalog", 99: "pg_toast", 2200: "public"}

_RELATIONS: Final = """
SELECT c.oid::bigint, coalesce(pg_relation_filenode(c.oid), 0)::bigint, c.relkind::text, n.nspname,
       c.relname, CASE WHEN c.relispartition THEN
           (SELECT s.nspname || '.' || r.relname FROM pg_class r JOIN pg_namespace s ON s.oid = r.relnamespace
             WHERE r.oid = pg_partition_root(c.oid))
       END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid >= 16384 OR pg_relation_filenode(c.oid) >= 16384
UNION ALL SELECT oid::bigint, 0, 'n', '', nspname, NULL FROM pg_namespace WHERE oid >= 16384
"""


_DATABASES: Final = "SELECT oid::bigint, datname, datallowconn AND NOT datistemplate FROM pg_database"

OpenSession = Callable[[str], AbstractContextManager[psycopg.Connection]]


@dataclass(frozen=True)
class Table:
    """A table as the log knows it; what is not known is None.

    Attributes:
        number: its relfilenode, or its OID where only that was in the log.
        partition_of: schema and name of the partitioned table it is part of.
    """

    database: str | None
    schema: str | None
    name: str | None
    oid: int | None
    number: int
    partition_of: str | None = None


class Names:
    """Learns names and remembers them in the store. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._seen: dict[str, int] = {}

    def look(self, timeline: str, open_session: OpenSession, lsn: int | None = None) -> None:
        """Learns from the catalogs of a server, if anything was written since the last time.

        Args:
            open_session: gives a session on a database.
            lsn: the state that the server shows, if it is one of the past.

        Raises:
            psycopg.Error: it does not answer.
        """
        with open_session("postgres") as session:
            at = _position(session) if lsn is None else lsn
            if self._seen.get(timeline) == at:
                return
            databases = session.execute(_DATABASES).fetchall()
        found = [
            RelationRow(timeline, at, oid, oid, 0, DATABASE_KIND, "", name) for oid, name, _ in databases
        ]
        for oid, name, is_open in databases:
            if is_open:
                with open_session(name) as session:
                    rows = session.execute(_RELATIONS).fetchall()
                found += [RelationRow(timeline, at, oid, *columns) for columns in rows]
        self._remember(timeline, found, seen_now=lsn is None)
        if lsn is None:
            self._seen[timeline] = at

    def learn(self, timeline: str, piece: Slice) -> None:
        """Learns from rows that commits inserted into the catalogs, and from files they exchanged."""
        for position, change in piece.changes.items():
            if change.names or change.created:
                with self._lock:
                    rows = _learned(timeline, self._known_of(timeline), change, piece.lsn(position))
                self._remember(timeline, rows, seen_now=False)

    def lineage(self, spans: Sequence[Span]) -> "Lineage":
        """What is known about a branch's history."""
        with self._store.transaction() as tx:
            rows = [
                row
                for position, span in enumerate(spans)
                for row in tx.all(RelationRow, timeline=span.timeline.id)
                if position == 0 or row.lsn <= span.high
            ]
        return Lineage(rows)

    def _remember(self, timeline: str, rows: Iterable[RelationRow], *, seen_now: bool) -> None:
        """Keeps what is new: of a look, what differs from the last one; of the log, what was never known."""
        with self._lock:
            known = self._known_of(timeline)
            fresh = [row for row in rows if known.adds(row, seen_now=seen_now)]
            if not fresh:
                return
            with self._store.transaction() as tx:
                if tx.one(TimelineRow, id=timeline) is not None:
                    for row in fresh:
                        tx.insert(row)

    def _known_of(self, timeline: str) -> "_Known":
        if timeline not in self._known:
            with self._store.transaction() as tx:
                rows = tx.all(RelationRow, timeline=timeline)
            known = self._known[timeline] = _Known()
            for row in sorted(rows, key=lambda row: row.lsn):
                known.adds(row, seen_now=True)
        return self._known[timeline]


class _Known:
    """What is known of one timeline."""

    def __init__(self) -> None:
        self.schemas = dict(_FIXED_NAMESPACES)
        self.by_oid: dict[tuple[int, int], RelationRow] = {}
        self.by_file: dict[tuple[int, int], RelationRow] = {}
        self._latest: dict[tuple[bool, int, int], RelationRow] = {}
        self._facts: set[RelationRow] = set()

    def adds(self, row: RelationRow, *, seen_now: bool) -> bool:
        """Takes a row in; returns whether it says something new."""
        fact = replace(row, lsn=0)
        if row.kind == _NAMESPACE_KIND:
            self.schemas[row.oid] = row.name
        elif row.kind != DATABASE_KIND:
            self.by_oid[row.database, row.oid] = row
            self.by_file[row.database, row.filenode] = row
        key = (row.kind == _NAMESPACE_KIND, row.database, row.oid)
        former = self._latest.get(key)
        new = fact not in self._facts
        if seen_now:
            new = former is None or replace(former, lsn=0) != fact
        if former is None or former.lsn <= row.lsn:
            self._latest[key] = row
        self._facts.add(fact)
        return new


def _learned(timeline: str, known: _Known, change: SchemaChange, lsn: int) -> list[RelationRow]:
    schemas = dict(known.schemas)
    rows = []
    for new in change.names:
        copied = _TRANSIENT.fullmatch(new.name) if (new.database, new.oid) in change.dropped else None
        original = known.by_oid.get((new.database, int(copied[1]))) if copied else None
        if original is not None:
            rows.append(replace(original, timeline=timeline, lsn=lsn, filenode=new.filenode))
            continue
        kind, schema, database = DATABASE_KIND, "", new.oid
        if new.catalog == NAMESPACES:
            schemas[new.oid] = new.name
            kind, database = _NAMESPACE_KIND, new.database
        elif new.catalog == CLASSES:
            kind, schema, database = new.kind, schemas.get(new.namespace, ""), new.database
        rows.append(RelationRow(timeline, lsn, database, new.oid, new.filenode, kind, schema, new.name))
    return rows + _replaced(timeline, known, change, lsn)


def _replaced(timeline: str, known: _Known, change: SchemaChange, lsn: int) -> list[RelationRow]:
    """Which new file belongs to which table, in a transaction that did nothing but exchange files.

    A commit lists the files it removes in the opposite order of their removal (storage.c, PendingRelDelete).
    """
    if change.dropped or len(change.created) != len(change.files):
        return []
    return [
        replace(row, timeline=timeline, lsn=lsn, filenode=new[1])
        for new, old in zip(change.created, reversed(change.files), strict=True)
        if (row := known.by_file.get(old)) is not None
    ]


class Lineage:
    """Names along one history: for each number, what it meant at an LSN."""

    def __init__(self, rows: Iterable[RelationRow]) -> None:
        self._files: dict[tuple[int, int], list[RelationRow]] = {}
        self._oids: dict[tuple[int, int], list[RelationRow]] = {}
        self._databases: dict[int, list[RelationRow]] = {}
        for row in sorted(rows, key=lambda row: row.lsn):
            if row.kind == DATABASE_KIND:
                self._databases.setdefault(row.oid, []).append(row)
            elif row.kind != _NAMESPACE_KIND:
                self._oids.setdefault((row.database, row.oid), []).append(row)
                if row.filenode:
                    self._files.setdefault((row.database, row.filenode), []).append(row)

    def by_file(self, file: tuple[int, int], lsn: int) -> RelationRow | None:
        """The relation whose file this was."""
        return _at(self._files.get(file), lsn)

    def by_oid(self, relation: tuple[int, int], lsn: int) -> RelationRow | None:
        """The relation with this OID."""
        return _at(self._oids.get(relation), lsn)

    def next_file(self, relation: tuple[int, int], lsn: int) -> int | None:
        """The file that a relation had when it was first seen behind `lsn`."""
        rows = self._oids.get(relation, [])
        return next((row.filenode for row in rows if row.lsn > lsn), None)

    def database(self, oid: int, lsn: int) -> str | None:
        """The name of a database."""
        row = _at(self._databases.get(oid), lsn)
        return row.name if row else None

    def table(self, row: RelationRow, lsn: int) -> Table:
        """The relation as a table, under the name it had."""
        known = self._oids[row.database, row.oid]
        root = row.root or next((one.root for one in known if one.root), None)
        database = self.database(row.database, lsn)
        return Table(database, row.schema or None, row.name, row.oid, row.filenode, root)

    def unknown(self, database: int, number: int, lsn: int) -> Table:
        """A table that has no known name."""
        return Table(self.database(database, lsn), None, None, None, number)


def holds_rows(row: RelationRow) -> bool:
    """Whether what is written to a relation are rows of a table, not of an index or a TOAST table."""
    return row.kind in _TABLES and row.oid >= _FIRST_USER_OID


def is_table(row: RelationRow) -> bool:
    """Whether people know a relation as a table or a view."""
    return row.kind in _OF_A_TABLE and row.oid >= _FIRST_USER_OID


def _position(session: psycopg.Connection) -> int:
    row = session.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
    assert row is not None
    return Lsn.parse(row[0])


def _at(rows: list[RelationRow] | None, lsn: int) -> RelationRow | None:
    if not rows:
        return None
    earlier = [row for row in rows if row.lsn <= lsn]
    return earlier[-1] if earlier else rows[0]
