"""Random histories on a cluster and its copy: every method finds exactly what looking at all rows finds."""

from types import ModuleType
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.diff.histories.clusters import Cluster
from tests.diff.histories.judging import judge
from tests.diff.histories.stories import tell
from tests.diff.histories.worlds import played
from warubi_tui.diff import candidates, sorting
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.rows import blockwise, buckets, fetch, pace, statements

_STORIES: Final = 20
"""In one world. What fails names its table: `t` and the seed of its story."""

_SMALL: Final[list[tuple[ModuleType, str, int]]] = [
    (pace, "_WIDTH", 4),
    (pace, "_TRIAL", 8),
    (pace, "_STEP", 16),
    (blockwise, "_LISTED", 2),
    (blockwise, "_DIGESTED", 3),
    (buckets, "_SORTED", 4),
    (fetch, "BATCH_ROWS", 5),
    (statements, "BUCKETS", 8),
    (statements, "SHELF_BUCKETS", 2),
    (sorting, "_BATCH_ROWS", 7),
    (candidates, "_SLICE_ROWS", 5),
]
"""Sizes of what is done at once, so small that a table of a few blocks takes every turn a large one takes."""


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seeds=st.lists(st.integers(0, 1 << 30), min_size=_STORIES, max_size=_STORIES, unique=True),
    running=st.booleans(),
    small=st.booleans(),
)
def test_equals_brute_force(template: Cluster, seeds: list[int], running: bool, small: bool) -> None:
    stories = [tell(seed, major=template.programs.major) for seed in seeds]
    with pytest.MonkeyPatch.context() as patch, played(template, stories, running=running) as world:
        for module, name, value in _SMALL if small else ():
            patch.setattr(module, name, value)
        lineage = Lineage(world.fork.lsn, world.fork.next_xid)
        for then, now in world.databases():
            judge(then, now, lineage)
