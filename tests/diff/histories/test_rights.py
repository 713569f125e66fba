"""Rows that a role may not see: every method says so and none counts a smaller table."""

from collections.abc import Iterator

import pytest

from tests.diff.histories.clusters import Cluster, Fork, copied
from tests.diff.histories.judging import FORCED, compare
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.model import Method
from warubi_tui.secret import Secret

_METHODS: list[Method | None] = [None, *FORCED]

_MADE = (
    "CREATE ROLE limited LOGIN",
    "CREATE TABLE filtered (id int PRIMARY KEY, v text)",
    "INSERT INTO filtered SELECT n, 'x' FROM generate_series(1, 50) n",
    "ALTER TABLE filtered ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY few ON filtered USING (id < 10)",
    "CREATE TABLE filtered_now (id int PRIMARY KEY, v text)",
    "INSERT INTO filtered_now SELECT n, 'x' FROM generate_series(1, 50) n",
    "CREATE TABLE closed (id int PRIMARY KEY, v text)",
    "INSERT INTO closed SELECT n, 'x' FROM generate_series(1, 50) n",
    "CREATE TABLE partly (id int PRIMARY KEY, secret text, v text)",
    "INSERT INTO partly SELECT n, 's', 'x' FROM generate_series(1, 50) n",
    "CREATE TABLE partly_bag (secret text, v int)",
    "INSERT INTO partly_bag SELECT 's', n / 2 FROM generate_series(1, 50) n",
    "CREATE TABLE keyless (id int PRIMARY KEY, v text)",
    "INSERT INTO keyless SELECT n, 'x' FROM generate_series(1, 50) n",
    "CREATE TABLE split (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
    "CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (26)",
    "CREATE TABLE split_2 PARTITION OF split FOR VALUES FROM (26) TO (99)",
    "INSERT INTO split SELECT n, 'x' FROM generate_series(1, 50) n",
    "ALTER TABLE split_2 ENABLE ROW LEVEL SECURITY",
    "CREATE TABLE open (id int PRIMARY KEY, v text)",
    "INSERT INTO open SELECT n, 'x' FROM generate_series(1, 50) n",
    "GRANT SELECT ON filtered, filtered_now, split, open TO limited",
    "GRANT SELECT (id, v) ON partly TO limited",
    "GRANT SELECT (v) ON partly_bag, keyless TO limited",
)


@pytest.fixture(scope="module")
def fork(template: Cluster) -> Iterator[tuple[Cluster, Fork]]:
    """A cluster and its copy; a role that may not see everything."""
    with copied(template, "rights") as original:
        original.run(*_MADE)
        fork = original.fork_running("copy")
        try:
            original.run(
                *(f"UPDATE {table} SET v = 'y' WHERE id = 40" for table in ("filtered", "closed", "keyless")),
                "UPDATE filtered_now SET v = 'y' WHERE id = 40",
                "ALTER TABLE filtered_now ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY few ON filtered_now USING (id < 10)",
                "UPDATE partly SET v = 'y' WHERE id = 40",
                "UPDATE partly SET secret = 'y' WHERE id = 41",
                "UPDATE partly_bag SET secret = 'y' WHERE v = 5",
                "UPDATE split SET v = 'y' WHERE id IN (5, 40)",
                "UPDATE open SET v = 'y' WHERE id = 40",
            )
            yield original, fork
        finally:
            fork.copy.remove()


@pytest.mark.parametrize("method", _METHODS)
def test_never_a_smaller_table(fork: tuple[Cluster, Fork], method: Method | None) -> None:
    original, branch = fork
    then, now = (uri.replace("postgres@", "limited@") for uri in (branch.copy.uri(), original.uri()))
    said = compare(then, now, lineage=Lineage(branch.lsn, branch.next_xid), method=method)
    for name in ("filtered", "filtered_now", "closed"):
        assert said[name].table.not_compared, name
        assert (said[name].table.method, said[name].table.total) == ("none", 0), name
    assert "row-level security" in str(said["filtered"].table.not_compared)
    open_ = said["open"].table
    if method != "multiset":
        assert (open_.not_compared, open_.changed) == (None, 1)
    for name, column in (("partly", "secret"), ("partly_bag", "secret"), ("keyless", "id")):
        table = said[name].table
        assert table.not_compared is not None or column in table.left_out, name
    partly = said["partly"].table
    assert partly.not_compared is not None or (partly.removed, partly.added, partly.changed) == (0, 0, 1)
    split = said["split"].table
    assert split.not_compared is not None or split.changed == 2


async def test_a_column_left_out_makes_the_comparison_incomplete(fork: tuple[Cluster, Fork]) -> None:
    original, branch = fork
    then, now = (uri.replace("postgres@", "limited@") for uri in (branch.copy.uri(), original.uri()))
    async with DatabaseDiff(Secret(then), Secret(now), tables=["partly"]) as diff:
        (table,) = (await diff.run()).tables
        assert (table.not_compared, table.changed, list(table.left_out)) == (None, 1, ["secret"])
        assert not diff.complete
    async with DatabaseDiff(Secret(then), Secret(now), tables=["open"]) as diff:
        assert (await diff.run()).complete


def test_a_role_that_may_see_everything_sees_it(fork: tuple[Cluster, Fork]) -> None:
    original, branch = fork
    said = compare(branch.copy.uri(), original.uri(), lineage=Lineage(branch.lsn, branch.next_xid))
    assert {name: about.table.total for name, about in said.items()} == {
        "filtered": 1,
        "filtered_now": 1,
        "closed": 1,
        "partly": 2,
        "partly_bag": 4,
        "keyless": 1,
        "split": 2,
        "open": 1,
    }
    assert all(about.table.not_compared is None and not about.table.left_out for about in said.values())
