"""What the logs of all timelines say, read once and kept.

Every finished segment of a timeline becomes a file in the timeline's own folder, so it goes with the
timeline; the segment that is still being written is kept in memory and read on from where it was left. A
file is final: the segment it tells of never changes. It is a cache: what is missing or damaged is read anew.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
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
from warubi_tui.engine.activity.slices import Open, Slice
from warubi_tui.engine.activity.workers import scan_all
from warubi_tui.engine.site import Site

_KEPT_BYTES: Final = 64 << 20


@dataclass
class _Known:
    """What has been read of one timeline: everything from `low` to `position`."""

    low: int
    position: int
    open: Open = field(default_factory=Open)
    finished: dict[int, Summary] = field(default_factory=dict)
    tail: Slice | None = None


class Index:
    """Reads logs and remembers. Safe to use from several threads; one reads at a time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._opened: OrderedDict[tuple[str, int], Slice] = OrderedDict()
        self.segments_read = 0

    def read(self, timeline: str, log: Log, low: int) -> list[tuple[Summary, Slice | None]]:
        """The summaries of a timeline from `low` to the log's limit or further, and the unfinished slice.

        Raises:
            ClusterError: the log cannot be read.
            OSError: the files cannot be written.
        """
        with self._lock:
            known = self._look_up(timeline, low)
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
                    self._known.pop(timeline, None)
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
            self.segments_read += 1
            piece.follow(known.open)
            if known.tail is None:
                known.tail = piece
            else:
                known.tail.extend(piece)
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

    def _look_up(self, timeline: str, low: int) -> _Known:
        known = self._known.get(timeline)
        if known is None or known.position < low:
            known = self._known[timeline] = self._load(timeline, low)
        if known.low < low:
            self._prune(timeline, known, low)
        return known

    def _load(self, timeline: str, low: int) -> _Known:
        """Takes up the files from `low` on, without a gap; the others are removed."""
        known = _Known(low, low)
        last: bytes | None = None
        for file in sorted(self._files(timeline)):
            data = file.read_bytes()
            try:
                summary = decode_summary(data)
                fits = summary.start == known.position or (not known.finished and summary.start <= low)
            except UnreadableSliceError:
                fits = False
            if fits and summary.end > low:
                known.finished[summary.segment], last = summary, data
                known.position = summary.end
            else:
                file.unlink(missing_ok=True)
        if last is not None:
            try:
                known.open = decode(last).open
            except UnreadableSliceError:
                self._file(timeline, max(known.finished)).unlink(missing_ok=True)
                return self._load(timeline, low)
        return known

    def _prune(self, timeline: str, known: _Known, low: int) -> None:
        known.low = low
        for segment in [segment for segment in known.finished if segment + SEGMENT <= low]:
            del known.finished[segment]
            self._opened.pop((timeline, segment), None)
            self._file(timeline, segment).unlink(missing_ok=True)

    def _folder(self, timeline: str) -> Path:
        return self._site.timeline(timeline) / "activity"

    def _file(self, timeline: str, segment: int) -> Path:
        return self._folder(timeline) / f"{segment:016X}"

    def _files(self, timeline: str) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            for file in self._folder(timeline).iterdir():
                if len(file.name) == 16:
                    yield file
