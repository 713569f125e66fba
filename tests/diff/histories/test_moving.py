"""What the comparison must not be confused by: tables that move, names, writers, settings of a side."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from tests.diff.histories.clusters import Cluster, Fork, copied
from tests.diff.histories.judging import FORCED, check, compare, judge, look
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.model import Method

HOSTILE = [
    '"; DROP TABLE victim; --',
    "%s %(x)s %%",
    "naïve 🦉 \u202e",
    "tab\tnewline\n\\back",
    "$1 {}",
    "x" * 63,
]


@pytest.fixture
def cluster(template: Cluster) -> Iterator[Cluster]:
    with copied(template, "moving") as cluster:
        yield cluster


@contextmanager
def forked(cluster: Cluster) -> Iterator[Fork]:
    fork = cluster.fork_running("copy")
    try:
        yield fork
    finally:
        fork.copy.remove()


def lineage(fork: Fork) -> Lineage:
    return Lineage(fork.lsn, fork.next_xid)


def test_tables_that_swap_names_and_move(cluster: Cluster) -> None:
    """Fails where a table's file is not asked for: another table under the same name has the same headers."""
    cluster.run(
        "CREATE TABLE a (id int PRIMARY KEY, v text)",
        "CREATE TABLE b (id int PRIMARY KEY, v text)",
        "WITH w AS (INSERT INTO a SELECT n, 'a' FROM generate_series(1, 50) n RETURNING id)"
        " INSERT INTO b SELECT id, 'b' FROM w",
        "CREATE TABLE moved (id int PRIMARY KEY)",
        "CREATE TABLE gone (id int PRIMARY KEY)",
        "INSERT INTO gone VALUES (1)",
        "INSERT INTO moved VALUES (1)",
    )
    with forked(cluster) as fork:
        cluster.run(
            "ALTER TABLE a RENAME TO c",
            "ALTER TABLE b RENAME TO a",
            "ALTER TABLE c RENAME TO b",
            "CREATE SCHEMA other",
            "ALTER TABLE moved SET SCHEMA other",
            "DROP TABLE gone",
            "CREATE TABLE made (id int)",
            "INSERT INTO made VALUES (1), (1)",
        )
        header = "SELECT string_agg(format('%s %s', ctid, xmin), ',') FROM "
        assert cluster.ask(f"{header} a") == fork.copy.ask(f"{header} a")
        said = compare(fork.copy.uri(), cluster.uri(), lineage=lineage(fork))
        numbers = {n: (s.table.removed, s.table.added, s.table.changed) for n, s in said.items()}
        assert numbers == {
            "a": (0, 0, 50),
            "b": (0, 0, 50),
            "gone": (1, 0, 0),
            "made": (0, 2, 0),
            "moved": (1, 0, 0),
            "other.moved": (0, 1, 0),
        }
        check(look(fork.copy.uri(), cluster.uri(), ("a", "b")), {name: said[name] for name in ("a", "b")})


def test_table_dropped_and_made_again_under_its_name(cluster: Cluster) -> None:
    made = ("CREATE TABLE t (id int PRIMARY KEY, v text)",)
    fill = "INSERT INTO t SELECT n, {} FROM generate_series(1, 50) n"
    cluster.run(*made, fill.format("'old'"))
    with forked(cluster) as fork:
        cluster.run("DROP TABLE t", *made, fill.format("'new'"))
        assert judge(fork.copy.uri(), cluster.uri(), lineage(fork))["t"].table.changed == 50


