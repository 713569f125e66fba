"""The kept differing rows of one table in the spool, numbered from 0 in the order of their identity."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from warubi_tui.diff.model import Op
from warubi_tui.diff.spool import Spool

OPS: Final[tuple[Op, ...]] = ("removed", "added", "changed")

_WORD: Final = 60
"""How many columns' bits are stored in one number of SQLite's, which has 63 and a sign."""


class Kept(NamedTuple):
    """A differing row on its way into the spool."""

    op: Op
    changed: tuple[int, ...]
    """The places of the changed columns among the compared ones."""
    then: bytes | None
    """The row's line of COPY then, without what says which row it is."""
    now: bytes | None


class Stored(NamedTuple):
    """A differing row as the spool gives it back."""

    number: int
    op: Op
    marked: bool
    then: bytes | None
    now: bytes | None


Found = tuple[int, Stored]
"""A row and its position in a view, or among all."""

_SCAN_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Needle:
    """What a row has to hold to be found, as SQLite can tell without reading the lines."""

    op: Op | None = None
    column: int | None = None
    """The place of a column among the compared ones whose value changed."""
    text: bytes = b""
    """In lower case, as COPY writes it. A row that has it may not hold it in a value all the same."""
    marked: bool = False


class Results:
    """Keeps and gives back. Every method may be called by any thread."""

    def __init__(self, spool: Spool, number: int, columns: int) -> None:
        """Those of the `number`th table, of which `columns` columns are compared."""
        self.kept = 0
        self.marked = 0
        self._spool = spool
        self._heads = f"heads_{number}"
        self._lines = f"lines_{number}"
        self._words = [f"changed_{word}" for word in range(-(-columns // _WORD))]
        self._views = 0

    def append(self, rows: Sequence[Kept]) -> None:
        """Keeps `rows` after those that are there."""
        first = self.kept
        heads = [
            (first + place, OPS.index(row.op), *self._bits(row.changed)) for place, row in enumerate(rows)
        ]
        lines = [(first + place, row.then, row.now) for place, row in enumerate(rows)]

        def write(database: sqlite3.Connection) -> None:
            if not first:
                self._create(database)
            places = ", ?" * len(self._words)
            database.executemany(f"INSERT INTO {self._heads} VALUES (?, ?, 0{places})", heads)
            database.executemany(f"INSERT INTO {self._lines} VALUES (?, ?, ?)", lines)

        self._spool.run(write)
        self.kept += len(rows)

    def forget(self) -> None:
        """Drops every row."""
        if self.kept:
            self._drop(self._heads)
            self._drop(self._lines)
        self.kept = self.marked = 0

    def page(self, start: int, stop: int, view: str | None = None) -> list[Stored]:
        """The rows from the `start`th up to the `stop`th, of those in `view` or of all."""
        return [stored for _, stored in self._scan(Needle(), range(start, stop), view, None)]

    def scan(self, needle: Needle, places: range, view: str | None = None) -> tuple[list[Found], int]:
        """The rows at `places` (one after the other, up or down) that `needle` does not rule out.

        No more of them than are easily held in memory: returned is also how many places were looked at.
        """
        found = self._scan(needle, places, view, _SCAN_BYTES)
        size = sum(len(line) for _, stored in found for line in (stored.then, stored.now) if line)
        if size < _SCAN_BYTES:
            return found, len(places)
        return found, places.index(found[-1][0]) + 1

    def _scan(self, needle: Needle, places: range, view: str | None, most: int | None) -> list[Found]:
        if not self.kept or not places:
            return []
        source, place = f"{self._heads} h", "h.number"
        if view is not None:
            source, place = f"{view} v JOIN {self._heads} h ON h.number = v.number", "v.position"
        condition, values = self._condition(needle)
        statement = (
            f"SELECT {place}, h.number, h.op, h.marked, l.was, l.is_now"
            f" FROM {source} JOIN {self._lines} l ON l.number = h.number"
            f" WHERE {place} BETWEEN ? AND ? AND {condition}"
            f" ORDER BY {place} {'ASC' if places.step > 0 else 'DESC'}"
        )

        def read(database: sqlite3.Connection) -> list[Found]:
            found: list[Found] = []
            size = 0
            rows = database.execute(
                statement, (min(places[0], places[-1]), max(places[0], places[-1]), *values)
            )
            for position, number, op, marked, was, is_now in rows:
                found.append((position, Stored(number, OPS[op], bool(marked), was, is_now)))
                size += len(was or b"") + len(is_now or b"")
                if most is not None and size >= most:
                    break
            rows.close()
            return found

        return self._spool.run(read)

    def new_view(self) -> str:
        """Makes an empty view: rows in the order of their numbers, by position from 0."""
        self._views += 1
        view = f"{self._heads}_view_{self._views}"
        self._spool.run(
            lambda database: database.execute(
                f"CREATE TABLE {view} (position INTEGER PRIMARY KEY, number INTEGER)"
            )
        )
        return view

    def drop_view(self, view: str) -> None:
        """Forgets a view, if it is not forgotten with the whole spool."""
        if not self._spool.closed:
            self._drop(view)

    def extend_view(self, view: str, total: int, numbers: Iterable[int]) -> None:
        """Appends rows to a view that has `total`."""
        self._spool.run(
            lambda database: database.executemany(
                f"INSERT INTO {view} VALUES (?, ?)", enumerate(numbers, total)
            )
        )

    def fill_view(self, view: str, total: int, needle: Needle, start: int, stop: int) -> int:
        """Appends the rows numbered from `start` up to `stop` that `needle` finds without its text."""
        condition, values = self._condition(needle)
        return self._spool.run(
            lambda database: (
                database.execute(
                    f"INSERT INTO {view} SELECT ? - 1 + row_number() OVER (ORDER BY h.number), h.number"
                    f" FROM {self._heads} h WHERE h.number >= ? AND h.number < ? AND {condition}",
                    (total, start, stop, *values),
                ).rowcount
            )
        )

    def mark(self, value: bool | None, start: int, stop: int, view: str | None = None) -> None:
        """Marks the rows from `start` up to `stop`, or takes their marks away, or turns them over (None)."""
        if not self.kept:
            return
        inside = "number >= :start AND number < :stop"
        if view is not None:
            inside = f"number IN (SELECT number FROM {view} WHERE position >= :start AND position < :stop)"
        values = {"start": start, "stop": stop, "value": value}

        def write(database: sqlite3.Connection) -> int:
            (before,) = database.execute(
                f"SELECT count(*) FROM {self._heads} WHERE marked AND {inside}", values
            ).fetchone()
            touched = database.execute(
                f"UPDATE {self._heads} SET marked = coalesce(:value, NOT marked) WHERE {inside}", values
            ).rowcount
            after = touched - before if value is None else touched * value
            return int(after) - int(before)

        self.marked += self._spool.run(write)

    def _drop(self, table: str) -> None:
        self._spool.run(lambda database: database.execute(f"DROP TABLE {table}"))

    def _create(self, database: sqlite3.Connection) -> None:
        words = "".join(f", {word} INTEGER" for word in self._words)
        database.execute(
            f"CREATE TABLE {self._heads} (number INTEGER PRIMARY KEY, op INTEGER, marked INTEGER{words})"
        )
        database.execute(f"CREATE TABLE {self._lines} (number INTEGER PRIMARY KEY, was BLOB, is_now BLOB)")

    def _bits(self, changed: Iterable[int]) -> list[int]:
        bits = [0] * len(self._words)
        for place in changed:
            bits[place // _WORD] |= 1 << place % _WORD
        return bits

    def _condition(self, needle: Needle) -> tuple[str, list[object]]:
        conditions, values = ["true"], list[object]()
        if needle.op is not None:
            conditions.append("h.op = ?")
            values.append(OPS.index(needle.op))
        if needle.column is not None:
            conditions.append(f"h.{self._words[needle.column // _WORD]} & ?")
            values.append(1 << needle.column % _WORD)
        if needle.marked:
            conditions.append("h.marked")
        if needle.text:
            found = "instr(lower(CAST({} AS TEXT)), CAST(? AS TEXT))"
            conditions.append(f"({found.format('l.was')} OR {found.format('l.is_now')})")
            values += [needle.text, needle.text]
        return " AND ".join(conditions), values
