"""What a comparison may not see, must not use up, and must leave behind on the servers: nothing."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.diff.conftest import Server
from tests.diff.databases import Comparer, Pair, run
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.model import Progress, TableDiff
from warubi_tui.errors import UnreachableError, UsageError
from warubi_tui.postgres import session
from warubi_tui.secret import Secret


@pytest.fixture
def role(postgres: Server) -> str:
    """A role that owns nothing; databases are dropped before it can be, so it stays until the server goes."""
    name = f"limited_{uuid.uuid4().hex[:8]}"
    run(postgres.uri(), f"CREATE ROLE {name} LOGIN")
    return name


def as_role(uri: str, role: str) -> str:
    return uri.replace("postgres@", f"{role}@")


async def test_row_level_security_is_said_and_never_a_smaller_table(
    pair: Pair, compare: Comparer, role: str
) -> None:
    pair.both(
        "CREATE TABLE hidden (id int PRIMARY KEY); INSERT INTO hidden VALUES (1), (2);"
        "ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE POLICY first ON hidden USING (id = 1);"
        f"CREATE TABLE plain (id int PRIMARY KEY); GRANT SELECT ON hidden, plain TO {role}"
    )
    pair.on_now("DELETE FROM hidden WHERE id = 2; INSERT INTO plain VALUES (7)")
    diff = await compare(then=as_role(pair.then, role), now=as_role(pair.now, role))
    hidden, plain = diff.tables
    assert "row-level security" in str(hidden.not_compared)
    assert hidden.total == 0
    assert (plain.not_compared, plain.added) == (None, 1)
    assert not diff.complete
    assert await diff.rows("public", "hidden") == []


async def test_missing_privileges_are_said_and_the_rest_goes_on(
    pair: Pair, compare: Comparer, role: str
) -> None:
    pair.both(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, v int);"
        "CREATE SCHEMA closed; CREATE TABLE closed.c (id int); CREATE TABLE d (id int);"
        f"GRANT SELECT ON a, d, closed.c TO {role}; GRANT SELECT (id) ON b TO {role}"
    )
    pair.on_now(f"REVOKE SELECT ON a FROM {role}; INSERT INTO d VALUES (1)")
    diff = await compare(then=as_role(pair.then, role), now=as_role(pair.now, role))
    reasons = {t.table: t.not_compared for t in diff.tables}
    assert reasons["a"] == "now: permission denied for table a"
    assert reasons["b"] is None
    assert reasons["c"] is not None
    assert "permission denied for schema closed" in reasons["c"]
    assert reasons["d"] is None
    assert diff.tables[-1].added == 1


async def test_error_in_a_row_is_said_for_its_table_only(pair: Pair, compare: Comparer) -> None:
    table = (
        "CREATE TABLE t (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (10 / v) VIRTUAL);"
        "CREATE TABLE u (id int); INSERT INTO u VALUES (1)"
    )
    pair.both(table)
    pair.on_then("INSERT INTO t SELECT n, 1 FROM generate_series(1, 5000) n")
    pair.on_now("INSERT INTO t SELECT n, CASE n WHEN 4000 THEN 0 ELSE 2 END FROM generate_series(1, 5000) n")
    diff = await compare()
    assert [t.not_compared for t in diff.tables] == ["now: division by zero", None]
    assert [row async for row in diff.all_rows()] == []


async def test_side_that_fails_does_not_wait_for_the_other(
    pair: Pair, compare: Comparer, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LOCK_TIMEOUT_MILLISECONDS", 600_000)
    pair.both(f"CREATE TABLE a (id int); CREATE TABLE b (id int); GRANT SELECT ON a, b TO {role}")
    pair.on_now(f"REVOKE SELECT ON a FROM {role}; INSERT INTO b VALUES (1)")
    with psycopg.connect(pair.then) as blocker:
        blocker.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(20):
            diff = await compare(then=as_role(pair.then, role), now=as_role(pair.now, role))
    assert diff.tables[0].not_compared == "now: permission denied for table a"
    assert diff.tables[1].added == 1


async def test_unlogged_tables_are_not_compared(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE UNLOGGED TABLE t (id int); INSERT INTO t VALUES (1)")
    table, _ = await compare.only_table()
    assert str(table.not_compared).startswith("unlogged")


async def test_a_locked_table_does_not_stop_the_others(
    pair: Pair, compare: Comparer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LOCK_TIMEOUT_MILLISECONDS", 50)
    pair.both("CREATE TABLE a (id int); CREATE TABLE b (id int)")
    pair.on_now("INSERT INTO b VALUES (1)")
    with psycopg.connect(pair.now) as blocker:
        blocker.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        diff = await compare()
    assert "lock timeout" in str(diff.tables[0].not_compared)
    assert diff.tables[1].added == 1


@pytest.mark.parametrize(
    "change",
    [
        "TRUNCATE t",
        "ALTER TABLE t ALTER v TYPE bigint",
        "ALTER TABLE p DETACH PARTITION p1",
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)",
    ],
)
async def test_what_shows_through_an_older_snapshot_is_not_compared(pair: Pair, change: str) -> None:
    pair.both(
        "CREATE TABLE a (id int); CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1);"
        "CREATE TABLE p (id int) PARTITION BY RANGE (id); "
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);"
        "INSERT INTO p VALUES (1)"
    )

    def after_a(table: TableDiff) -> None:
        if table.table == "a":
            pair.on_now(change)

    async with DatabaseDiff(Secret(pair.then), Secret(pair.now)) as diff:
        await diff.run(on_table=after_a)
        hit = next(t for t in diff.tables if t.table == ("p" if " p" in change else "t"))
        assert hit.not_compared == "now: truncated or rewritten while it was compared; run it again"
        assert [t.not_compared for t in diff.tables if t is not hit] == [None, None]
        assert await diff.rows("public", hit.table) == []


async def test_one_snapshot_for_all_tables(pair: Pair) -> None:
    pair.both("CREATE TABLE a (id int); CREATE TABLE b (id int)")

    def after_a(table: TableDiff) -> None:
        if table.table == "a":
            pair.on_now("INSERT INTO b VALUES (1)")

    async with DatabaseDiff(Secret(pair.then), Secret(pair.now)) as diff:
        await diff.run(on_table=after_a)
        assert not diff.different


async def test_locks_are_let_go_after_each_table(pair: Pair) -> None:
    pair.both("CREATE TABLE a (id int); CREATE TABLE b (id int)")
    locked: list[str] = []

    def look(table: TableDiff) -> None:
        with psycopg.connect(pair.now) as connection:
            found = connection.execute(
                "SELECT relation::regclass::text FROM pg_locks WHERE pid <> pg_backend_pid()"
                " AND relation IN ('a'::regclass, 'b'::regclass)"
            ).fetchall()
        locked.extend(name for (name,) in found)

    async with DatabaseDiff(Secret(pair.then), Secret(pair.now)) as diff:
        await diff.run(on_table=look)
    assert len(diff.tables) == 2
    assert locked == []


async def test_progress_pages_and_partial_results(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int)")
    pair.on_then("INSERT INTO t SELECT n, 0 FROM generate_series(1, 3000) n")
    pair.on_now("INSERT INTO t SELECT n, n % 3 FROM generate_series(1001, 4000) n")
    seen: list[Progress] = []
    async with DatabaseDiff(Secret(pair.then), Secret(pair.now), keep_rows=1500) as diff:
        await diff.run(on_progress=seen.append)
        (table,) = diff.tables
        expected = (1000, 1000, sum(1 for n in range(1001, 3001) if n % 3))
        assert (table.removed, table.added, table.changed) == expected
        assert (table.kept, table.partial) == (1500, True)
        assert (seen[0].tables_done, seen[0].tables, seen[0].differences) == (0, 1, 0)
        assert [(at.schema, at.table) for at in seen[0].current] == [("public", "t")]
        page = await diff.rows("public", "t", offset=998, limit=4)
        assert [(row.op, row.key["id"]) for row in page] == [
            ("removed", "999"),
            ("removed", "1000"),
            ("changed", "1001"),
            ("changed", "1003"),
        ]
        changed = await diff.rows("public", "t", offset=1, limit=2, op="changed")
        assert [row.key["id"] for row in changed] == ["1003", "1004"]
        assert len([row async for row in diff.all_rows()]) == 1500
        assert json.loads(json.dumps(diff.to_json()))["tables"][0]["kept"] == 1500
    assert await diff.rows("public", "t") == []


async def test_rows_can_be_read_while_the_comparison_runs(pair: Pair) -> None:
    pair.both("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    pair.on_now("INSERT INTO a VALUES (1); INSERT INTO b SELECT generate_series(1, 200000)")
    async with DatabaseDiff(Secret(pair.then), Secret(pair.now)) as diff:
        ready = asyncio.Event()
        running = asyncio.create_task(diff.run(on_table=lambda _: ready.set()))
        await ready.wait()
        rows = await diff.rows("public", "a")
        assert not diff.finished
        assert [row.key for row in rows] == [{"id": "1"}]
        await running
        assert diff.tables[1].added == 200_000


async def test_a_table_that_nobody_has_is_a_usage_error(compare: Comparer) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        await compare(tables=["nowhere"])


def sessions(uri: str) -> list[int]:
    """The backends that a comparison has in this database."""
    with psycopg.connect(uri) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'warubi/diff'"
        ).fetchall()
    return [pid for (pid,) in found]


async def eventually(fact: Callable[[], bool], seconds: float) -> None:
    """Waits for something in another process to become true."""
    async with asyncio.timeout(seconds):
        while True:
            if await asyncio.to_thread(fact):
                return
            await asyncio.sleep(0.01)


async def until_gone(*uris: str) -> None:
    """Waits until the backends of a comparison have ended: at once, not when they happen to notice."""
    await eventually(lambda: not any(sessions(uri) for uri in uris), session.CLIENT_CHECK_SECONDS * 0.75)


async def test_cancel_while_the_rows_come_leaves_no_backend(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
    pair.on_then("INSERT INTO t SELECT n, repeat('a', 100) FROM generate_series(1, 200000) n")
    pair.on_now("INSERT INTO t SELECT n, repeat('b', 100) FROM generate_series(1, 200000) n")
    reading = asyncio.Event()

    def tell(progress: Progress) -> None:
        if progress.differences:
            reading.set()

    async with DatabaseDiff(Secret(pair.then), Secret(pair.now)) as diff:
        running = asyncio.create_task(diff.run(on_progress=tell))
        await reading.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until_gone(pair.then, pair.now)
        assert (diff.tables, diff.finished) == ([], False)


async def test_cancel_while_a_server_is_busy_reaches_it(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY)")
    async with DatabaseDiff(Secret(pair.then), Secret(pair.now)) as diff:
        with psycopg.connect(pair.then) as blocker, psycopg.connect(pair.now, autocommit=True) as watcher:
            blocker.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            running = asyncio.create_task(diff.run())
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            await eventually(lambda: bool(watcher.execute(waiting).fetchall()), 10)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await until_gone(pair.then, pair.now)


MEASURE = """
import asyncio, sys
from pathlib import Path
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff import tables
from warubi_tui.secret import Secret

