"""What a transaction was: rows written per table, tables emptied, dropped or changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from warubi_tui.engine.activity.decoding import CLASSES, File
from warubi_tui.engine.activity.names import Lineage, Table, holds_rows, is_table
from warubi_tui.engine.activity.slices import DATABASE_KEY, DELETE, INSERT, UPDATE, Rows, SchemaChange

_COUNTERS: Final = {INSERT: "inserts", UPDATE: "updates", DELETE: "deletes"}


@dataclass
class Counts:
    """What happened to one table: rows written, and how often it was emptied, dropped, changed by DDL."""

    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    truncates: int = 0
    drops: int = 0
    ddl: int = 0

    def add(self, other: "Counts") -> None:
        """Adds what happened elsewhere to the same table."""
        self.inserts += other.inserts
        self.updates += other.updates
        self.deletes += other.deletes
        self.truncates += other.truncates
        self.drops += other.drops
        self.ddl += other.ddl


Key = tuple[int, int, bool]
"""A table: its database's OID, and its own OID, or (True) the number of a file of which no more is known."""


@dataclass
class Deeds:
    """What one or several transactions did, table by table."""

    tables: dict[Key, tuple[Table, Counts]] = field(default_factory=dict)

    def of(self, key: Key, table: Table) -> Counts:
        """The counts of a table, to be added to; the table's latest name stays."""
        known = self.tables.get(key)
        counts = known[1] if known else Counts()
        self.tables[key] = (table, counts)
        return counts

    def add(self, other: "Deeds") -> None:
        """Adds what other transactions did."""
        for key, (table, counts) in other.tables.items():
            self.of(key, table).add(counts)


def count_rows(deeds: Deeds, lineage: Lineage, written: Mapping[tuple[int, int, int], int], lsn: int) -> None:
    """Adds rows, given as (database, relfilenode, kind) → number. Rows of TOAST tables are no rows."""
    for (database, number, kind), rows in written.items():
        if not rows:
            continue
        row = lineage.by_file((database, number), lsn)
        if row is None:
            counts = deeds.of((database, number, True), lineage.unknown(database, number, lsn))
        elif holds_rows(row):
            counts = deeds.of((database, row.oid, False), lineage.table(row, lsn))
        else:
            continue
        name = _COUNTERS[kind]
        setattr(counts, name, getattr(counts, name) + rows)


def written_by(rows: Rows) -> dict[tuple[int, int, int], int]:
    """The rows of one transaction in the form that `count_rows` takes."""
    database = rows.get(DATABASE_KEY, 0)
    return {(database, key >> 2, key & 3): number for key, number in rows.items() if key != DATABASE_KEY}


def rewritten(change: SchemaChange) -> set[File]:
    """Files that a table was copied into (ALTER TABLE, VACUUM FULL, CLUSTER, REFRESH).

    PostgreSQL fills a transient relation, whose file has the number of its OID (heap.c, heap_create), swaps
    the files and drops the transient relation with the file that was the table's.
    """
    return (set(change.created) & set(change.dropped)) - set(change.files)


def judge(change: SchemaChange, lineage: Lineage, rows: Rows, lsn: int) -> Deeds:
    """What a transaction did that did more than write rows."""
    deeds = Deeds()
    copies = rewritten(change)
    own = written_by(rows)
    written = {place: number for place, number in own.items() if place[:2] not in copies}
    count_rows(deeds, lineage, written, lsn)
    born = {(name.database, name.oid) for name in change.names if name.catalog == CLASSES}
    named: set[tuple[int, int]] = set()
    for relation in _once(change.dropped):
        if relation not in born and relation not in copies:
            _drop(deeds, lineage, relation, lsn, named)
    for file in _once(change.files):
        row = lineage.by_file(file, lsn)
        if row is not None and holds_rows(row) and (file[0], row.oid) not in {*change.dropped, *born}:
            relation = (file[0], row.oid)
            if _was_emptied(change, lineage, relation, copies, lsn):
                deeds.of((*relation, False), lineage.table(row, lsn)).truncates += 1
                named.add(relation)
    if change.catalog:
        for relation in _once(change.changed):
            row = lineage.by_oid(relation, lsn)
            if row is not None and is_table(row) and relation not in {*named, *change.dropped}:
                deeds.of((*relation, False), lineage.table(row, lsn)).ddl += 1
    for database in change.databases:
        table = Table(lineage.database(database, lsn), None, None, None, 0)
        deeds.of((database, 0, True), table).drops += 1
    return deeds


def _drop(
    deeds: Deeds, lineage: Lineage, relation: tuple[int, int], lsn: int, named: set[tuple[int, int]]
) -> None:
    row = lineage.by_oid(relation, lsn)
    if row is None:
        deeds.of((*relation, True), lineage.unknown(*relation, lsn)).drops += 1
    elif is_table(row):
        deeds.of((*relation, False), lineage.table(row, lsn)).drops += 1
        named.add(relation)


def _was_emptied(
    change: SchemaChange, lineage: Lineage, relation: tuple[int, int], copies: set[File], lsn: int
) -> bool:
    """Whether a table that got a new file lost its rows. TRUNCATE makes an empty one, all else a copy.

    The transient relation that becomes a copy is called after the table's OID (cluster.c, make_new_heap).
    """
    named = {(name.database, name.oid): name.name for name in change.names if name.catalog == CLASSES}
    if f"pg_temp_{relation[1]}" in named.values():
        return False
    if copies <= named.keys():
        return True
    return (relation[0], lineage.next_file(relation, lsn)) not in copies


def kind_of(deeds: Deeds, change: SchemaChange | None) -> str | None:
    """The gravest thing that a transaction did; None: nothing that anybody would ask for."""
    counts = [counts for _, counts in deeds.tables.values()]
    grave = (
        ("DROP", any(one.drops for one in counts)),
        ("TRUNCATE", any(one.truncates for one in counts)),
        ("DELETE", any(one.deletes for one in counts)),
        ("DDL", change is not None and change.catalog),
        ("UPDATE", any(one.updates for one in counts)),
        ("INSERT", any(one.inserts for one in counts)),
    )
    return next((kind for kind, happened in grave if happened), None)


def _once(items: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    return dict.fromkeys(items)
