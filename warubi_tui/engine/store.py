"""What the engine knows, in SQLite. A transaction here is the commit point of everything the engine does.

Times are integer microseconds since the epoch, UTC. LSNs are integers. Identifiers look like Neon's.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, Self, TypeVar

_SCHEMA = """
CREATE TABLE project (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, pg_version INTEGER NOT NULL,
    history_retention_seconds INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE timeline (
    id TEXT PRIMARY KEY, parent TEXT REFERENCES timeline, fork_lsn INTEGER, tli INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('creating', 'ready', 'history', 'deleting')),
    created_at INTEGER NOT NULL, fork_xid INTEGER
) STRICT;
CREATE TABLE base (
    id TEXT PRIMARY KEY, timeline TEXT NOT NULL REFERENCES timeline, end_lsn INTEGER NOT NULL,
    taken_at INTEGER NOT NULL, size INTEGER NOT NULL, start_lsn INTEGER NOT NULL
) STRICT;
CREATE TABLE gap (
    timeline TEXT NOT NULL REFERENCES timeline, low INTEGER NOT NULL, high INTEGER NOT NULL
) STRICT;
CREATE TABLE snapshot (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, slug TEXT UNIQUE, source_branch TEXT NOT NULL,
    timeline TEXT NOT NULL REFERENCES timeline, pin_lsn INTEGER NOT NULL,
    lsn INTEGER NOT NULL, timestamp INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER,
    manual INTEGER NOT NULL, full_size INTEGER, diff_size INTEGER
) STRICT;
CREATE TABLE branch (
    id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project, name TEXT NOT NULL,
    timeline TEXT NOT NULL REFERENCES timeline, parent TEXT REFERENCES branch,
    parent_lsn INTEGER, parent_timestamp INTEGER,
    state TEXT NOT NULL CHECK (state IN ('init', 'ready', 'resetting')), state_changed_at INTEGER NOT NULL,
    is_default INTEGER NOT NULL, protected INTEGER NOT NULL, expires_at INTEGER, last_reset_at INTEGER,
    logical_size INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    init_source TEXT NOT NULL CHECK (init_source IN ('parent-data', 'schema-only')),
    original_root INTEGER NOT NULL, ttl_interval_seconds INTEGER, annotation TEXT NOT NULL,
    deleted_at INTEGER, deletion_method TEXT CHECK (deletion_method IN ('user', 'ttl')),
    restore_status TEXT CHECK (restore_status IN ('restored', 'finalized')),
    restored_from TEXT, restore_target TEXT
) STRICT;
CREATE UNIQUE INDEX branch_name ON branch (project, name) WHERE deleted_at IS NULL;
CREATE TABLE schedule (
    branch TEXT NOT NULL REFERENCES branch, frequency TEXT NOT NULL, hour INTEGER, day INTEGER, month INTEGER,
    retention_seconds INTEGER, seen INTEGER NOT NULL
) STRICT;
CREATE TABLE endpoint (
    id TEXT PRIMARY KEY, branch TEXT NOT NULL REFERENCES branch, port INTEGER NOT NULL UNIQUE,
    wanted INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    started_at INTEGER, suspended_at INTEGER, last_active INTEGER,
    type TEXT NOT NULL CHECK (type IN ('read_write', 'read_only')), name TEXT,
    min_cu REAL NOT NULL, max_cu REAL NOT NULL, suspend_timeout_seconds INTEGER NOT NULL,
    disabled INTEGER NOT NULL
) STRICT;
CREATE TABLE role (
    branch TEXT NOT NULL REFERENCES branch, name TEXT NOT NULL, password TEXT NOT NULL,
    protected INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (branch, name)
) STRICT;
CREATE TABLE database (
    id INTEGER PRIMARY KEY AUTOINCREMENT, branch TEXT NOT NULL REFERENCES branch, name TEXT NOT NULL,
    owner_name TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    UNIQUE (branch, name)
) STRICT;
CREATE TABLE operation (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, branch TEXT, endpoint TEXT, action TEXT NOT NULL,
    status TEXT NOT NULL, error TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    started_at INTEGER, finished_at INTEGER
) STRICT;
CREATE INDEX operation_by_time ON operation (created_at, id);
CREATE TABLE relation (
    timeline TEXT NOT NULL REFERENCES timeline, lsn INTEGER NOT NULL, database INTEGER NOT NULL,
    oid INTEGER NOT NULL, filenode INTEGER NOT NULL, kind TEXT NOT NULL, schema TEXT NOT NULL,
    name TEXT NOT NULL, root TEXT
) STRICT;
CREATE INDEX relation_by_timeline ON relation (timeline);
PRAGMA user_version = 3;
"""

_UPGRADES = {2: "ALTER TABLE timeline ADD COLUMN fork_xid INTEGER; PRAGMA user_version = 3;"}
"""How a store of an older format becomes one of the next."""


Value = str | int | float | None


@dataclass(frozen=True)
class Row:
    """A row: the fields of each kind are its table's columns, by the same names."""

    TABLE: ClassVar[str]


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class ProjectRow(Row):
    TABLE: ClassVar[str] = "project"
    id: str
    name: str
    pg_version: int
    history_retention_seconds: int
    created_at: int
    updated_at: int


