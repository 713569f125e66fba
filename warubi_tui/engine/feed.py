"""Feeding a standby by hand: it is given the log up to a position and no byte behind it."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from warubi_tui.engine.account import Account
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.lineage import Span
from warubi_tui.engine.site import Site
from warubi_tui.engine.wal import SEGMENT, record_end, segment_name


class Feed:
    """The log of one history, gathered in a folder of its own, and let into a standby's `pg_wal` bit by bit.

    Gathered segments are hard links: they outlive the removal of the files they come from. Segments that a
    standby may read as a whole are linked into `pg_wal` too. The one that holds the gate is a file of zeros
    into which the log before the gate is copied: PostgreSQL takes zeros for the log's present end.

    Where a timeline left its parent there is the parent's segment too. PostgreSQL replays the child's; the
    parent's it reads once more, from `pg_wal` alone, for what was prepared there and not yet committed
    (twophase.c, XlogReadTwoPhaseData).
    """

    def __init__(self, site: Site, gathered: Path, pg_wal: Path, start: int) -> None:
        self._site = site
        self.gathered = gathered
        self._pg_wal = pg_wal
        self._start = start - start % SEGMENT
        self._position = self._start
        self._names: dict[int, str] = {}
        self._left: dict[int, set[str]] = {}

    def gather(self, spans: Sequence[Span], end: int) -> None:
        """Links the segments up to `end` of this history, and its timelines' history files.

        Args:
            spans: newest first. They may reach further than before; they name the same history.

        Raises:
            ClusterError: a segment is missing or not whole, or the newest timeline's history file is missing.
        """
        for segment in range(self._start, end, SEGMENT):
            span = _span_of(spans, segment)
            name = segment_name(span.timeline.tli, segment)
            target = self.gathered / name
            if not target.exists() and not _link_first(span.sources(self._site), name, target):
                raise ClusterError(f"segment {name} of the write-ahead log is missing or not whole")
            self._names[segment] = name
        for span in spans[1:]:
            self._gather_left(span)
        for span in spans:
            found = span.timeline.tli == 1 or self._gather_history_file(span)
            if span is spans[0] and not found:
                raise ClusterError(f"the history file of timeline {span.timeline.tli} is missing")

    def _gather_history_file(self, span: Span) -> bool:
        name = f"{span.timeline.tli:08X}.history"
        target = self._pg_wal / name
        return target.exists() or _link_first(span.sources(self._site), name, target)

    def _gather_left(self, span: Span) -> None:
        segment = span.high - span.high % SEGMENT
        name = segment_name(span.timeline.tli, segment)
        target = self.gathered / name
        if segment >= self._start and (
            target.exists() or _link_first(span.sources(self._site), name, target)
        ):
            self._left.setdefault(segment, set()).add(name)

    def release(self, end: int) -> None:
        """Lets the standby read everything before `end`, which has been gathered."""
        while self._position < end:
            segment = self._position - self._position % SEGMENT
            if self._position == segment and segment + SEGMENT <= end:
                self._link(self._names[segment])
                self._link_left(segment)
                self._position = segment + SEGMENT
            else:
                self._fill(segment, min(end, segment + SEGMENT))

    def _fill(self, segment: int, end: int) -> None:
        name = self._names[segment]
        gate = self._pg_wal / name
        if self._position == segment:
            _make_zeros(gate, self._site.account)
            self._link_left(segment)
        with (
            (self.gathered / name).open("rb", buffering=0) as source,
            gate.open("rb+", buffering=0) as target,
        ):
            wanted = end - self._position
            block = os.pread(source.fileno(), wanted, self._position - segment)
            if os.pwrite(target.fileno(), block, self._position - segment) != wanted:
                raise ClusterError(f"segment {name} of the write-ahead log ends early")
        self._position = end

    def _link_left(self, segment: int) -> None:
        """Only beside the child's segment: PostgreSQL would replay the parent's instead."""
        for name in self._left.get(segment, ()):
            self._link(name)

    def _link(self, name: str) -> None:
        with suppress(FileExistsError):
            os.link(self.gathered / name, self._pg_wal / name)

    def end_of_record(self, start: int) -> int:
        """Where the record that begins at `start` (gathered) ends: its first four bytes are its length."""
        segment = start - start % SEGMENT
        with (self.gathered / self._names[segment]).open("rb") as source:
            length = int.from_bytes(os.pread(source.fileno(), 4, start - segment), "little")
        return record_end(start, length)

    def uniform_end(self) -> int:
        """How far the gathered segments bear the number of the timeline that the first one bears."""
        end = self._start
        first = self._names[self._start][:8]
        while self._names.get(end, "").startswith(first):
            end += SEGMENT
        return end


def _span_of(spans: Sequence[Span], segment: int) -> Span:
    """The span whose timeline's file PostgreSQL reads: the newest that has begun when the segment ends."""
    for span in spans[:-1]:
        if span.low < segment + SEGMENT:
            return span
    return spans[-1]


def _link_first(sources: Sequence[Path], name: str, target: Path) -> bool:
    """Links `name` from the first source that has it.

    A live segment can be archived and removed between two looks, so the archive has the last word.
    """
    for source in (*sources, sources[0]):
        with suppress(FileNotFoundError):
            if name.endswith(".history") or (source / name).stat().st_size == SEGMENT:
                os.link(source / name, target)
                return True
    return False


def _make_zeros(path: Path, account: Account) -> None:
    part = path.with_name("gate.part")
    part.touch(mode=0o600)
    os.truncate(part, SEGMENT)
    account.own(part)
    part.rename(path)