def peak_kib():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])

async def main(then, now):
    async with DatabaseDiff(Secret(then), Secret(now)) as diff:
        before = peak_kib()
        await diff.run()
        rows = 0
        async for _ in diff.all_rows():
            rows += 1
        print(peak_kib() - before, sum(t.total for t in diff.tables), rows)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("case", ["equal", "all changed", "one side", "no key"])
def test_memory_grows_neither_with_the_table_nor_with_the_differences(pair: Pair, case: str) -> None:
    key = "" if case == "no key" else "PRIMARY KEY"
    create = f"CREATE TABLE t (id int {key}, v text)"
    fill = "INSERT INTO t SELECT n, '{}' || repeat('x', 300) FROM generate_series(1, 150000) n"
    pair.on_then(f"{create}; {fill.format('a')}")
    if case != "one side":
        pair.on_now(f"{create}; {fill.format('a' if case == 'equal' else 'b')}")
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, pair.then, pair.now], check=True, capture_output=True, text=True
    ).stdout
    grown_kib, differences, rows = map(int, measured.split())
    assert differences == rows == {"equal": 0, "no key": 300_000}.get(case, 150_000)
    assert (
        grown_kib < 48 * 1024
    )  # the rows of one side are more than this as text, several times it as objects


async def test_lost_connection_is_unreachable_and_not_an_empty_table(pair: Pair) -> None:
    pair.both(
        "CREATE TABLE a (id int); CREATE TABLE b (id int); INSERT INTO b SELECT generate_series(1, 1000)"
    )

    def after_a(_: TableDiff) -> None:
        with psycopg.connect(pair.now) as connection:
            for pid in sessions(pair.now):
                connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    async with DatabaseDiff(Secret(pair.then), Secret(pair.now)) as diff:
        with pytest.raises(UnreachableError):
            await diff.run(on_table=after_a)
        assert [t.table for t in diff.tables] == ["a"]
        assert not diff.finished
        assert not diff.complete
    await until_gone(pair.then, pair.now)


async def test_connection_lost_among_the_rows_is_no_result(pair: Pair) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text)")
    pair.on_then("INSERT INTO t SELECT n, repeat('a', 100) FROM generate_series(1, 200000) n")

    def end_it(progress: Progress) -> None:
        if progress.differences:
            with psycopg.connect(pair.then) as connection:
                for pid in sessions(pair.then):
                    connection.execute("SELECT pg_terminate_backend(%s)", [pid])

    async with DatabaseDiff(Secret(pair.then), Secret(pair.now)) as diff:
        with pytest.raises(UnreachableError):
            await diff.run(on_progress=end_it)
        assert diff.tables == []
    await until_gone(pair.then, pair.now)