@dataclass(frozen=True)
class TimelineRow(Row):
    """One PostgreSQL cluster with its own WAL archive and base backups.

    `history` is a timeline whose cluster is gone and whose WAL its children still need. It left its parent at
    `fork_lsn`, where `fork_xid` (64 bit) was the next transaction id to assign.
    """

    TABLE: ClassVar[str] = "timeline"
    id: str
    parent: str | None
    fork_lsn: int | None
    tli: int
    state: str
    created_at: int
    fork_xid: int | None = None


@dataclass(frozen=True)
class BaseRow(Row):
    """A copy of a timeline's cluster, consistent at `end_lsn`; its commits are at or before `taken_at`.

    Replay from it begins at `start_lsn`. `size` is in bytes.
    """

    TABLE: ClassVar[str] = "base"
    id: str
    timeline: str
    end_lsn: int
    taken_at: int
    size: int
    start_lsn: int


@dataclass(frozen=True)
class GapRow(Row):
    """A part of a timeline's log that was let go: [low, high). No history is read across it."""

    TABLE: ClassVar[str] = "gap"
    timeline: str
    low: int
    high: int


@dataclass(frozen=True)
class SnapshotRow(Row):
    """A state that is kept: what `timeline` held at `pin_lsn`.

    `lsn` and `timestamp` name the state on the branch it was taken from. The pin lies elsewhere once the
    snapshot has become a copy of its own. Sizes are in bytes: the whole, or what came since the former one.
    """

    TABLE: ClassVar[str] = "snapshot"
    id: str
    name: str
    slug: str | None
    source_branch: str
    timeline: str
    pin_lsn: int
    lsn: int
    timestamp: int
    created_at: int
    expires_at: int | None
    manual: int
    full_size: int | None
    diff_size: int | None


@dataclass(frozen=True)
class ScheduleRow(Row):
    """When snapshots of a branch are taken by themselves.

    `seen` is the moment up to which due snapshots have been taken.
    """

    TABLE: ClassVar[str] = "schedule"
    branch: str
    frequency: str
    hour: int | None
    day: int | None
    month: int | None
    retention_seconds: int | None
    seen: int


@dataclass(frozen=True)
class BranchRow(Row):
    """A branch; a deleted one while it can be recovered.

    `original_root` is the project's root branch, which is never deleted; schema-only branches and states
    that a restore kept may be roots too. `annotation` is a JSON object of texts. A branch made from the
    snapshot `restored_from` takes the place of `restore_target` when that is finalized.
    """

    TABLE: ClassVar[str] = "branch"
    id: str
    project: str
    name: str
    timeline: str
    parent: str | None
    parent_lsn: int | None
    parent_timestamp: int | None
    state: str
    state_changed_at: int
    is_default: int
    protected: int
    expires_at: int | None
    last_reset_at: int | None
    logical_size: int | None
    created_at: int
    updated_at: int
    init_source: str = "parent-data"
    original_root: int = 0
    ttl_interval_seconds: int | None = None
    annotation: str = "{}"
    deleted_at: int | None = None
    deletion_method: str | None = None
    restore_status: str | None = None
    restored_from: str | None = None
    restore_target: str | None = None


@dataclass(frozen=True)
class EndpointRow(Row):
    TABLE: ClassVar[str] = "endpoint"
    id: str
    branch: str
    port: int
    wanted: int
    created_at: int
    updated_at: int
    started_at: int | None
    suspended_at: int | None
    last_active: int | None
    type: str = "read_write"
    name: str | None = None
    min_cu: float = 0.25
    max_cu: float = 0.25
    suspend_timeout_seconds: int = 0
    disabled: int = 0


