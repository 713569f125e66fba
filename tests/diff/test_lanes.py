"""Several tables at once: in one snapshot, within a budget, and without it where it is refused."""

import asyncio
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.diff.conftest import Server
from tests.diff.databases import Pair, run
from tests.diff.test_limits import as_role, eventually, sessions, until_gone
from warubi_tui.diff import lanes
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.lanes import lane_count
from warubi_tui.diff.model import Progress, TableDiff
from warubi_tui.errors import UnreachableError
from warubi_tui.secret import Secret


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are worth sessions of their own."""
    monkeypatch.setattr(lanes, "_LANE_PAGES", 1)


@pytest.fixture
def tables(pair: Pair) -> list[str]:
    """Twelve tables of growing size; in each, now, one row is added."""
    names = [f"t{number:02}" for number in range(12)]
    for number, name in enumerate(names):
        pair.both(
            f"CREATE TABLE {name} (id int PRIMARY KEY, v text);"
            f"INSERT INTO {name} SELECT n, repeat('x', 200) FROM generate_series(1, {number * 1000}) n"
        )
        pair.on_now(f"INSERT INTO {name} VALUES (-1, 'new')")
    return names


@pytest.fixture
def role(postgres: Server, pair: Pair) -> Iterator[str]:
    """A role that may read everything."""
    name = f"reader_{uuid.uuid4().hex[:8]}"
    run(postgres.uri(), f"CREATE ROLE {name} LOGIN IN ROLE pg_read_all_data")
    yield name
    for uri in (pair.then, pair.now):
        run(uri, f"DROP OWNED BY {name}")
    run(postgres.uri(), f"DROP ROLE {name}")


def difference(pair: Pair, *, connections: int = 3, role: str | None = None) -> DatabaseDiff:
    then, now = (as_role(uri, role) if role else uri for uri in (pair.then, pair.now))
    return DatabaseDiff(Secret(then), Secret(now), connections=connections)


def outcome(diff: DatabaseDiff) -> list[tuple[str, int, str | None]]:
    return [(table.table, table.added, table.not_compared) for table in diff.tables]


async def test_all_lanes_see_one_snapshot_and_the_largest_table_goes_first(
    pair: Pair, tables: list[str]
) -> None:
    finished: list[str] = []
    backends: list[int] = []
    told: list[Progress] = []

    def disturb(progress: Progress) -> None:
        if not told:  # the first table is begun, no other session is open yet
            for name in tables:
                pair.on_now(f"DELETE FROM {name}")
        told.append(progress)

    def finish(table: TableDiff) -> None:
        backends.append(len(sessions(pair.now)))
        finished.append(table.table)

    async with difference(pair) as diff:
        await diff.run(on_table=finish, on_progress=disturb)
        assert outcome(diff) == [(name, 1, None) for name in tables]
        assert sorted(finished) == tables
        assert finished != tables
        assert max(backends) == 3
        assert diff.notes == []
        rows = [row async for row in diff.all_rows()]
    assert [row.table for row in rows] == tables


@pytest.mark.parametrize("connections", [1, 2])
async def test_budget_of_connections_is_kept(pair: Pair, tables: list[str], connections: int) -> None:
    most = 0

    def count(_: TableDiff) -> None:
        nonlocal most
        most = max(most, len(sessions(pair.then)), len(sessions(pair.now)))

    async with difference(pair, connections=connections) as diff:
        await diff.run(on_table=count)
        assert outcome(diff) == [(name, 1, None) for name in tables]
    assert most == connections


async def test_role_that_may_not_export_gets_one_connection_and_a_note(
    pair: Pair, tables: list[str], role: str
) -> None:
    run(pair.now, "REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC")
    async with difference(pair, role=role) as diff:
        await diff.run()
        assert outcome(diff) == [(name, 1, None) for name in tables]
        assert diff.notes == [
            "compared with fewer connections than allowed: the role may not export its snapshot"
        ]


async def test_server_without_a_free_connection_is_compared_all_the_same(
    pair: Pair, tables: list[str], role: str
) -> None:
    run(pair.now, f"ALTER ROLE {role} CONNECTION LIMIT 3")  # one for each side, and one more
    async with difference(pair, role=role) as diff:
        await diff.run()
        assert outcome(diff) == [(name, 1, None) for name in tables]
        (note,) = diff.notes
        assert "too many connections for role" in note


async def test_failing_table_does_not_stop_the_other_lanes(pair: Pair, tables: list[str]) -> None:
    pair.both("CREATE TABLE bad (v int, g int GENERATED ALWAYS AS (10 / v) VIRTUAL)")
    pair.on_now("INSERT INTO bad VALUES (0)")
    async with difference(pair) as diff:
        await diff.run()
        assert outcome(diff)[0] == ("bad", 0, "now: division by zero")
        assert outcome(diff)[1:] == [(name, 1, None) for name in tables]
        assert not diff.complete


async def test_lost_connection_of_any_lane_ends_all(pair: Pair, tables: list[str]) -> None:
    def end_last(_: TableDiff) -> None:
        with psycopg.connect(pair.now) as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", [max(sessions(pair.now))])

    async with difference(pair) as diff:
        with pytest.raises(UnreachableError):
            await diff.run(on_table=end_last)
        assert not diff.finished
    await until_gone(pair.then, pair.now)


async def test_cancel_reaches_all_lanes(pair: Pair, tables: list[str]) -> None:
    async with difference(pair) as diff:
        with psycopg.connect(pair.now) as blocker, psycopg.connect(pair.now, autocommit=True) as watcher:
            started = asyncio.Event()
            running = asyncio.create_task(diff.run(on_table=lambda _: started.set()))
            for name in tables[:-1]:
                blocker.execute(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
            await started.wait()
            waiting = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
            await eventually(lambda: watcher.execute(waiting).fetchall() == [(3,)], 9)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await until_gone(pair.then)
            assert sessions(pair.now) == []


@pytest.mark.parametrize(
    ("pages", "limit", "expected"),
    [([], 3, 1), ([0], 3, 1), ([10_000], 3, 1), ([10_000, 0], 3, 2), ([10, 10], 3, 1), ([1] * 200, 3, 3)],
)
def test_lanes_are_opened_for_work_that_is_worth_them(
    monkeypatch: pytest.MonkeyPatch, pages: list[int], limit: int, expected: int
) -> None:
    monkeypatch.undo()
    assert lane_count(pages, limit) == expected