def test_names_swapped_while_it_compares(cluster: Cluster) -> None:
    """Fails where nobody asks whether a name still means the table that the snapshot knows by it."""
    for name in ("a", "b"):
        cluster.run(
            f"CREATE TABLE {name} (id int PRIMARY KEY, v text)",
            f"INSERT INTO {name} SELECT n, '{name}' FROM generate_series(1, 50) n",
        )
    with forked(cluster) as fork, ThreadPoolExecutor(1) as beside:
        methods: tuple[Method | None, ...] = (None, "key")
        for method in methods:
            with psycopg.connect(cluster.uri()) as blocker:
                blocker.execute("LOCK TABLE a, b IN ACCESS EXCLUSIVE MODE")
                running = beside.submit(
                    compare, fork.copy.uri(), cluster.uri(), lineage=lineage(fork), method=method
                )
                while cluster.ask("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0":
                    assert not running.done()
                blocker.execute(
                    "ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b"
                )
            for about in running.result().values():
                assert about.table.not_compared or about.table.total == 0
            cluster.run("ALTER TABLE a RENAME TO c", "ALTER TABLE b RENAME TO a", "ALTER TABLE c RENAME TO b")


def test_columns_swapped_while_it_compares(cluster: Cluster) -> None:
    """Fails where nobody asks whether a column's name still means what the snapshot knows by it."""
    cluster.run(
        "CREATE TABLE t (id int PRIMARY KEY, v int, w int)",
        "INSERT INTO t SELECT n, n, -n FROM generate_series(1, 50) n",
    )
    with forked(cluster) as fork, ThreadPoolExecutor(1) as beside:
        with psycopg.connect(cluster.uri()) as blocker:
            blocker.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            running = beside.submit(
                compare, fork.copy.uri(), cluster.uri(), lineage=lineage(fork), method="key"
            )
            while cluster.ask("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0":
                assert not running.done()
            for change in ("v TO x", "w TO v", "x TO w"):
                blocker.execute(f"ALTER TABLE t RENAME COLUMN {change}".encode())
        about = running.result()["t"].table
        assert about.not_compared or about.total == 0


def test_unlogged_tables_are_not_compared_by_any_method(cluster: Cluster) -> None:
    cluster.run("CREATE UNLOGGED TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    with forked(cluster) as fork:
        for method in (None, *FORCED):
            table = compare(fork.copy.uri(), cluster.uri(), lineage=lineage(fork), method=method)["t"].table
            assert "unlogged" in str(table.not_compared)


def test_hostile_names(cluster: Cluster) -> None:
    with psycopg.connect(cluster.uri()) as session:
        for name in HOSTILE:
            session.execute(
                sql.SQL(
                    "CREATE TABLE {n} ({n} text PRIMARY KEY, {o} int); INSERT INTO {n} VALUES ({v}, 1)"
                ).format(n=sql.Identifier(name), o=sql.Identifier(name[:50] + "~"), v=sql.Literal(name))
            )
    with forked(cluster) as fork:
        with psycopg.connect(cluster.uri()) as session:
            for name in HOSTILE:
                session.execute(
                    sql.SQL("UPDATE {} SET {} = 2").format(
                        sql.Identifier(name), sql.Identifier(name[:50] + "~")
                    )
                )
        said = judge(fork.copy.uri(), cluster.uri(), lineage(fork))
        found = {name: (about.table.method, about.table.changed) for name, about in said.items()}
        assert found == dict.fromkeys(HOSTILE, ("headers", 1))


def test_settings_of_a_database_and_a_role(cluster: Cluster) -> None:
    cluster.run(
        "CREATE TABLE t (id int PRIMARY KEY, a timestamptz, c interval, d float8, e bytea, f money)",
        "INSERT INTO t SELECT n, '2024-06-01 12:00Z', '1 mon 2 days', 0.1, 'x', '1'"
        " FROM generate_series(1, 50) n",
    )
    with forked(cluster) as fork:
        cluster.run(
            "ALTER ROLE postgres SET timezone = 'Asia/Tokyo'",
            "ALTER DATABASE postgres SET datestyle = 'German'",
            "ALTER DATABASE postgres SET intervalstyle = 'iso_8601'",
            "ALTER DATABASE postgres SET extra_float_digits = -3",
            "ALTER DATABASE postgres SET bytea_output = 'escape'",
            "ALTER DATABASE postgres SET statement_timeout = '500'",
            "ALTER DATABASE postgres SET enable_tidscan = off",
            "UPDATE t SET d = d WHERE id < 10",
        )
        assert compare(fork.copy.uri(), cluster.uri(), lineage=lineage(fork))["t"].table.total == 0
        for method in FORCED:
            assert (
                compare(fork.copy.uri(), cluster.uri(), lineage=lineage(fork), method=method)["t"].table.total
                == 0
            )


def test_a_side_that_assigns_ids_while_it_is_compared(cluster: Cluster) -> None:
    """Fails where the age of ids is measured from another moment than the server measures it from."""
    cluster.run(
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "INSERT INTO t SELECT n, 'x' FROM generate_series(1, 3000) n",
    )
    with forked(cluster) as fork:
        # The same ids on both sides, for other rows in the same places.
        for side, word in ((cluster, "P"), (fork.copy, "R")):
            side.run(*(f"UPDATE t SET v = '{word}' WHERE id = {n}" for n in range(1, 20)))
        ended = threading.Event()

        def burn(side: Cluster) -> None:
            with psycopg.connect(side.uri(), autocommit=True) as session:
                while not ended.is_set():
                    session.execute(
                        "DO $$ BEGIN FOR i IN 1..200 LOOP PERFORM pg_current_xact_id(); COMMIT;"
                        " END LOOP; END $$"
                    )

        burners = [threading.Thread(target=burn, args=[side]) for side in (cluster, fork.copy)]
        for burner in burners:
            burner.start()
        try:
            for _ in range(8):
                table = compare(fork.copy.uri(), cluster.uri(), lineage=lineage(fork))["t"].table
                assert (table.method, table.removed, table.added, table.changed) == ("headers", 0, 0, 19)
        finally:
            ended.set()
            for burner in burners:
                burner.join()


def test_rows_written_while_it_compares_are_as_the_snapshot_saw_them(cluster: Cluster) -> None:
    cluster.run(
        "CREATE TABLE t (id int PRIMARY KEY, v int) WITH (fillfactor = 50)",
        "INSERT INTO t SELECT n, 0 FROM generate_series(1, 2000) n",
        "CREATE TABLE u (id int PRIMARY KEY, v int) WITH (fillfactor = 50)",
        "INSERT INTO u SELECT n, 0 FROM generate_series(1, 2000) n",
    )
    with forked(cluster) as fork:
        ended = threading.Event()

        def write() -> None:
            with psycopg.connect(cluster.uri(), autocommit=True) as session:
                while not ended.is_set():
                    # In every snapshot both tables hold the same.
                    session.execute(
                        "WITH w AS (UPDATE t SET v = v + 1 WHERE id <= 40 RETURNING id)"
                        " UPDATE u SET v = u.v + 1 FROM w WHERE u.id = w.id"
                    )

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for method in (None, *FORCED):
                for _ in range(2):
                    said = compare(fork.copy.uri(), cluster.uri(), lineage=lineage(fork), method=method)
                    if method is not None and said["t"].table.not_compared:
                        continue
                    found = [{dict(f.now)["id"]: dict(f.now)["v"] for f in said[n].facts} for n in ("t", "u")]
                    assert found[0] == found[1]
                    assert len(set(found[0].values())) <= 1
        finally:
            ended.set()
            writer.join()
