"""Which record of the log a wish ("14:05", an LSN, now) means: the last commit that the state includes."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from warubi_tui.engine.lineage import Span
from warubi_tui.engine.site import Site
from warubi_tui.engine.store import BaseRow
from warubi_tui.engine.wal import Ending, endings


@dataclass(frozen=True)
class Target:
    """A state in a history, named by the last transaction end it includes.

    Attributes:
        spans: the history from the timeline the state lies on back to the root, newest first.
        base: where replay starts.
        stop: the record that ends the last included transaction; None means the base itself.
        following: the first transaction end that is not included, where one is known.
    """

    spans: tuple[Span, ...]
    base: BaseRow
    stop: Ending | None
    following: Ending | None

    @property
    def lsn(self) -> int:
        """The position that names the state."""
        return self.stop.end if self.stop else self.base.end_lsn

    @property
    def time(self) -> int:
        """When the last included transaction ended, or the base was taken; µs."""
        return self.stop.time if self.stop else self.base.taken_at


class NothingThereError(Exception):
    """The history does not reach back to the wish."""


def find_at_time(site: Site, spans: Sequence[Span], time: int) -> Target:
    """The state with exactly the transactions that ended at or before `time` (µs), read in log order."""
    return _find(site, spans, lambda ending: ending.time <= time, lambda base: base.taken_at <= time)


def find_at_lsn(site: Site, spans: Sequence[Span], lsn: int) -> Target:
    """The state with every transaction whose end is in the log before `lsn`."""
    return _find(site, spans, lambda ending: ending.end <= lsn, lambda base: base.end_lsn <= lsn)


def find_head(site: Site, spans: Sequence[Span]) -> Target:
    """The newest state."""
    return _find(site, spans, lambda _: True, lambda _: True)


def find_commits(site: Site, spans: Sequence[Span], low: int, high: int) -> list[Target]:
    """The state after each commit whose end lies in (low, high], oldest first. Raises NothingThereError."""
    found: list[Ending] = []
    for span in reversed(spans):
        start, end = max(span.low, low), span.high
        with closing(endings(site, span.sources(site), span.timeline.tli, start, end)) as passing:
            for ending in passing:
                if ending.end > high:
                    break
                if ending.committed and ending.end > low:
                    found.append(ending)
    following = [*found[1:], None]
    return [
        Target(tuple(spans), newest_base(spans, commit.start), commit, after)
        for commit, after in zip(found, following, strict=True)
    ]


def _find(
    site: Site,
    spans: Sequence[Span],
    includes: Callable[[Ending], bool],
    base_is_included: Callable[[BaseRow], bool],
) -> Target:
    following: Ending | None = None
    for position, span in enumerate(spans):
        rest = tuple(spans[position:])
        included = [base for base in span.bases if base_is_included(base)]
        start = included[-1].end_lsn if included else span.low
        last, after = _last_included(site, span, start, includes)
        following = after or following
        if last is not None:
            return Target(rest, newest_base(rest, last.start), last, following)
        if included:
            return Target(rest, included[-1], None, following)
    raise NothingThereError


def _last_included(
    site: Site, span: Span, start: int, includes: Callable[[Ending], bool]
) -> tuple[Ending | None, Ending | None]:
    last: Ending | None = None
    with closing(endings(site, span.sources(site), span.timeline.tli, start, span.high)) as found:
        for ending in found:
            if not includes(ending):
                return last, ending
            last = ending
    return last, None


def newest_base(spans: Sequence[Span], lsn: int) -> BaseRow:
    """The base from which the fewest bytes are replayed up to `lsn`. Raises NothingThereError."""
    for span in spans:
        usable = [base for base in span.bases if base.end_lsn <= lsn]
        if usable:
            return usable[-1]
    raise NothingThereError
