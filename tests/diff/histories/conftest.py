"""Clusters that can be copied."""

from collections.abc import Iterator

import pytest

from tests.diff.histories.clusters import Cluster, founded
from warubi_tui.engine.account import Account
from warubi_tui.engine.programs import Programs


@pytest.fixture(scope="session")
def template(programs: Programs, account: Account) -> Iterator[Cluster]:
    """A stopped cluster to make others of."""
    with founded(programs, account) as cluster:
        yield cluster
