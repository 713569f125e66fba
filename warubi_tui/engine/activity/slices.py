"""What a stretch of one timeline's log says: its transactions' ends and the rows each of them wrote."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from warubi_tui.engine.activity.decoding import File, NewName, TransactionEnd
from warubi_tui.engine.wal import record_end

INSERT, UPDATE, DELETE = 1, 2, 3
ABORTED: Final = -1


DATABASE_KEY: Final = 0

Rows = dict[int, int]
"""What one transaction wrote: relfilenode << 2 | kind → how many rows; DATABASE_KEY → the database's OID."""

Shape = tuple[int, ...]
"""The same as a value: all keys, then all values."""

NO_ROWS: Final[Shape] = ()


def shape_of(rows: Rows | None) -> Shape:
    return (*rows, *rows.values()) if rows else NO_ROWS


def rows_of(shape: Shape) -> Rows:
    half = len(shape) // 2
    return dict(zip(shape[:half], shape[half:], strict=True))


def add_rows(rows: Rows, more: Rows) -> None:
    """Adds `more` to `rows`."""
    for key, count in more.items():
        if key != DATABASE_KEY:
            rows[key] = rows.get(key, 0) + count


@dataclass
class SchemaChange:
    """What a transaction did besides writing rows of tables.

    Attributes:
        catalog: it wrote to the system catalog, statistics aside.
        created: files it made.
        names: rows it inserted into pg_class, pg_namespace and pg_database.
        databases: OIDs of the databases it dropped.
        before: where a change begins that is not undone by leaving the transaction's commit out.
        files: files that are removed with its commit.
        dropped, changed: relations (database, OID), as in `TransactionEnd`.
    """

    catalog: bool = False
    created: list[File] = field(default_factory=list)
    names: list[NewName] = field(default_factory=list)
    databases: list[int] = field(default_factory=list)
    before: int | None = None
    files: list[File] = field(default_factory=list)
    dropped: list[tuple[int, int]] = field(default_factory=list)
    changed: list[tuple[int, int]] = field(default_factory=list)

    def add(self, other: "SchemaChange") -> None:
        """Takes in what a subtransaction, or an earlier stretch of the log, says."""
        self.catalog = self.catalog or other.catalog
        self.created += other.created
        self.names += other.names
        self.databases += other.databases
        if self.before is None:
            self.before = other.before
        self.files += other.files
        self.dropped += other.dropped
        self.changed += other.changed

    def end(self, end: TransactionEnd) -> None:
        """Takes in what the commit says."""
        self.files += end.files
        self.dropped += end.dropped
        self.changed += end.changed


@dataclass
class Open:
    """Transactions that have written and not ended: their rows and what else they did, by xid."""

    rows: dict[int, Rows] = field(default_factory=dict)
    changes: dict[int, SchemaChange] = field(default_factory=dict)

    def xids(self) -> set[int]:
        return {*self.rows, *self.changes}

    def forget(self, xid: int) -> None:
        self.rows.pop(xid, None)
        self.changes.pop(xid, None)

    def forget_before(self, oldest: int) -> None:
        """Drops those that began before the oldest running one: they ended without a record, by a crash."""
        for xid in self.xids():
            if 0 < (oldest - xid) % (1 << 32) < 1 << 31:
                self.forget(xid)

    def take(self, xids: tuple[int, ...]) -> "tuple[Rows | None, SchemaChange | None]":
        """Removes these (a transaction and its children) and returns what they did together."""
        rows: Rows | None = None
        change: SchemaChange | None = None
        for xid in xids:
            more = self.rows.pop(xid, None)
            if more is not None:
                if rows is None:
                    rows = more
                else:
                    add_rows(rows, more)
            further = self.changes.pop(xid, None)
            if further is not None:
                if change is None:
                    change = further
                else:
                    change.add(further)
        return rows, change


