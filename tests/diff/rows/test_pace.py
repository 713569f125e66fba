"""How a relation is walked is learnt from its first steps."""

from itertools import pairwise

import pytest

from warubi_tui.diff.rows.pace import Pace


def walk(pace: Pace, blocks: int, *, single: float, ranges: float, differing: float) -> list[tuple[int, int]]:
    """Width and length of each step, where a block takes so many seconds and a share of the marks differs."""
    steps = []
    for first, end in pace.steps(blocks):
        width = pace.width
        steps.append((width, end - first))
        marks = -(-(end - first) // width)
        pace.learn(
            end - first, (single if width == 1 else ranges) * (end - first), marks, int(marks * differing)
        )
    return steps


def test_ranges_are_kept_where_few_of_them_differ() -> None:
    assert walk(Pace(single=False), 20_000, single=0.1, ranges=1, differing=0.4) == [
        (64, 512),
        (64, 8192),
        (64, 8192),
        (64, 3104),
    ]


def test_single_blocks_are_marked_where_that_is_faster() -> None:
    steps = walk(Pace(single=False), 10_000, single=1, ranges=1.5, differing=0.9)
    assert steps == [(64, 512), (1, 512), (1, 8192), (1, 784)]


def test_ranges_come_back_where_single_blocks_are_slower() -> None:
    steps = walk(Pace(single=False), 10_000, single=1.5, ranges=1, differing=0.9)
    assert steps == [(64, 512), (1, 512), (64, 8192), (64, 784)]


def test_contents_are_read_once() -> None:
    assert walk(Pace(single=True), 9000, single=1, ranges=9, differing=0.9) == [(1, 8192), (1, 808)]


@pytest.mark.parametrize("blocks", [0, 1, 511, 512, 513, 1024, 9000, 100_000])
@pytest.mark.parametrize("differing", [0.0, 1.0])
def test_every_block_is_looked_at_once(blocks: int, differing: float) -> None:
    pace = Pace(single=False)
    steps = []
    for first, end in pace.steps(blocks):
        steps.append((first, end))
        pace.learn(end - first, 1, 10, int(10 * differing))
    assert sum(end - first for first, end in steps) == blocks
    assert all(one[1] == other[0] for one, other in pairwise(steps))
    assert all(first % 64 == 0 for first, _ in steps)
