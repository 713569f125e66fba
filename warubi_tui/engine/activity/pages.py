"""Segments of the write-ahead log without their pages' headers, so that every record is in one piece.

The layout is PostgreSQL's xlog_internal.h and xlogrecord.h, the same from version 15 to 18.
"""

import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.wal import segment_name
from warubi_tui.lsn import Lsn

SEGMENT: Final = 16 << 20
_PAGE: Final = 8192
_LONG: Final = 40
_SHORT: Final = 24
_FIRST: Final = _PAGE - _LONG
_OTHER: Final = _PAGE - _SHORT
_WHOLE: Final = SEGMENT - _LONG - (SEGMENT // _PAGE - 1) * _SHORT
_OVERWRITES: Final = 0x0008  # XLP_FIRST_IS_OVERWRITE_CONTRECORD
_REST: Final = 16  # xlp_rem_len
PADDING: Final = bytes(64)
"""Behind a payload: the first words of a record can be looked at before its length is known to be right."""


@dataclass(frozen=True)
class Payload:
    """The records of one segment, up to a limit.

    Attributes:
        start: where the segment begins in the log.
        data: what is in the pages behind their headers, then some zeros.
        size: how many bytes of `data` are the log's; a multiple of 8.
        rest: how many bytes at its beginning belong to a record that began in an earlier segment.
        voids: offsets in `data` where a crash cut off the record before; what follows is not its rest.
        emptied: pages that were asked for are empty: the log went on with the next segment before them.
    """

    start: int
    data: bytes
    size: int
    rest: int
    voids: tuple[int, ...]
    emptied: bool

    def lsn(self, offset: int) -> int:
        """Where in the log the byte at this offset is."""
        page = (offset + _LONG - _SHORT) // _OTHER
        return self.start + _LONG + offset + page * _SHORT

    @property
    def whole(self) -> bool:
        """Whether the segment is there to its end."""
        return self.size == _WHOLE


def offset_of(lsn: int) -> int:
    """The offset of a position in its segment's payload; one inside a page's header counts as behind it."""
    page, inside = divmod(lsn % SEGMENT, _PAGE)
    if page == 0:
        return max(inside - _LONG, 0)
    return _FIRST + (page - 1) * _OTHER + max(inside - _SHORT, 0)


def read_payload(sources: Sequence[Path], tli: int, start: int, end: int) -> Payload:
    """The segment that begins at `start`, up to `end`, which the log is known to reach.

    Raises:
        ClusterError: the segment is missing, not whole, or its pages are not those of this place.
    """
    pages = min(-(-(end - start) // _PAGE), SEGMENT // _PAGE)
    with _open(sources, tli, start, pages * _PAGE) as mapped, memoryview(mapped) as view:
        with view.cast("Q") as words:
            addresses = words[1 :: _PAGE // 8].tolist()
        written = next((page for page, address in enumerate(addresses) if not address), pages)
        right = list(range(start, start + written * _PAGE, _PAGE)) + [0] * (pages - written)
        if addresses != right or not written:
            raise ClusterError(f"segment {segment_name(tli, start)} of the write-ahead log is damaged")
        end = min(end, start + written * _PAGE)
        with view.cast("H") as halves:
            flags = halves[1 :: _PAGE // 2].tolist()
        (rest,) = struct.unpack_from("<I", view, _REST)
        parts = [
            view[_LONG:_PAGE],
            *(view[at + _SHORT : at + _PAGE] for at in range(_PAGE, written * _PAGE, _PAGE)),
        ]
        if end < start + SEGMENT:
            size = offset_of(end) & ~7
            data = b"".join(parts)[:size] + PADDING
        else:
            size = _WHOLE
            data = b"".join([*parts, PADDING])
        for part in parts:
            part.release()
    voids = [page for page, flag in enumerate(flags) if flag & _OVERWRITES]
    return Payload(
        start,
        data,
        size,
        0 if 0 in voids else rest,
        tuple(offset_of(start + page * _PAGE) for page in voids if page),
        written < pages,
    )


def _open(sources: Sequence[Path], tli: int, start: int, size: int) -> mmap.mmap:
    """A live segment can be archived and removed between two looks, so the first source is asked again."""
    name = segment_name(tli, start)
    for source in (*sources, sources[0]):
        try:
            with (source / name).open("rb") as file:
                if os.fstat(file.fileno()).st_size == SEGMENT:
                    return mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
        except FileNotFoundError:
            continue
    raise ClusterError(f"segment {name} of the write-ahead log at {Lsn(start)} is missing or not whole")
