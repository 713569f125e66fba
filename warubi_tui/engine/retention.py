"""What of logs and bases has to stay for those who need it. Everything else may go."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from warubi_tui.engine.lineage import Span
from warubi_tui.engine.store import BaseRow

FOREVER: Final = 1 << 62
"""A position behind everything that will ever be written."""

MOST_BASES: Final = 8
"""How many bases of one timeline are kept inside the history window."""

_CHECKPOINT: Final = 8192
"""More than the record takes that replay from a base begins with; it may go over a segment's end."""

Stretch = tuple[int, int]
"""A part of a log: [low, high)."""


@dataclass(frozen=True)
class Everything:
    """All there is of a history: somebody is reading it."""

    spans: Sequence[Span]


@dataclass(frozen=True)
class Since:
    """Every state of a history since `horizon` (µs)."""

    spans: Sequence[Span]
    horizon: int


@dataclass(frozen=True)
class Point:
    """The one state at the end of a history."""

    spans: Sequence[Span]


Need = Everything | Since | Point


@dataclass
class Kept:
    """What stays: stretches of log by timeline, and bases by their ids."""

    stretches: dict[str, list[Stretch]] = field(default_factory=lambda: defaultdict(list))
    bases: dict[str, BaseRow] = field(default_factory=dict)

    def gaps(self, timeline: str, low: int) -> list[Stretch]:
        """The parts of a timeline's log from `low` on that nobody needs."""
        gaps = []
        for start, end in sorted(self.stretches.get(timeline, ())):
            if start > low:
                gaps.append((low, start))
            low = max(low, end)
        return [*gaps, (low, FOREVER)] if low < FOREVER else gaps

    def size(self) -> int:
        """Bytes of all this; only differences mean something, for logs go on forever."""
        log = 0
        for timeline in self.stretches:
            log += FOREVER - sum(high - low for low, high in self.gaps(timeline, 0))
        return log + sum(base.size for base in self.bases.values())

    def _keep(self, path: "_Path") -> None:
        self.bases[path.base.id] = path.base
        for timeline, stretch in path.stretches:
            self.stretches[timeline].append(stretch)

    def _covers(self, path: "_Path") -> bool:
        return all(
            not any(gap_low < high and low < gap_high for gap_low, gap_high in self.gaps(timeline, 0))
            for timeline, (low, high) in path.stretches
        )


@dataclass(frozen=True)
class _Path:
    """The way from a base to the end of a history: the log of each timeline on it."""

    base: BaseRow
    stretches: Sequence[tuple[str, Stretch]]


def keep(needs: Iterable[Need]) -> Kept:
    """What satisfies all these needs, with at most `MOST_BASES` bases per timeline inside windows."""
    needs = list(needs)
    kept = Kept()
    spare: dict[str, dict[str, BaseRow]] = defaultdict(dict)
    for need in needs:
        match need:
            case Everything(spans):
                kept._keep(_path(spans, lambda _: False))
                kept.bases |= {base.id: base for span in spans for base in span.bases}
            case Since(spans, horizon):
                path = _path(spans, lambda base: base.taken_at <= horizon)
                kept._keep(path)
                for base in _behind(spans, path):
                    spare[base.timeline][base.id] = base
    for bases in spare.values():
        kept.bases |= {base.id: base for base in thin(bases.values(), kept.bases)}
    for need in needs:
        if isinstance(need, Point):
            shared = _path(need.spans, lambda base: base.id in kept.bases)
            kept._keep(shared if kept._covers(shared) else _path(need.spans, lambda _: True))
    return kept


def _path(spans: Sequence[Span], usable: Callable[[BaseRow], bool]) -> _Path:
    """From the newest usable base on; where none is, from the oldest there is."""
    stretches: list[tuple[str, Stretch]] = []
    oldest: _Path | None = None
    for span in spans:
        timeline = span.timeline.id
        found = next((base for base in reversed(span.bases) if usable(base)), None)
        first = found or next(iter(span.bases), None)
        if first is not None:
            end = max(span.high, first.start_lsn + _CHECKPOINT)
            oldest = _Path(first, [*stretches, (timeline, (first.start_lsn, end))])
            if found is not None:
                return oldest
        stretches.append((timeline, (span.low, span.high)))
    assert oldest is not None, "a history without a base"
    return oldest


def _behind(spans: Sequence[Span], path: _Path) -> list[BaseRow]:
    """The bases that come after the path's own."""
    bases: list[BaseRow] = []
    for span in spans:
        if span.timeline.id == path.base.timeline:
            return bases + [base for base in span.bases if base.end_lsn > path.base.end_lsn]
        bases += span.bases
    return bases


def thin(bases: Iterable[BaseRow], fixed: Iterable[str]) -> list[BaseRow]:
    """At most `MOST_BASES` of one timeline's bases, with the newest and those in `fixed`.

    They lie the closer, the nearer to the newest they are: most restores go back a little.
    """
    left = sorted(bases, key=lambda base: base.end_lsn)
    fixed = set(fixed)
    while len(left) > MOST_BASES:
        head = left[-1].end_lsn

        def lost(position: int, head: int = head) -> float:
            """How much longer replay gets without a base, for its distance from the newest."""
            before = left[position - 1].end_lsn if position else left[position].start_lsn
            return (left[position + 1].end_lsn - before) / (head - left[position].end_lsn + 1)

        candidates = [at for at, base in enumerate(left[:-1]) if base.id not in fixed]
        if not candidates:
            break
        del left[min(candidates, key=lost)]
    return left