@dataclass(frozen=True)
class RoleRow(Row):
    TABLE: ClassVar[str] = "role"
    branch: str
    name: str
    password: str
    protected: int
    created_at: int
    updated_at: int

    def __repr__(self) -> str:
        return f"RoleRow(branch={self.branch!r}, name={self.name!r})"


@dataclass(frozen=True)
class DatabaseRow(Row):
    TABLE: ClassVar[str] = "database"
    id: int | None
    branch: str
    name: str
    owner_name: str
    created_at: int
    updated_at: int


@dataclass(frozen=True)
class OperationRow(Row):
    TABLE: ClassVar[str] = "operation"
    id: str
    project: str
    branch: str | None
    endpoint: str | None
    action: str
    status: str
    error: str | None
    created_at: int
    updated_at: int
    started_at: int | None
    finished_at: int | None


@dataclass(frozen=True)
class RelationRow(Row):
    """A relation as it was seen at an LSN: its OID and file (0: none) in a database, and its name.

    `kind` is PostgreSQL's relkind; `d` is a database and `n` a schema. `root` is the partitioned table that a
    partition belongs to, as `schema.name`.
    """

    TABLE: ClassVar[str] = "relation"
    timeline: str
    lsn: int
    database: int
    oid: int
    filenode: int
    kind: str
    schema: str
    name: str
    root: str | None = None


class UnreadableStoreError(Exception):
    """state.db cannot be trusted. Nothing is deleted: data directories are ordinary PostgreSQL clusters."""


class Transaction:
    """Reads and writes inside one SQLite transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, row: Row) -> None:
        values = {field.name: getattr(row, field.name) for field in fields(row)}
        marks = ", ".join(f":{name}" for name in values)
        self._connection.execute(f"INSERT INTO {row.TABLE} ({', '.join(values)}) VALUES ({marks})", values)

    def update(self, kind: type[Row], changes: Mapping[str, Value], **where: Value) -> int:
        """Changes the rows that match `where`; returns how many there were."""
        assignments = ", ".join(f"{name} = :set_{name}" for name in changes)
        values = {f"set_{name}": value for name, value in changes.items()} | where
        cursor = self._connection.execute(f"UPDATE {kind.TABLE} SET {assignments}{_where(where)}", values)
        return cursor.rowcount

    def delete(self, kind: type[Row], **where: Value) -> int:
        return self._connection.execute(f"DELETE FROM {kind.TABLE}{_where(where)}", where).rowcount

    def all(self, kind: type[R], **where: Value) -> list[R]:
        """All rows of a kind that match, oldest first."""
        names = [field.name for field in fields(kind)]
        cursor = self._connection.execute(
            f"SELECT {', '.join(names)} FROM {kind.TABLE}{_where(where)} ORDER BY rowid", where
        )
        return [kind(*values) for values in cursor]

    def one(self, kind: type[R], **where: Value) -> R | None:
        """The row that matches, or None."""
        found = self.all(kind, **where)
        return found[0] if found else None


def _where(where: dict[str, Value]) -> str:
    if not where:
        return ""
    return " WHERE " + " AND ".join(f"{name} IS :{name}" for name in where)


class Store:
    """The engine's SQLite file. Safe to use from several threads; transactions are serial."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the store. Raises UnreadableStoreError where an existing file is damaged."""
        self._lock = threading.Lock()
        self._owner: int | None = None
        new = not path.exists()
        if new:
            path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(new)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise UnreadableStoreError(str(error)) from error

    def _prepare(self, new: bool) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        if new or self._version() == 0:
            self._connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            return
        verdict = self._connection.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            raise UnreadableStoreError(str(verdict))
        while upgrade := _UPGRADES.get(self._version()):
            self._connection.executescript(f"BEGIN; {upgrade} COMMIT;")
        if self._version() != 3:
            raise UnreadableStoreError(f"it was written by another version (format {self._version()})")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def transaction(self, then: Callable[[], None] = lambda: None) -> Iterator[Transaction]:
        """Everything in the block happens or nothing does. Blocks do not nest.

        `then` is called when it has happened, before any other thread can see it.
        """
        if self._owner == threading.get_ident():
            raise RuntimeError("a transaction inside a transaction")
        with self._lock:
            self._owner = threading.get_ident()
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield Transaction(self._connection)
                self._connection.execute("COMMIT")
                then()
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._owner = None

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
