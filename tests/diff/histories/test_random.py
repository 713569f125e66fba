"""Random histories on a cluster and its copy: every method finds exactly what looking at all rows finds."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.diff.histories.clusters import Cluster
from tests.diff.histories.judging import judge
from tests.diff.histories.stories import tell
from tests.diff.histories.worlds import played
from warubi_tui.diff.lineage import Lineage

_STORIES = 24


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seeds=st.lists(st.integers(0, 1 << 30), min_size=1, max_size=_STORIES, unique=True),
    running=st.booleans(),
)
def test_equals_brute_force(template: Cluster, seeds: list[int], running: bool) -> None:
    stories = [tell(seed, major=template.programs.major) for seed in seeds]
    with played(template, stories, running=running) as world:
        lineage = Lineage(world.fork.lsn, world.fork.next_xid)
        for then, now in world.databases():
            judge(then, now, lineage)
