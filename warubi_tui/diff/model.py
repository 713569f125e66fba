"""What a comparison of two databases says: plain values for the console, the command line and repair.

`then` is the state that is trusted (a restored branch), `now` the one that is looked at. `removed` was there
then and is not there now; `added` is there now and was not there then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Op = Literal["removed", "added", "changed"]
"""What happened to a row between then and now."""

Method = Literal["headers", "blocks", "key", "multiset", "one side", "none"]
"""How rows that may differ are found.

`headers`: by physical row versions, where both sides hold the same files up to a point; `blocks`: by the
contents of equal blocks; `key`: by the contents of parts of the key; `multiset`: by whole rows, for want of a
key on both sides; `one side`: the table is on one side only; `none`: not compared.
"""

Values = Mapping[str, str | None]
"""Column name to value as PostgreSQL prints it under pinned settings; None is NULL.

Timestamps with time zone are in UTC, dates ISO, bytea in hex, floats in their shortest exact form.
"""


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One difference between the two schemas."""

    kind: str
    """What it is a change of, and what changed: `table_removed`, `index_added`, `column_type`,
    `view_definition`, `function_body`, `policy_grants` …

    The first word or words are one of `diff.schema.kinds.OBJECTS`; on its own stands `primary_key`. What ends
    in `_removed` was there then only, in `_added` is there now only, in `_renamed` is the same object under
    another name or in another schema (`then` and `now` are its names); all else is a property that differs.
    """
    schema: str
    """Empty for what lies in no schema: an extension, a publication …"""
    table: str = ""
    """The table or view that changed, or that what changed belongs to; empty for what belongs to none."""
    column: str | None = None
    """None where the change is not one of a column."""
    then: str | None = None
    """How it was: a type, a default, a list of key columns …; None where it was not there."""
    now: str | None = None
    """How it is; None where it is not there."""
    name: str | None = None
    """The name of what is neither a table nor a column: an index, a function with its arguments …"""

    def to_json(self) -> dict[str, object]:
        """An entry of the key `schema` of `diff --json`."""
        return {
            "kind": self.kind,
            "schema": self.schema,
            "table": self.table,
            "column": self.column,
            "then": self.then,
            "now": self.now,
            "name": self.name,
        }


@dataclass(frozen=True, slots=True)
class TableDiff:
    """The row differences of one table, in numbers."""

    schema: str
    table: str
    key: tuple[str, ...] = ()
    """The columns that say which rows belong together; empty if no key is there on both sides."""
    removed: int = 0
    added: int = 0
    changed: int = 0
    """Always 0 without a key: a changed row is then one removed and one added."""
    method: Method = "none"
    seconds: float = 0.0
    not_compared: str | None = None
    """Why nothing can be said about the rows, in words; the numbers are then 0 and mean nothing."""
    kept: int = 0
    """How many of the differing rows can be read with `DatabaseDiff.rows`; less than `total` is partial."""
    changed_columns: Mapping[str, int] = field(default_factory=dict)
    """In how many changed rows each column changed; columns without a change are left out."""
    why: str = ""
    """Why this method and no better one, in words; empty for the best there is."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Columns that were not compared, and why, in words. What they hold may differ."""
    same_value: int = 0
    """Changed rows in which nothing but the print of values changed: 1.0 and 1.00."""

    @property
    def total(self) -> int:
        """The number of differing rows."""
        return self.removed + self.added + self.changed

    @property
    def partial(self) -> bool:
        """Whether fewer rows were kept for reading than differ (the numbers are exact all the same)."""
        return self.kept < self.total

    def to_json(self) -> dict[str, object]:
        """An entry of the key `tables` of `diff --json`."""
        return {
            "schema": self.schema,
            "table": self.table,
            "key": list(self.key),
            "removed": self.removed,
            "added": self.added,
            "changed": self.changed,
            "method": self.method,
            "seconds": round(self.seconds, 3),
            "not_compared": self.not_compared,
            "kept": self.kept,
            "changed_columns": dict(self.changed_columns),
            "why": self.why,
            "left_out": dict(self.left_out),
            "same_value": self.same_value,
        }


@dataclass(frozen=True, slots=True)
class RowDiff:
    """One row that differs."""

    schema: str
    table: str
    op: Op
    key: Values
    """The key columns; empty for a table without a key. From `now` unless the row was removed."""
    then: Values | None
    """The whole row as it was, columns in table order; None if added."""
    now: Values | None
    """The whole row as it is, columns in table order; None if removed."""
    columns: tuple[str, ...] = ()
    """The columns whose value changed, in table order; only for `changed`.

    Generated columns are in `then` and `now` and never here. Columns on one side only are in that side's
    values and never here: they are changes of the schema.
    """
    same_value: tuple[str, ...] = ()
    """Those of `columns` whose type calls both values equal though they print differently: 1.0 and 1.00."""

    def to_json(self) -> dict[str, object]:
        """One line of `diff --jsonl`."""
        return {
            "schema": self.schema,
            "table": self.table,
            "op": self.op,
            "key": dict(self.key),
            "then": None if self.then is None else dict(self.then),
            "now": None if self.now is None else dict(self.now),
            "columns": list(self.columns),
            "same_value": list(self.same_value),
        }


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which differing rows of a table are wanted: those of which everything that is given here is true."""

    op: Op | None = None
    column: str | None = None
    """Changed rows whose value changed in this column."""
    text: str | None = None
    """Rows that have this in a value, then or now; the case of ASCII letters is ignored."""
    condition: str | None = None
    """A boolean expression of SQL over the table's columns that is true of the row then or of the row now."""
    marked: bool = False
    """Rows that are marked when the view is opened."""


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A differing row in a view."""

    row: RowDiff
    number: int
    """Its place among all rows kept of its table, from 0; the same in every view."""
    marked: bool


@dataclass(frozen=True, slots=True)
class TableProgress:
    """Where the comparison of one table is."""

    schema: str
    table: str
    done: int
    total: int
    unit: str
    """What `done` and `total` count: `blocks` or `rows` of the scan, then `rows found` that may differ."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running comparison is."""

    tables_done: int
    tables: int
    differences: int
    """Differing rows so far; of tables that are not finished, as far as it can be told."""
    fraction: float | None = None
    """How much of the work is done, from 0 to 1; None while nothing can be said.

    It may go back: how many rows differ is not known beforehand.
    """
    seconds_left: float | None = None
    """None while nothing can be said."""
    current: tuple[TableProgress, ...] = ()
    """The tables that are being compared, in the order they were begun."""
