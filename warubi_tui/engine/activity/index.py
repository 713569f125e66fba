"""What the logs of all timelines say, read once and kept.

Every finished segment of a timeline becomes a file in the timeline's own folder, so it goes with the
timeline; the segment that is still being written is kept in memory and read on from where it was left. A
file is final: the segment it tells of never changes. It is a cache: what is missing or damaged is read anew.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from warubi_tui.engine.activity.codec import (
    Summary,
    UnreadableSliceError,
    decode,
    decode_summary,
    encode,
    summarize,
)
from warubi_tui.engine.activity.pages import SEGMENT
from warubi_tui.engine.activity.scanning import Log
from warubi_tui.engine.activity.slices import Open, Slice, joined
from warubi_tui.engine.activity.workers import scan_all
from warubi_tui.engine.site import Site

_KEPT_BYTES: Final = 64 << 20


@dataclass
class _Known:
    """What has been read of one timeline up to `position`."""

    position: int
    open: Open = field(default_factory=Open)
    finished: dict[int, Summary] = field(default_factory=dict)
    tail: Slice | None = None


class Index:
    """Reads logs and remembers. Safe to use from several threads; one reads at a time.

    Args:
        learn: is told what is read, once, with the timeline's id.

    Attributes:
        bytes_read: of the log of each timeline.
    """

    def __init__(self, site: Site, learn: Callable[[str, Slice], None]) -> None:
        self._site = site
        self._learn = learn
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], _Known] = {}
        self._opened: OrderedDict[tuple[str, int], Slice] = OrderedDict()
        self.bytes_read: Counter[str] = Counter()

    def read(self, timeline: str, log: Log, low: int) -> list[tuple[Summary, Slice | None]]:
        """The segments of a timeline from the one of `low` to the log's limit or further, oldest first.

        An unfinished segment comes with its slice; the others can be opened.

        Raises:
            ClusterError: the log cannot be read.
            OSError: the files cannot be written.
        """
        with self._lock:
            known = self._known.get((timeline, low))
            if known is None:
                self._forget_removed()
                known = self._known[timeline, low] = self._load(timeline, log, low)
            if known.position < log.limit:
                self._advance(timeline, known, log)
            found: list[tuple[Summary, Slice | None]] = [(one, None) for one in known.finished.values()]
            if known.tail is not None:
                found.append((summarize(known.tail), known.tail))
            return found

    def open(self, timeline: str, summary: Summary) -> Slice:
        """The slice of a finished segment.

        Raises:
            UnreadableSliceError: its file is gone or damaged; the next `read` reads the log again.
        """
        key = (timeline, summary.segment)
        with self._lock:
            piece = self._opened.get(key)
            if piece is None:
                try:
                    piece = decode(self._file(timeline, summary.segment).read_bytes())
                except (OSError, UnreadableSliceError) as error:
                    self._known.clear()
                    self._file(timeline, summary.segment).unlink(missing_ok=True)
                    raise UnreadableSliceError(str(error)) from error
                self._opened[key] = piece
            self._opened.move_to_end(key)
            while sum(one.size for one in self._opened.values()) > _KEPT_BYTES and len(self._opened) > 1:
                self._opened.popitem(last=False)
            return piece

    def _advance(self, timeline: str, known: _Known, log: Log) -> None:
        position = known.position
        following = position - position % SEGMENT + SEGMENT
        starts = [position, *range(following, log.limit, SEGMENT)]
        for piece in scan_all(log, starts):
            self.bytes_read[timeline] += piece.end - piece.start
            piece.follow(known.open)
            self._learn(timeline, piece)
            if known.tail is None:
                known.tail = piece
            else:
                known.tail = joined(known.tail, piece)
            known.open, known.position = piece.open, piece.end
            if piece.end < piece.segment + SEGMENT:
                return
            self._finish(timeline, known, known.tail)
            known.tail = None

    def _finish(self, timeline: str, known: _Known, piece: Slice) -> None:
        summary = summarize(piece)
        folder = self._folder(timeline)
        folder.mkdir(mode=0o700, exist_ok=True)
        part = folder / "part"
        part.write_bytes(encode(piece, summary))
        part.rename(self._file(timeline, piece.segment))
        known.finished[piece.segment] = summary

    def _load(self, timeline: str, log: Log, low: int) -> _Known:
        """Takes up the files from `low` on, without a gap. Those whose segment is gone are removed."""
        known = _Known(low)
        last: bytes | None = None
        for file in sorted(self._files(timeline)):
            data = file.read_bytes()
            try:
                summary = decode_summary(data)
                if not log.has(summary.segment):
                    raise UnreadableSliceError("its segment was pruned")
            except UnreadableSliceError:
                file.unlink()
                continue
            first = not known.finished and summary.start <= low < summary.end
            if first or (known.finished and summary.start == known.position):
                known.finished[summary.segment], last = summary, data
                known.position = summary.end
        if last is not None:
            try:
                known.open = decode(last).open
            except UnreadableSliceError:
                self._file(timeline, max(known.finished)).unlink()
                return self._load(timeline, log, low)
        return known

    def _forget_removed(self) -> None:
        for timeline, low in list(self._known):
            if not self._site.timeline(timeline).exists():
                del self._known[timeline, low]

    def _folder(self, timeline: str) -> Path:
        return self._site.timeline(timeline) / "activity"

    def _file(self, timeline: str, segment: int) -> Path:
        return self._folder(timeline) / f"{segment:016X}"

    def _files(self, timeline: str) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            for file in self._folder(timeline).iterdir():
                if len(file.name) == 16:
                    yield file
