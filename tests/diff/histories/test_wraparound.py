"""Comparison by row headers where transaction ids pass 2^32, and where they ran too far to be compared."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.diff.histories.clusters import Cluster, copied
from tests.diff.histories.judging import Said, judge
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.rows.horizon import find_horizon
from warubi_tui.diff.rows.physical import Physical, read_physical
from warubi_tui.postgres.session import session
from warubi_tui.secret import Secret

EPOCH = 1 << 32

MADE = (
    "CREATE TABLE t (id int PRIMARY KEY, v text)",
    "INSERT INTO t SELECT n, 'old' FROM generate_series(1, 100) n",
    "CREATE TABLE quiet (id int PRIMARY KEY, v text)",
    "INSERT INTO quiet SELECT n, 'old' FROM generate_series(1, 100) n",
)


@pytest.fixture
def cluster(template: Cluster) -> Iterator[Cluster]:
    """A cluster of epoch 0 with two tables of a hundred rows."""
    with copied(template, "wrapping") as cluster:
        cluster.run(*MADE)
        yield cluster


def run_on(cluster: Cluster, xid: int) -> None:
    """Goes on with `xid`, nearly an epoch later. The tables were last altered not long before."""
    for step in (2_000_000_000, 4_000_000_000):
        cluster.reset_next_xid(step)
    cluster.run("ALTER TABLE t SET (fillfactor = 100)", "ALTER TABLE quiet SET (fillfactor = 100)")
    cluster.reset_next_xid(xid)


def burn(cluster: Cluster, count: int) -> None:
    """Assigns transaction ids."""
    cluster.run(
        f"DO $$ BEGIN FOR i IN 1..{count} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
    )


def burn_up_to(cluster: Cluster, xid: int) -> None:
    """Makes `xid` (64 bit) the next one that is assigned."""
    burn(cluster, xid - int(cluster.ask("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")))


async def physical(cluster: Cluster) -> Physical:
    async with session(Secret(cluster.uri()), purpose="test") as connection:
        return await read_physical(connection)


def judged(original: Cluster, copy: Cluster, lineage: Lineage) -> dict[str, Said]:
    return judge(copy.uri(), original.uri(), lineage)


def numbers(said: Said) -> tuple[str, int, int, int]:
    table = said.table
    return table.method, table.removed, table.added, table.changed


def test_ids_pass_the_end_of_an_epoch_after_the_fork(cluster: Cluster) -> None:
    run_on(cluster, EPOCH - 300)
    cluster.run("UPDATE t SET v = 'before' WHERE id <= 10")
    fork = cluster.fork_running("copy")
    try:
        assert EPOCH - 300 < fork.next_xid < EPOCH
        cluster.run("DELETE FROM t WHERE id = 11", "UPDATE t SET v = 'x' WHERE id = 12")
        fork.copy.run("UPDATE t SET v = 'y' WHERE id = 13")
        burn(cluster, 400)
        burn(fork.copy, 350)
        cluster.run("INSERT INTO t VALUES (101, 'new')", "UPDATE t SET v = 'x' WHERE id = 14")
        fork.copy.run("UPDATE t SET v = 'y' WHERE id = 15", "VACUUM FREEZE t")
        said = judged(cluster, fork.copy, Lineage(fork.lsn, fork.next_xid))
        assert numbers(said["t"]) == ("headers", 1, 1, 4)
        assert numbers(said["quiet"]) == ("headers", 0, 0, 0)
    finally:
        fork.copy.remove()


def test_frozen_row_of_the_epoch_before_has_the_same_header_as_a_new_row(cluster: Cluster) -> None:
    """Fails where contents are compared on condition that the restored side wrote something itself."""
    old = int(cluster.ask("SELECT xmin FROM t LIMIT 1"))
    run_on(cluster, EPOCH + old - 40)
    fork = cluster.fork_running("copy")
    try:
        cluster.run("DELETE FROM t WHERE id = 1", "VACUUM t")
        burn_up_to(cluster, EPOCH + old)
        cluster.run("INSERT INTO t VALUES (1, 'new')")
        header = "SELECT format('%s %s', ctid, xmin) FROM t WHERE id = 1"
        assert cluster.ask(header) == fork.copy.ask(header) == f"(0,1) {old}"
        said = judged(cluster, fork.copy, Lineage(fork.lsn, fork.next_xid))
        assert numbers(said["t"]) == ("headers", 0, 0, 1)
    finally:
        fork.copy.remove()


def test_table_that_may_have_been_altered_on_both_sides(cluster: Cluster) -> None:
    """Its row of `pg_class` is an epoch old, and cannot be told from one that both sides wrote."""
    for xid in (2_000_000_000, 4_000_000_000, EPOCH + 100):
        cluster.reset_next_xid(xid)
    fork = cluster.fork_running("copy")
    try:
        cluster.run("UPDATE t SET v = 'x' WHERE id = 14")
        said = judged(cluster, fork.copy, Lineage(fork.lsn, fork.next_xid))
        assert numbers(said["t"]) == ("blocks", 0, 0, 1)
    finally:
        fork.copy.remove()


@pytest.mark.parametrize("far", ["original", "copy"])
def test_ids_ran_too_far(cluster: Cluster, far: str) -> None:
    """More than 2^31 after the fork, an id says no longer whether it is older."""
    fork = cluster.fork_running("copy")
    original, copy = cluster, fork.copy
    runner = original if far == "original" else copy
    try:
        runner.run("UPDATE t SET v = 'x' WHERE id = 1")
        runner.reset_next_xid(fork.next_xid + 1_500_000_000)
        runner.run("UPDATE t SET v = 'x' WHERE id = 2")
        runner.reset_next_xid(fork.next_xid + 3_000_000_000)
        runner.run("UPDATE t SET v = 'x' WHERE id = 3")
        lineage = Lineage(fork.lsn, fork.next_xid)
        assert numbers(judged(original, copy, lineage)["t"])[1:] == (0, 0, 3)
        # Without the last checkpoints: their ids did not cost as much WAL as they do in life.
        then, now = (replace(asyncio.run(physical(side)), checkpoint=None) for side in (copy, original))
        assert "two billion" in str(find_horizon(then, now, lineage))
    finally:
        fork.copy.remove()


def test_a_whole_epoch_after_the_fork_the_same_ids_come_again(cluster: Cluster) -> None:
    """A row of the original has the place and the id of another row of the copy, 2^32 ids later."""
    old = int(cluster.ask("SELECT xmin FROM t LIMIT 1"))
    fork = cluster.fork_running("copy")
    try:
        run_on(cluster, EPOCH + old - 40)
        cluster.run("DELETE FROM t WHERE id = 1", "VACUUM t")
        burn_up_to(cluster, EPOCH + old)
        cluster.run("INSERT INTO t VALUES (1, 'new')")
        header = "SELECT format('%s %s', ctid, xmin) FROM t WHERE id = 1"
        assert cluster.ask(header) == fork.copy.ask(header) == f"(0,1) {old}"
        said = judged(cluster, fork.copy, Lineage(fork.lsn, fork.next_xid))
        assert numbers(said["t"])[1:] == (0, 0, 1)
    finally:
        fork.copy.remove()
