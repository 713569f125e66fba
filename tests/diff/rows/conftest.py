"""A cluster and its copy, whose histories part where it is known."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.diff.histories.clusters import Cluster, Fork, copied, founded
from warubi_tui.engine.account import Account
from warubi_tui.engine.programs import Programs

# Some 60 blocks: more than one range of marks, so that steps and ranges can be small.
MADE = (
    "CREATE TABLE wide (id int PRIMARY KEY, v int, pad varchar(2000))",
    "ALTER TABLE wide ALTER pad SET STORAGE PLAIN",
    "INSERT INTO wide SELECT n, 0, repeat('x', 1000) FROM generate_series(1, 1400) n",
    "CREATE TABLE bag (v int, pad text)",
    "INSERT INTO bag SELECT n / 2, 'x' FROM generate_series(1, 1000) n",
    "CREATE TABLE parted (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)",
    "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (500)",
    "CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (500) TO (2000)",
    "INSERT INTO parted SELECT n, 0 FROM generate_series(1, 1000) n",
)


@dataclass(frozen=True)
class Forked:
    """The original goes on and is `now`; the copy is `then`."""

    original: Cluster
    fork: Fork

    @property
    def then(self) -> str:
        return self.fork.copy.uri()

    @property
    def now(self) -> str:
        return self.original.uri()


@pytest.fixture(scope="session")
def founding(programs: Programs, account: Account) -> Iterator[Cluster]:
    with founded(programs, account) as cluster:
        yield cluster


@pytest.fixture
def forked(founding: Cluster) -> Iterator[Forked]:
    """Two servers that hold the same rows, and wrote nothing since."""
    with copied(founding, "original") as original:
        original.run(*MADE)
        fork = original.fork_stopped("copy")
        try:
            yield Forked(original, fork)
        finally:
            fork.copy.remove()


@pytest.fixture
def frozen(founding: Cluster) -> Iterator[Forked]:
    """The same with a copy that stays in recovery."""
    with copied(founding, "original") as original:
        original.run(*MADE)
        fork = original.fork_running("copy", frozen=True)
        try:
            yield Forked(original, fork)
        finally:
            fork.copy.remove()
