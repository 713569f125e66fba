"""What has to stay: worked out on histories made of rows alone."""

import random
from itertools import pairwise

from warubi_tui.engine.lineage import Span
from warubi_tui.engine.retention import FOREVER, MOST_BASES, Everything, Kept, Need, Point, Since, keep, thin
from warubi_tui.engine.store import BaseRow, TimelineRow

MB = 1 << 20
SIZE = 30 * MB


def base(end: int, timeline: str = "main") -> BaseRow:
    """A base at this many MB, taken in the second of the same number; replay from it begins 1 MB before."""
    return BaseRow(f"{timeline}-{end}", timeline, end * MB, end * 1_000_000, SIZE, (end - 1) * MB)


def span(low: int, high: int | None, *ends: int, timeline: str = "main") -> Span:
    """A part of a history, in MB; without a high end it goes on."""
    row = TimelineRow(timeline, None, None, 1, "ready", 0)
    bases = tuple(base(end, timeline) for end in ends)
    return Span(row, low * MB, FOREVER if high is None else high * MB, bases)


def since(second: int, *spans: Span) -> Since:
    return Since(spans, second * 1_000_000)


def gaps(kept: Kept, timeline: str = "main") -> list[tuple[int, int | None]]:
    """In MB, from the timeline's beginning."""
    return [(low // MB, None if high == FOREVER else high // MB) for low, high in kept.gaps(timeline, low=0)]


def test_a_window_keeps_the_newest_base_before_it_and_everything_after() -> None:
    kept = keep([since(35, span(10, None, 10, 20, 30, 40, 50))])
    assert set(kept.bases) == {"main-30", "main-40", "main-50"}
    assert gaps(kept) == [(0, 29)]


def test_a_base_of_exactly_the_windows_beginning_is_enough() -> None:
    assert set(keep([since(30, span(10, None, 10, 30))]).bases) == {"main-30"}


def test_where_no_base_is_so_old_everything_stays() -> None:
    kept = keep([since(5, span(10, None, 10, 20))])
    assert set(kept.bases) == {"main-10", "main-20"}
    assert gaps(kept) == [(0, 9)]


def test_a_branch_without_a_base_needs_its_parents_up_to_the_fork() -> None:
    parent = span(10, 25, 10, 20)
    child = span(25, None, timeline="child")
    kept = keep([since(60, child, parent), since(60, span(10, None, 10, 20, 50))])
    assert set(kept.bases) == {"main-20", "main-50"}
    assert gaps(kept) == [(0, 19), (25, 49)]
    assert gaps(kept, "child") == [(0, 25)]
    own = span(25, None, 30, timeline="child")
    kept = keep([since(60, own, parent), since(60, span(10, None, 10, 20, 50))])
    assert set(kept.bases) == {"child-30", "main-50"}
    assert gaps(kept) == [(0, 49)]
    assert gaps(kept, "child") == [(0, 29)]


def test_a_snapshot_keeps_one_base_and_the_log_between() -> None:
    kept = keep([Point([span(10, 27, 10, 20)]), since(60, span(10, None, 10, 20, 30, 50))])
    assert set(kept.bases) == {"main-20", "main-50"}
    assert gaps(kept) == [(0, 19), (27, 49)]


def test_a_snapshot_inside_the_window_needs_nothing_more() -> None:
    window = since(20, span(10, None, 10, 20, 30, 50))
    alone, both = keep([window]), keep([window, Point([span(10, 27, 10, 20)])])
    assert (both.bases, gaps(both)) == (alone.bases, gaps(alone))


def test_what_is_read_stays_whole() -> None:
    history = span(10, None, *range(10, 40))
    kept = keep([Everything([history]), since(38, history)])
    assert len(kept.bases) == 30
    assert gaps(kept) == [(0, 9)]


def test_what_one_need_costs_is_the_difference_it_makes() -> None:
    window = since(60, span(10, None, 10, 20, 30, 50))
    with_snapshot = keep([window, Point([span(10, 27, 10, 20)])]).size()
    assert with_snapshot - keep([window]).size() == SIZE + 8 * MB


def test_of_many_bases_those_stay_that_shorten_most_replays() -> None:
    bases = [base(end) for end in range(10, 1010, 10)]
    left = thin(bases, {"main-10"})
    ends = [one.end_lsn // MB for one in left]
    assert len(left) == MOST_BASES
    assert (ends[0], ends[-1]) == (10, 1000)
    distances = [1000 - end for end in ends[:-1]]
    assert all(nearer < farther for farther, nearer in pairwise(distances))
    assert distances[-1] <= 50
    assert all(farther <= 4 * nearer for farther, nearer in pairwise(distances))
    assert thin(left, {"main-10"}) == left
    assert len(thin(bases, {one.id for one in bases})) == len(bases)


def test_pruning_again_finds_nothing_more_and_never_takes_what_is_needed() -> None:
    """Random windows, forks and snapshots: what stays satisfies each, and the plan is stable."""
    for seed in range(200):
        chance = random.Random(seed)
        ends = sorted(chance.sample(range(10, 200), chance.randint(1, 20)))
        history = span(ends[0], None, *ends)
        points = [chance.randint(ends[0], 220) for _ in range(chance.randint(0, 5))]
        second = chance.randint(0, 250)

        def needs(left: list[int], history: Span, points: list[int], second: int) -> list[Need]:
            rest = [Point([span(history.low // MB, at, *(e for e in left if e <= at))]) for at in points]
            return [since(second, span(history.low // MB, None, *left)), *rest]

        kept = keep(needs(ends, history, points, second))
        left = sorted(one.end_lsn // MB for one in kept.bases.values())
        again = keep(needs(left, history, points, second))
        assert (again.bases, gaps(again)) == (kept.bases, gaps(kept))
        for at in points:
            start = max(end for end in left if end <= at)
            assert not any(low < at and start - 1 < (high or at) for low, high in gaps(kept)), seed
