"""Reading a segment of the log record by record.

PostgreSQL's records are chained by their length alone, so the reader goes from head to head; only records
that end a transaction or write a row are looked at further. Checksums are not verified: what is read here
informs, it restores nothing.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from warubi_tui.engine.activity import decoding
from warubi_tui.engine.activity.pages import PADDING, SEGMENT, Payload, offset_of, read_payload
from warubi_tui.engine.activity.slices import (
    ABORTED,
    DATABASE_KEY,
    DELETE,
    INSERT,
    NO_ROWS,
    UPDATE,
    Open,
    Rows,
    SchemaChange,
    Shape,
    Slice,
)
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.wal import record_end, segment_name
from warubi_tui.lsn import Lsn

# Resource managers (rmgrlist.h) and operations of theirs.
_XLOG, _TRANSACTION, _STORAGE, _DATABASE, _STANDBY, _HEAP2, _HEAP = 0, 1, 2, 4, 8, 9, 10
_OPERATION: Final = 0x70
_INPLACE: Final = 4  # beside INSERT, UPDATE and DELETE
_INIT_PAGE: Final = 0x80
_COMMIT, _ABORT, _COMMIT_PREPARED, _ABORT_PREPARED = 0x00, 0x20, 0x30, 0x40
_MULTI_INSERT, _SWITCH, _CREATE, _DROP_DATABASE, _RUNNING_XACTS = 0x50, 0x40, 0x10, 0x20, 0x10

_FIRST_USER_FILE: Final = 16384  # FirstNormalObjectId
_LARGE_OBJECTS: Final = 2613
_NOT_SCHEMA: Final = {2619, 2840, 3429, 3430, 2995}
"""pg_statistic, pg_statistic_ext_data, their TOAST tables, pg_largeobject_metadata."""
_NAMING: Final = {decoding.CLASSES, decoding.NAMESPACES, decoding.DATABASES}
_IMAGE: Final = 0x10  # BKPBLOCK_HAS_IMAGE
_IS_SUPER, _IS_PARTITION_MOVE = 0x08, 0x10
_UNUSUAL: Final = _IS_SUPER | _IS_PARTITION_MOVE
_PLAIN_DELETE: Final = 54  # bytes of a DELETE with one block, without an image


def _table(kinds: Mapping[int, int]) -> bytes:
    return bytes(kinds.get(byte, 0) for byte in range(256))


_HEAP_ROW, _OTHER = 1, 2
_MANAGERS: Final = _table(
    {_HEAP: _HEAP_ROW} | dict.fromkeys((_TRANSACTION, _HEAP2, _XLOG, _STORAGE, _DATABASE, _STANDBY), _OTHER)
)
_HEAP_KINDS: Final = _table(
    {
        operation | page: kind
        for operation, kind in (
            (0x00, INSERT),
            (0x10, DELETE),
            (0x20, UPDATE),
            (0x40, UPDATE),
            (0x70, _INPLACE),
        )
        for page in (0, _INIT_PAGE)
    }
)


@dataclass(frozen=True)
class Log:
    """The log of one timeline.

    Attributes:
        sources: folders with segments: the archive, and the live `pg_wal` while there is one.
        tli: the timeline's number.
        limit: the known end of the log.
        major: PostgreSQL's major version.
    """

    sources: Sequence[Path]
    tli: int
    limit: int
    major: int

    def payload(self, segment: int, end: int) -> Payload:
        """The segment that begins at `segment`, up to `end`. Raises ClusterError."""
        return read_payload(self.sources, self.tli, segment, end)

    def has(self, segment: int) -> bool:
        """Whether the segment that begins at `segment` is still there."""
        return any((source / segment_name(self.tli, segment)).exists() for source in self.sources)


def scan(log: Log, start: int) -> Slice:
    """Reads the records that begin in the segment of `start`, at or behind it.

    The slice ends before the first record that is not whole at the log's limit; else with the segment.

    Raises:
        ClusterError: the log cannot be read: a segment is missing or damaged.
    """
    segment = start - start % SEGMENT
    payload = log.payload(segment, log.limit)
    first = (payload.rest + 7) & ~7 if start == segment else offset_of(start)
    scanner = _Scanner(Slice(segment, start, segment + SEGMENT), payload, log.major)
    cut = scanner.walk_all(first)
    if cut is not None:
        _finish(scanner, log, cut)
    return scanner.done()


def _finish(scanner: "_Scanner", log: Log, cut: int) -> None:
    """Reads the record that goes over the segment's end, if the log holds all of it."""
    payload = scanner.payload
    start = payload.lsn(cut)
    record = payload.data[cut : payload.size]
    length = int.from_bytes(record[:4], "little")
    end = record_end(start, length)
    if not payload.whole or end > log.limit:
        scanner.found.end = start
        return
    following = payload.start + SEGMENT
    while len(record) < length:
        more = log.payload(following, end)
        if not more.rest:
            return  # a crash cut it off, and the log goes on without it
        record += more.data[: more.size]
        following += SEGMENT
    scanner.walk_one(record[: (length + 7) & ~7], start - payload.start)


