"""Slices as bytes, to be kept: a summary as JSON, then everything else, compressed."""

import json
import struct
import sys
import zlib
from array import array
from collections import Counter
from dataclasses import astuple, dataclass
from typing import Any, Final

from warubi_tui.engine.activity.decoding import NewName
from warubi_tui.engine.activity.slices import ABORTED, DATABASE_KEY, Open, SchemaChange, Slice, rows_of

_MARK: Final = b"warubi activity 1\n"
_LENGTHS: Final = struct.Struct("<II")
_FAST: Final = 1
_COLUMNS: Final = ("times", "offsets", "lengths", "xids", "shapes")

Written = dict[tuple[int, int, int], int]
"""(database, relfilenode, kind) → rows."""


class UnreadableSliceError(Exception):
    """These bytes are no slice; the log has to be read again."""


@dataclass(frozen=True)
class Summary:
    """What can be told of a slice without opening it.

    Attributes:
        first, last: the earliest and the latest time in it, µs; None where nothing ended.
        changes: whether a transaction in it did more than write rows.
    """

    segment: int
    start: int
    end: int
    first: int | None
    last: int | None
    commits: int
    rollbacks: int
    changes: bool
    written: Written


def summarize(piece: Slice) -> Summary:
    """The summary of a slice."""
    return Summary(
        piece.segment,
        piece.start,
        piece.end,
        min(piece.times, default=None),
        max(piece.times, default=None),
        *count(piece, 0, len(piece.times)),
    )


def count(piece: Slice, first: int, behind: int) -> tuple[int, int, bool, Written]:
    """Commits, rollbacks, whether there are schema changes, and rows written, in a range of the columns.

    Rows that a transaction wrote beside a change of the schema are left out: some are no rows of a table.
    """
    shapes = Counter(piece.shapes[first:behind])
    rollbacks = shapes.pop(ABORTED, 0)
    commits = shapes.total()
    changed = [position for position in piece.changes if first <= position < behind]
    shapes.subtract(piece.shapes[position] for position in changed)
    written: Written = {}
    for shape, times in shapes.items():
        rows = rows_of(piece.forms[shape])
        database = rows.pop(DATABASE_KEY, 0)
        for key, number in rows.items():
            place = (database, key >> 2, key & 3)
            written[place] = written.get(place, 0) + number * times
    return commits, rollbacks, bool(changed), written


def encode(piece: Slice, summary: Summary) -> bytes:
    """The slice and its summary as bytes."""
    head = [
        *(summary.segment, summary.start, summary.end, summary.first, summary.last),
        *(summary.commits, summary.rollbacks, summary.changes),
        [[*place, rows] for place, rows in summary.written.items()],
    ]
    facts = {
        "forms": piece.forms,
        "changes": [[position, *_change(change)] for position, change in piece.changes.items()],
        "rows": [[xid, [*rows, *rows.values()]] for xid, rows in piece.open.rows.items()],
        "open": [[xid, *_change(change)] for xid, change in piece.open.changes.items()],
        "order": sys.byteorder,
    }
    columns = b"".join(getattr(piece, name).tobytes() for name in _COLUMNS)
    first = json.dumps(head).encode()
    second = json.dumps(facts).encode()
    body = zlib.compress(_LENGTHS.pack(len(second), len(piece.times)) + second + columns, _FAST)
    return _MARK + _LENGTHS.pack(len(first), len(body)) + first + body


def decode_summary(data: bytes) -> Summary:
    """Raises UnreadableSliceError."""
    try:
        head, _ = _parts(data)
        segment, start, end, first, last, commits, rollbacks, changes, written = json.loads(head)
        rows = {(database, file, kind): number for database, file, kind, number in written}
        return Summary(segment, start, end, first, last, commits, rollbacks, changes, rows)
    except (ValueError, TypeError, struct.error) as error:
        raise UnreadableSliceError(str(error)) from error


def decode(data: bytes) -> Slice:
    """Raises UnreadableSliceError."""
    summary = decode_summary(data)
    try:
        body = zlib.decompress(_parts(data)[1])
        length, number = _LENGTHS.unpack_from(body)
        facts = json.loads(body[_LENGTHS.size : _LENGTHS.size + length])
        piece = Slice(summary.segment, summary.start, summary.end)
        at = _LENGTHS.size + length
        for name in _COLUMNS:
            column: array[int] = getattr(piece, name)
            column.frombytes(body[at : at + number * column.itemsize])
            at += number * column.itemsize
        if facts["order"] != sys.byteorder or len(piece.shapes) != number:
            raise UnreadableSliceError("written by another machine")
        piece.forms = [tuple(form) for form in facts["forms"]]
        piece.changes = {position: _read_change(rest) for position, *rest in facts["changes"]}
        piece.open = Open(
            {xid: rows_of(tuple(shape)) for xid, shape in facts["rows"]},
            {xid: _read_change(rest) for xid, *rest in facts["open"]},
        )
    except (ValueError, TypeError, KeyError, struct.error, zlib.error) as error:
        raise UnreadableSliceError(str(error)) from error
    return piece


def _parts(data: bytes) -> tuple[bytes, bytes]:
    if not data.startswith(_MARK):
        raise UnreadableSliceError("of another format")
    first, second = _LENGTHS.unpack_from(data, len(_MARK))
    at = len(_MARK) + _LENGTHS.size
    if len(data) != at + first + second:
        raise UnreadableSliceError("cut off")
    return data[at : at + first], data[at + first :]


def _change(change: SchemaChange) -> tuple[Any, ...]:
    return astuple(change)


def _read_change(values: list[Any]) -> SchemaChange:
    catalog, created, names, databases, before, files, dropped, changed = values
    return SchemaChange(
        catalog,
        _pairs(created),
        [NewName(*name) for name in names],
        databases,
        before,
        _pairs(files),
        _pairs(dropped),
        _pairs(changed),
    )


def _pairs(values: list[list[int]]) -> list[tuple[int, int]]:
    return [(first, second) for first, second in values]
