"""How large tables are said to be."""

import psycopg

from tests.diff.databases import Pair
from warubi_tui.diff.sizes import table_pages
from warubi_tui.postgres.session import session
from warubi_tui.secret import Secret


def oids(uri: str, *names: str) -> list[int]:
    with psycopg.connect(uri) as connection:
        return [
            row[0] for name in names for row in connection.execute("SELECT %s::regclass::oid::int8", [name])
        ]


async def test_pages_with_partitions_whether_the_statistics_know_them_or_not(pair: Pair) -> None:
    pair.on_now(
        "CREATE TABLE a (v text) WITH (autovacuum_enabled = off);"
        "CREATE TABLE b (v text) WITH (autovacuum_enabled = off);"
        "CREATE TABLE p (v text) PARTITION BY LIST (v);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN ('x') WITH (autovacuum_enabled = off);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES IN ('y') WITH (autovacuum_enabled = off);"
        "CREATE TABLE nothing ();"
        "INSERT INTO a SELECT repeat('x', 1000) FROM generate_series(1, 700);"
        "INSERT INTO b SELECT repeat('x', 1000) FROM generate_series(1, 70); ANALYZE b;"
        "INSERT INTO p SELECT 'x' FROM generate_series(1, 1000); INSERT INTO p VALUES ('y'); ANALYZE p1"
    )
    tables = oids(pair.now, "a", "b", "p", "nothing")
    async with session(Secret(pair.now), purpose="diff") as connection:
        pages = await table_pages(connection, tables)
        left = await (
            await connection.execute("SELECT count(*) FROM pg_locks WHERE relation > 16383")
        ).fetchone()
    assert [pages[oid] for oid in tables] == [100, 10, 6, 0]
    assert left == (0,)


async def test_locked_table_is_not_waited_for(pair: Pair) -> None:
    pair.on_now("CREATE TABLE a (id int)")
    tables = oids(pair.now, "a")
    async with session(Secret(pair.now), purpose="diff") as connection:
        with psycopg.connect(pair.now) as blocker:
            blocker.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
            assert await table_pages(connection, tables) == {}
        assert await table_pages(connection, tables) == {tables[0]: 0}