class _Scanner:
    """Goes through one payload and fills one slice."""

    def __init__(self, found: Slice, payload: Payload, major: int) -> None:
        self.found = found
        self.payload = payload
        self._buffer = payload.data
        self._wide_statistics = major >= 18
        self._kind_at = 119 if major >= 18 else 115
        self._open = Open()
        self._forms: dict[Shape, int] = {}
        self._at: int | None = None
        self._switched = False
        self._database_touched: dict[int, int] = {}

    def done(self) -> Slice:
        """The slice, once everything has been read."""
        self.found.forms = list(self._forms)
        self.found.open = self._open
        if self.found.oldest is not None:
            self._open.forget_before(self.found.oldest)
        return self.found

    def walk_all(self, first: int) -> int | None:
        """Reads every record from an offset on; returns the offset of one that is not whole, if there is."""
        payload = self.payload
        words = array("I", payload.data)
        position = first
        for stop in (*payload.voids, payload.size):
            if position <= stop:
                position = self._walk(words, position, stop)
                if self._switched:
                    return None
                if position < stop and stop in payload.voids:
                    position = stop
        if payload.emptied or (not words[position >> 2] and any(payload.data[position : payload.size])):
            raise ClusterError(f"the write-ahead log at {Lsn(payload.lsn(position))} is damaged")
        if position < payload.size and words[position >> 2]:
            return position
        if position < payload.size or not payload.whole:
            self.found.end = payload.lsn(min(position, payload.size))
        return None

    def walk_one(self, record: bytes, at: int) -> None:
        """Reads a record that lies in several segments. `at`: its beginning, from its segment's start on."""
        self._buffer = record + PADDING
        self._at = at
        self._walk(array("I", self._buffer), 0, len(record))

    def _walk(self, words: "array[int]", position: int, stop: int) -> int:
        """Reads the records that are whole before `stop`; returns where it ended.

        Almost all the time goes by here. `words` is the buffer in units of 4 bytes: a record's length (0),
        xid (1), and if its first block comes without an image that block's database (8) and relfilenode (9).
        Byte 16 is the operation, byte 17 the resource manager, byte 25 the flags of the first block.
        """
        buffer, managers, kinds = self._buffer, _MANAGERS, _HEAP_KINDS
        rows_by_xid, rows, current = self._open.rows, Rows(), -1
        following = position + (words[position >> 2] + 7 & -8)
        while following <= stop:
            manager = managers[buffer[position + 17]]
            if manager == _HEAP_ROW:
                kind = kinds[buffer[position + 16]]
                if kind:
                    word = position >> 2
                    file = words[word + 9]
                    xid = words[word + 1]
                    if (
                        file < _FIRST_USER_FILE
                        or buffer[position + 25] & _IMAGE
                        or (
                            kind >= DELETE
                            and (words[word] != _PLAIN_DELETE or buffer[position + 53] & _UNUSUAL)
                        )
                    ):
                        self._row(kind, xid, position)
                        current = -1
                    else:
                        if xid != current:
                            current = xid
                            rows = rows_by_xid.get(xid) or {DATABASE_KEY: words[word + 8]}
                            rows_by_xid[xid] = rows
                        key = file << 2 | kind
                        if key in rows:
                            rows[key] += 1
                        else:
                            rows[key] = 1
            elif manager:
                current = -1
                if not self._other(words, position):
                    break
            position = following
            following += words[position >> 2] + 7 & -8
        return position

    def _other(self, words: "array[int]", start: int) -> bool:
        """A record that writes no single row; returns whether the segment goes on behind it."""
        manager = self._buffer[start + 17]
        if manager == _TRANSACTION:
            self._end(words, start)
            return True
        operation = self._buffer[start + 16] & _OPERATION
        if manager == _XLOG:
            self._switched = operation == _SWITCH
            return bool(words[start >> 2]) and not self._switched
        self._rare(manager, operation, words[(start >> 2) + 1], start)
        return True

    def _row(self, kind: int, xid: int, start: int) -> None:
        """A row that is written together with a page's image, to the catalog, or in an unusual way."""
        body = decoding.read_body(self._buffer, start)
        database, file = body.file
        if kind == _INPLACE:
            if body.file == (0, decoding.DATABASES):
                self._database_touched.setdefault(xid, self._lsn(start))
            return
        if file < _FIRST_USER_FILE and file != _LARGE_OBJECTS:
            if file not in _NOT_SCHEMA:
                self._catalog(kind, xid, start, file)
            return
        count = 1
        if kind == DELETE:
            flags = decoding.delete_flags(self._buffer, body)
            if flags & _IS_SUPER:
                kind, count = INSERT, -1
            elif flags & _IS_PARTITION_MOVE:
                kind = UPDATE
        self._add(xid, database, file << 2 | kind, count)

    def _add(self, xid: int, database: int, key: int, count: int) -> None:
        rows = self._open.rows.setdefault(xid, {DATABASE_KEY: database})
        rows[key] = rows.get(key, 0) + count

    def _catalog(self, kind: int, xid: int, start: int, file: int) -> None:
        change = self._change(xid)
        change.catalog = True
        if kind == INSERT and file in _NAMING:
            name = decoding.new_name(self._buffer, start, kind_at=self._kind_at)
            if name is not None:
                change.names.append(name)

    def _change(self, xid: int) -> SchemaChange:
        return self._open.changes.setdefault(xid, SchemaChange())

    def _rare(self, manager: int, operation: int, xid: int, start: int) -> None:
        buffer = self._buffer
        if manager == _HEAP2 and operation == _MULTI_INSERT:
            body = decoding.read_body(buffer, start)
            database, file = body.file
            if file >= _FIRST_USER_FILE:
                self._add(xid, database, file << 2 | INSERT, decoding.inserted_rows(buffer, body))
            elif file not in _NOT_SCHEMA:
                self._change(xid).catalog = True
        elif manager == _STORAGE and operation == _CREATE:
            created = decoding.created_file(buffer, start)
            if created is not None and xid:
                self._change(xid).created.append(created)
        elif manager == _DATABASE and operation == _DROP_DATABASE:
            change = self._change(xid)
            change.databases.append(decoding.database_of(buffer, start))
            if change.before is None:
                change.before = self._database_touched.get(xid, self._lsn(start))
        elif manager == _STANDBY and operation == _RUNNING_XACTS:
            self.found.oldest = decoding.oldest_running(buffer, start)

    def _end(self, words: "array[int]", position: int) -> None:
        """A record of rmgr Transaction; a plain COMMIT or ABORT says nothing but its time."""
        found, word, info = self.found, position >> 2, self._buffer[position + 16]
        xid = words[word + 1]
        if info in (_COMMIT, _ABORT) and xid not in self._open.changes:
            time = decoding.plain_time(self._buffer, position)
            rows = self._open.rows.pop(xid, None)
        elif info & _OPERATION in (_COMMIT, _ABORT, _COMMIT_PREPARED, _ABORT_PREPARED):
            end = decoding.read_end(self._buffer, position, wide_statistics=self._wide_statistics)
            time = end.time
            xid = xid if end.xid is None else end.xid
            rows = self._take(end, xid, committed=info & _OPERATION in (_COMMIT, _COMMIT_PREPARED))
        else:
            return
        found.times.append(time)
        found.offsets.append(self._lsn(position) - found.segment)
        found.lengths.append(words[word])
        found.xids.append(xid)
        if info & _OPERATION in (_COMMIT, _COMMIT_PREPARED):
            shape = (*rows, *rows.values()) if rows else NO_ROWS
            found.shapes.append(self._forms.setdefault(shape, len(self._forms)))
        else:
            found.shapes.append(ABORTED)

    def _take(self, end: decoding.TransactionEnd, xid: int, *, committed: bool) -> Rows | None:
        """What a transaction and its children wrote; what they did to the schema goes into the slice."""
        found, place = self.found, len(self.found.times)
        rows, change = self._open.take((xid, *end.children))
        if end.children:
            found.children[place] = end.children
        if committed and (change is not None or end.files or end.dropped or end.changed):
            found.changes[place] = change = change or SchemaChange()
            change.end(end)
        return rows

    def _lsn(self, start: int) -> int:
        return self.payload.lsn(start) if self._at is None else self.payload.start + self._at
