"""What single records of the write-ahead log say, where more than their first bytes must be read.

Layouts: xlogrecord.h, heapam_xlog.h, xact.h, standbydefs.h, storage_xlog.h, dbcommands_xlog.h, pg_class.h of
PostgreSQL 15 to 18; what changed between those versions is chosen by the page's magic number.
"""

import struct
from dataclasses import dataclass
from typing import Final

HEADER: Final = 24
_TIME: Final = struct.Struct("<q")
EPOCH_2000: Final = 946_684_800_000_000
"""PostgreSQL's epoch (2000-01-01) in microseconds of Unix time."""

CLASSES: Final = 1259
NAMESPACES: Final = 2615
DATABASES: Final = 1262

_HAS_IMAGE, _HAS_DATA, _SAME_REL = 0x10, 0x20, 0x80
_IMAGE_HOLE, _IMAGE_COMPRESSED = 0x01, 0x1C
_MAX_BLOCK_ID, _TOPLEVEL, _ORIGIN, _LONG_DATA = 32, 252, 253, 254
_BLOCK_SIZE: Final = 8192
_TUPLE_HEADER: Final = 23
_NAME: Final = 64
_DROPPED_RELATION: Final = 2  # PGSTAT_KIND_RELATION
_RELCACHE: Final = 0xFE  # SHAREDINVALRELCACHE_ID, -2 as a byte

File = tuple[int, int]
"""A relation's file: the OID of its database (0: shared by all) and its relfilenode."""


@dataclass(frozen=True)
class Body:
    """A record's first block and its main data, as offsets into the bytes it lies in."""

    file: File
    image: slice
    hole: int
    compressed: bool
    data: slice
    main: slice


def read_body(buffer: bytes, start: int) -> Body:
    """Takes the record that begins at `start` apart."""
    (length,) = struct.unpack_from("<I", buffer, start)
    position = start + HEADER
    file: File = (0, 0)
    image = data = 0
    hole = 0
    compressed = False
    first = True
    while buffer[position] <= _MAX_BLOCK_ID:
        flags, size = struct.unpack_from("<xBH", buffer, position)
        position += 4
        image_size = 0
        if flags & _HAS_IMAGE:
            image_size, hole_at, info = struct.unpack_from("<HHB", buffer, position)
            position += 5
            packed = bool(info & _IMAGE_COMPRESSED)
            if packed and info & _IMAGE_HOLE:
                position += 2
            if first:
                hole, compressed = hole_at, packed
        if not flags & _SAME_REL:
            if first:
                file = struct.unpack_from("<4xII", buffer, position)
            position += 12
        position += 4
        if first:
            image, data = image_size, size if flags & _HAS_DATA else 0
        first = False
    main = 0
    while position < start + length:
        mark = buffer[position]
        if mark == _ORIGIN:
            position += 3
        elif mark == _TOPLEVEL:
            position += 5
        elif mark == _LONG_DATA:
            (main,) = struct.unpack_from("<I", buffer, position + 1)
            position += 5
            break
        else:
            main = buffer[position + 1]
            position += 2
            break
    end = start + length
    behind = position + image
    return Body(
        file, slice(position, behind), hole, compressed, slice(behind, behind + data), slice(end - main, end)
    )


@dataclass(frozen=True)
class TransactionEnd:
    """A commit or an abort.

    Attributes:
        time: microseconds of Unix time.
        xid: of a prepared transaction; None: it is the record's own.
        children: the subtransactions that end with it.
        files: of relations that are removed with it.
        dropped: relations (database, OID) that exist no more.
        changed: relations (database, OID) whose definition others must read anew.
    """

    time: int
    xid: int | None = None
    children: tuple[int, ...] = ()
    files: tuple[File, ...] = ()
    dropped: tuple[tuple[int, int], ...] = ()
    changed: tuple[tuple[int, int], ...] = ()


