"""What a database's schema is made of, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """A table, a column, an index, a function … of one database."""

    kind: str
    """`table`, `column`, `materialized_view` …"""
    oid: int
    """Of its row in the catalog; of the table where it is a column."""
    number: int
    """The column's attribute number; 0 for all else."""
    born: int
    """The 32-bit transaction id that wrote its row, or one that tells its age better."""
    schema: str
    """Empty for what lies in no schema."""
    relation: str
    """The table, view, or type that it is or belongs to; empty where there is none."""
    name: str | None
    """None for tables, views and types themselves: `relation` is their name."""
    inherited: bool = False
    """Whether it comes with a parent table, and is changed there."""
    part_of: tuple[str, str, str] | None = None
    """The column (schema, table, name) that a sequence was made for and goes with."""
    parents: tuple[tuple[str, str], ...] = ()
    """Schema and name of the tables that a table is a partition of or inherits from."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Property to value, in words of SQL; what is not there or is as usual has no entry."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Property to the version of the row that it is printed from.

    What is printed may name other objects: with equal versions on two sides of one history, a difference is
    one of those names only.
    """

    @property
    def place(self) -> tuple[str, str]:
        """The table, view or type that it is or belongs to."""
        return self.schema, self.relation


@dataclass(frozen=True, slots=True)
class Position:
    """How far a sequence is that was used."""

    last: int
    """The value that it gave out last, or one that it would after a crash: see `reach`."""
    reach: int
    """The value that its log in the WAL is at, up to 32 steps further.

    A server that was recovered, as one of a branch, goes on from there (PostgreSQL's commands/sequence.c,
    SEQ_LOG_VALS).
    """


@dataclass(frozen=True, slots=True)
class DatabaseSchema:
    """The schema of one database; what belongs to the system or to an extension is left out."""

    database: str
    system: int | None
    """PostgreSQL's system identifier: equal for clusters that are copies of one. None if it is not told."""
    version: int
    """The server's, as `server_version_num`."""
    next_xid: int
    """The first 64-bit transaction id not yet assigned when it was read."""
    objects: tuple[SchemaObject, ...]
    """In the order of the kinds, then by name; columns and values of enums in their own order."""
    positions: Mapping[tuple[str, str], Position | None] = field(default_factory=dict)
    """By schema and name, of every sequence that may be read; None for one that gave out nothing yet."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """What could not be read (`functions`, `columns` …) to the reason, in words."""
    unknown_kinds: frozenset[str] = frozenset()
    """Kinds of objects that are missing here because they could not be read."""
