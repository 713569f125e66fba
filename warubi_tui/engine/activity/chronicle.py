"""The history of a branch in numbers, and transaction by transaction."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from warubi_tui.engine.activity.codec import Summary, UnreadableSliceError, count
from warubi_tui.engine.activity.index import Index
from warubi_tui.engine.activity.judging import Deeds, count_rows, judge, kind_of, written_by
from warubi_tui.engine.activity.names import Lineage, Names
from warubi_tui.engine.activity.scanning import Log
from warubi_tui.engine.activity.slices import ABORTED, Slice, rows_of
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.lineage import Span
from warubi_tui.engine.site import Site
from warubi_tui.engine.store import Store


@dataclass
class Bucket:
    """A stretch of time, [start, end) in µs.

    Attributes:
        rollbacks: transactions and parts of transactions, back to a savepoint, that wrote and were undone.
        ddl: commits that changed the schema.
    """

    start: int
    end: int
    commits: int
    rollbacks: int
    ddl: int
    deeds: Deeds


@dataclass(frozen=True)
class Transaction:
    """A transaction that committed and wrote something.

    Attributes:
        time: when it committed, µs.
        lsn: where the record of its commit begins.
        before_lsn: the LSN to restore to for the state just before it.
        kind: the gravest thing it did: DROP, TRUNCATE, DELETE, DDL, UPDATE or INSERT.
    """

    time: int
    lsn: int
    before_lsn: int
    xid: int
    kind: str
    deeds: Deeds


@dataclass(frozen=True)
class Part:
    """A segment of a branch's history, as far as it is the branch's: [low, high)."""

    timeline: str
    low: int
    high: int
    summary: Summary
    unfinished: Slice | None


class Chronicle:
    """Tells what happened on branches, from what the index and the names know."""

    def __init__(self, site: Site, store: Store) -> None:
        self._site = site
        self.names = Names(store)
        self.index = Index(site, self.names.learn)

    def buckets(self, spans: Sequence[Span], low: int, high: int, number: int) -> list[Bucket]:
        """What happened in `number` equal stretches of [low, high), µs.

        Raises:
            ClusterError, OSError: the log cannot be read.
        """
        edges = [low + (high - low) * position // number for position in range(number + 1)]
        buckets = [Bucket(left, right, 0, 0, 0, Deeds()) for left, right in pairwise(edges)]
        parts = self._parts(spans)
        lineage = self.names.lineage(spans)
        for part in parts:
            self._count(part, lineage, edges, buckets)
        return buckets

    def transactions(self, spans: Sequence[Span], low: int, high: int, after: int) -> Iterator[Transaction]:
        """Transactions that committed in [low, high) µs and whose commit begins behind the LSN `after`.

        Raises:
            ClusterError, OSError: the log cannot be read.
        """
        parts = self._parts(spans)
        lineage = self.names.lineage(spans)
        for place, part in enumerate(parts):
            summary = part.summary
            if summary.first is None or summary.last is None or part.high <= after:
                continue
            if summary.last < low or summary.first >= high:
                continue
            piece = self._open(part)
            for position, time in enumerate(piece.times):
                lsn = piece.lsn(position)
                if not low <= time < high or piece.shapes[position] == ABORTED:
                    continue
                if not max(part.low, after + 1) <= lsn < part.high:
                    continue
                change = piece.changes.get(position)
                deeds = _deeds(piece, position, lineage)
                kind = kind_of(deeds, change)
                if kind is not None:
                    limit = lsn if change is None or change.before is None else change.before
                    before = self._end_before(parts, place, limit)
                    yield Transaction(time, lsn, before, piece.xids[position], kind, deeds)

    def _parts(self, spans: Sequence[Span]) -> list[Part]:
        """The segments of a history, oldest first."""
        found = []
        for span in reversed(spans):
            sources = span.sources(self._site)
            log = Log(sources, span.timeline.tli, span.high, self._site.programs.major)
            for summary, unfinished in self.index.read(span.timeline.id, log, span.low):
                if summary.start < span.high:
                    found.append(Part(span.timeline.id, span.low, span.high, summary, unfinished))
        return found

    def _open(self, part: Part) -> Slice:
        if part.unfinished is not None:
            return part.unfinished
        try:
            return self.index.open(part.timeline, part.summary)
        except UnreadableSliceError as error:
            raise ClusterError(f"what was read of the log is damaged: {error}; ask again") from error

    def _end_before(self, parts: Sequence[Part], place: int, limit: int) -> int:
        """Where the last transaction ended before the record at `limit`; else where the history begins."""
        for part in reversed(parts[: place + 1]):
            if part.summary.first is not None and part.summary.start < limit:
                piece = self._open(part)
                position = bisect_left(piece.offsets, min(limit, part.high) - piece.segment) - 1
                if position >= 0 and piece.lsn(position) >= part.low:
                    return piece.end_lsn(position)
        return parts[0].low

    def _count(self, part: Part, lineage: Lineage, edges: Sequence[int], buckets: Sequence[Bucket]) -> None:
        summary = part.summary
        if summary.first is None or summary.last is None:
            return
        if summary.last < edges[0] or summary.first >= edges[-1]:
            return
        place = _place(edges, summary.first)
        alone = not summary.changes and place == _place(edges, summary.last) and 0 <= place < len(buckets)
        if alone and part.low <= summary.start and summary.end <= part.high:
            bucket = buckets[place]
            bucket.commits += summary.commits
            bucket.rollbacks += summary.rollbacks
            count_rows(bucket.deeds, lineage, summary.written, summary.start)
            return
        piece = self._open(part)
        whole = part.low <= summary.start and summary.end <= part.high
        ordered = piece if whole else piece.between(part.low, part.high)
        self._count_piece(ordered.by_time(), lineage, edges, buckets)

    def _count_piece(
        self, piece: Slice, lineage: Lineage, edges: Sequence[int], buckets: Sequence[Bucket]
    ) -> None:
        times = piece.times
        if not times:
            return
        begin, last = max(_place(edges, times[0]), 0), min(_place(edges, times[-1]), len(buckets) - 1)
        for place in range(begin, last + 1):
            bucket = buckets[place]
            first = bisect_left(times, edges[place])
            behind = bisect_left(times, edges[place + 1], first)
            if first == behind:
                continue
            commits, rollbacks, _, written = count(piece, first, behind)
            bucket.commits += commits
            bucket.rollbacks += rollbacks
            count_rows(bucket.deeds, lineage, written, piece.start)
        for position, change in piece.changes.items():
            place = _place(edges, piece.times[position])
            if 0 <= place < len(buckets):
                bucket = buckets[place]
                bucket.ddl += change.catalog
                bucket.deeds.add(_deeds(piece, position, lineage))


def _place(edges: Sequence[int], time: int) -> int:
    """The bucket that a time is in."""
    return bisect_right(edges, time) - 1


def _deeds(piece: Slice, position: int, lineage: Lineage) -> Deeds:
    rows = rows_of(piece.forms[piece.shapes[position]])
    change = piece.changes.get(position)
    lsn = piece.lsn(position)
    if change is not None:
        return judge(change, lineage, rows, lsn)
    deeds = Deeds()
    count_rows(deeds, lineage, written_by(rows), lsn)
    return deeds