def read_end(buffer: bytes, start: int, *, wide_statistics: bool) -> TransactionEnd:
    """Reads the record of rmgr Transaction at `start` that ends a transaction.

    `wide_statistics`: dropped objects are 16 bytes each (PostgreSQL 18), not 12.
    """
    main = read_body(buffer, start).main
    at = main.start
    (time,) = struct.unpack_from("<q", buffer, at)
    at += 8
    time += EPOCH_2000
    if not buffer[start + 16] & 0x80:  # XLOG_XACT_HAS_INFO
        return TransactionEnd(time)
    (info,) = struct.unpack_from("<I", buffer, at)
    at += 4
    if info & 0x01:
        at += 8
    children: tuple[int, ...] = ()
    files: tuple[File, ...] = ()
    dropped: tuple[tuple[int, int], ...] = ()
    changed: tuple[tuple[int, int], ...] = ()
    if info & 0x02:
        (count,) = struct.unpack_from("<I", buffer, at)
        children = struct.unpack_from(f"<{count}I", buffer, at + 4)
        at += 4 + 4 * count
    if info & 0x04:
        (count,) = struct.unpack_from("<I", buffer, at)
        files = tuple(struct.iter_unpack("<4xII", buffer[at + 4 : at + 4 + 12 * count]))
        at += 4 + 12 * count
    if info & 0x100:
        size, form = (16, "<III4x") if wide_statistics else (12, "<III")
        (count,) = struct.unpack_from("<I", buffer, at)
        items = struct.iter_unpack(form, buffer[at + 4 : at + 4 + size * count])
        dropped = tuple((database, oid) for kind, database, oid in items if kind == _DROPPED_RELATION)
        at += 4 + size * count
    if info & 0x08:
        (count,) = struct.unpack_from("<I", buffer, at)
        messages = struct.iter_unpack("<B3xII4x", buffer[at + 4 : at + 4 + 16 * count])
        known = dict.fromkeys(
            (database, oid) for kind, database, oid in messages if kind == _RELCACHE and oid
        )
        changed = tuple(known)
        at += 4 + 16 * count
    xid = struct.unpack_from("<I", buffer, at)[0] if info & 0x10 else None
    return TransactionEnd(time, xid, children, files, dropped, changed)


def plain_time(buffer: bytes, start: int) -> int:
    """The time of a COMMIT or ABORT record that has nothing but a time; microseconds of Unix time."""
    return int(_TIME.unpack_from(buffer, start + HEADER + 2)[0]) + EPOCH_2000


def inserted_rows(buffer: bytes, body: Body) -> int:
    """How many rows a MULTI_INSERT holds."""
    return int(struct.unpack_from("<2xH", buffer, body.main.start)[0])


def delete_flags(buffer: bytes, body: Body) -> int:
    """The flags of a heap DELETE: 8 takes back a speculative insertion, 16 moves to another partition."""
    start: int = body.main.start
    return buffer[start + 7]


def created_file(buffer: bytes, start: int) -> File | None:
    """The file that a Storage CREATE makes, if it is a main fork."""
    main = read_body(buffer, start).main
    database, number, fork = struct.unpack_from("<4xIIi", buffer, main.start)
    return (database, number) if fork == 0 else None


def database_of(buffer: bytes, start: int) -> int:
    """The OID of the database that a Database record is about."""
    return int(struct.unpack_from("<I", buffer, read_body(buffer, start).main.start)[0])


def oldest_running(buffer: bytes, start: int) -> int:
    """The oldest transaction that was running at a RUNNING_XACTS record."""
    return int(struct.unpack_from("<I", buffer, read_body(buffer, start).main.start + 16)[0])


@dataclass(frozen=True)
class NewName:
    """A row that was inserted into pg_class, pg_namespace or pg_database (`catalog` says which).

    Only rows of pg_class have a namespace, a file and a kind (`r`, `i`, `t`, …).
    """

    catalog: int
    database: int
    oid: int
    name: str
    namespace: int = 0
    filenode: int = 0
    kind: str = ""


def new_name(buffer: bytes, start: int, *, kind_at: int) -> NewName | None:
    """The name in a heap INSERT into one of those catalogs; None where only a compressed image holds it.

    `kind_at`: the offset of `relkind` in a row of pg_class.
    """
    body = read_body(buffer, start)
    row = _inserted_tuple(buffer, body)
    if row is None or len(row) < 4 + _NAME:
        return None
    (oid,) = struct.unpack_from("<I", row)
    name = row[4 : 4 + _NAME].partition(b"\0")[0].decode("utf-8", "replace")
    database, catalog = body.file
    if catalog != CLASSES:
        return NewName(catalog, database, oid, name)
    namespace, filenode = struct.unpack_from("<I16xI", row, 4 + _NAME)
    return NewName(catalog, database, oid, name, namespace, filenode, chr(row[kind_at]))


def _inserted_tuple(buffer: bytes, body: Body) -> bytes | None:
    """The columns of the row, without the tuple's header."""
    if body.data.stop > body.data.start:
        hoff = buffer[body.data.start + 4]
        return buffer[body.data.start + 5 + hoff - _TUPLE_HEADER : body.data.stop]
    if body.compressed or body.image.stop == body.image.start:
        return None
    image = buffer[body.image]
    page = image[: body.hole] + bytes(_BLOCK_SIZE - len(image)) + image[body.hole :]
    (number,) = struct.unpack_from("<H", buffer, body.main.start)
    (pointer,) = struct.unpack_from("<I", page, _TUPLE_HEADER + 1 + 4 * (number - 1))
    offset, length = pointer & 0x7FFF, pointer >> 17
    return page[offset + page[offset + 22] : offset + length]