@dataclass
class Slice:
    """The records that begin in [start, end) of a timeline's log, within one segment.

    The columns have one value for each record that ends a transaction, in the order of the log.

    Attributes:
        times: microseconds of Unix time.
        offsets: where the record begins, counted from the segment's start.
        lengths: of the record, in bytes.
        xids: of the transaction.
        shapes: the position in `forms` of the rows it wrote, or ABORTED.
        forms: every combination of rows that some transaction wrote, once.
        changes: what transactions did to the schema, by their position in the columns.
        open: transactions that have not ended.
        children: subtransactions, by their position in the columns; only in a slice just read.
        oldest: the oldest running transaction that the last RUNNING_XACTS record names.
    """

    segment: int
    start: int
    end: int
    times: "array[int]" = field(default_factory=lambda: array("q"))
    offsets: "array[int]" = field(default_factory=lambda: array("I"))
    lengths: "array[int]" = field(default_factory=lambda: array("I"))
    xids: "array[int]" = field(default_factory=lambda: array("I"))
    shapes: "array[int]" = field(default_factory=lambda: array("i"))
    forms: list[Shape] = field(default_factory=list)
    changes: dict[int, SchemaChange] = field(default_factory=dict)
    open: Open = field(default_factory=Open)
    children: dict[int, tuple[int, ...]] = field(default_factory=dict)
    oldest: int | None = None
    _ordered: "Slice | None" = field(default=None, repr=False, compare=False)

    def lsn(self, position: int) -> int:
        """Where the record at this position of the columns begins."""
        return self.segment + self.offsets[position]

    def end_lsn(self, position: int) -> int:
        """Where the record at this position of the columns ends."""
        return record_end(self.lsn(position), self.lengths[position])

    def between(self, low: int, high: int) -> "Slice":
        """The part whose transactions ended by records that begin in [low, high)."""
        first = bisect_left(self.offsets, low - self.segment)
        return self._chosen(range(first, bisect_left(self.offsets, high - self.segment, first)))

    def by_time(self) -> "Slice":
        """The same in the order of time, which is not always that of the log."""
        if self._ordered is None:
            times = self.times
            self._ordered = self._chosen(sorted(range(len(times)), key=times.__getitem__))
        return self._ordered

    def _chosen(self, positions: Sequence[int]) -> "Slice":
        places = {position: place for place, position in enumerate(positions)} if self.changes else {}
        return Slice(
            self.segment,
            self.start,
            self.end,
            times=array("q", map(self.times.__getitem__, positions)),
            offsets=array("I", map(self.offsets.__getitem__, positions)),
            lengths=array("I", map(self.lengths.__getitem__, positions)),
            xids=array("I", map(self.xids.__getitem__, positions)),
            shapes=array("i", map(self.shapes.__getitem__, positions)),
            forms=self.forms,
            changes={places[old]: change for old, change in self.changes.items() if old in places},
        )

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return 200 * len(self.times) + 100 * len(self.forms)

    def follow(self, earlier: Open) -> None:
        """Gives the transactions of this slice what they did in the log before it."""
        forms = {form: place for place, form in enumerate(self.forms)}
        for position, xids in self._ended(earlier).items():
            rows, change = earlier.take(xids)
            if self.shapes[position] == ABORTED:
                continue
            if rows:
                add_rows(rows, rows_of(self.forms[self.shapes[position]]))
                self.shapes[position] = forms.setdefault(shape_of(rows), len(forms))
            if change is not None:
                if position in self.changes:
                    change.add(self.changes[position])
                self.changes[position] = change
        self.forms = list(forms)
        if self.oldest is not None:
            earlier.forget_before(self.oldest)
        self._reopen(earlier)
        self.children = {}

    def _ended(self, earlier: Open) -> dict[int, tuple[int, ...]]:
        """Positions at which a transaction of `earlier` ends → all xids that end there."""
        waiting = earlier.xids()
        if not waiting:
            return {}
        found = {
            position: (self.xids[position], *children)
            for position, children in self.children.items()
            if not waiting.isdisjoint(children)
        }
        for xid in waiting.intersection(self.xids):
            position = self.xids.index(xid)
            found[position] = (xid, *self.children.get(position, ()))
        return found

    def _reopen(self, earlier: Open) -> None:
        for xid, more in self.open.rows.items():
            if xid in earlier.rows:
                add_rows(earlier.rows[xid], more)
            else:
                earlier.rows[xid] = more
        for xid, change in self.open.changes.items():
            if xid in earlier.changes:
                earlier.changes[xid].add(change)
            else:
                earlier.changes[xid] = change
        self.open = earlier


def joined(piece: Slice, more: Slice) -> Slice:
    """Two stretches of one segment, one right behind the other; `more` has followed `piece`."""
    base = len(piece.times)
    forms = {form: position for position, form in enumerate(piece.forms)}
    new = [forms.setdefault(form, len(forms)) for form in more.forms]
    shapes = array("i", (shape if shape == ABORTED else new[shape] for shape in more.shapes))
    return Slice(
        segment=piece.segment,
        start=piece.start,
        end=more.end,
        times=piece.times + more.times,
        offsets=piece.offsets + more.offsets,
        lengths=piece.lengths + more.lengths,
        xids=piece.xids + more.xids,
        shapes=piece.shapes + shapes,
        forms=list(forms),
        changes=piece.changes | {base + position: change for position, change in more.changes.items()},
        open=more.open,
    )
