"""A condition is one expression, whatever it says."""

import pytest

from tests.diff.databases import Pair
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.model import Method, TableDiff
from warubi_tui.secret import Secret

METHODS: list[Method | None] = [None, "blocks", "multiset"]


@pytest.fixture
def rows(pair: Pair) -> Pair:
    """Ten rows; ids 1 to 5 are removed, 6 and 7 changed from v = 0 to v = 1, 11 is added."""
    pair.both(
        "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT n, 0 FROM generate_series(1, 10) n"
    )
    pair.on_now(
        "DELETE FROM t WHERE id < 6; UPDATE t SET v = 1 WHERE id IN (6, 7); INSERT INTO t VALUES (11, NULL)"
    )
    return pair


async def table(pair: Pair, where: str, method: Method | None = None) -> TableDiff:
    async with DatabaseDiff(Secret(pair.then), Secret(pair.now), where=where, method=method) as diff:
        await diff.run()
        return diff.tables[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("true", (5, 1, 2)),
        ("v = 1", (0, 0, 2)),
        ("v = 0", (5, 0, 2)),
        ("v IS NULL", (0, 1, 0)),
        ("t.id > 6", (0, 1, 1)),
        ("NULL", (0, 0, 0)),
        ("id = 3 OR id = 7 -- these", (1, 0, 1)),
        ("id = 3 /* this */", (1, 0, 0)),
        ("id = ANY('{3,4}') AND '%s' <> '{}'", (2, 0, 0)),
        ("id IN (SELECT max(id) FROM public.t)", (0, 1, 0)),
        ("')' <> '(' AND id = 3", (1, 0, 0)),
    ],
)
async def test_rows_that_meet_it_then_or_now(
    rows: Pair, method: Method | None, where: str, numbers: tuple[int, int, int]
) -> None:
    found = await table(rows, where, method)
    assert found.not_compared is None
    assert (found.removed, found.added, found.changed) == numbers


@pytest.mark.parametrize(
    "where",
    [
        "",
        "v",
        "nope = 1",
        "true) OR (true",
        "true) IS TRUE FROM t UNION ALL SELECT (true",
        "true THEN 1 END, CASE WHEN true",
        "true) TO STDOUT; DROP TABLE t; --",
        "true; DELETE FROM t",
        "true) /*",
        "'",
        "\0",
        "count(*) > 0",
    ],
)
async def test_what_is_no_condition_is_said_and_nothing_is_counted(rows: Pair, where: str) -> None:
    found = await table(rows, where)
    assert found.not_compared is not None
    assert (found.method, found.total) == ("none", 0)
    still = await table(rows, "true")
    assert still.total == 8


async def test_a_condition_that_fails_over_a_row_is_said(rows: Pair) -> None:
    found = await table(rows, "1 / (id - 3) > 0")
    assert found.not_compared == "then: division by zero"


async def test_it_is_read_over_partitions_by_the_name_of_their_table(pair: Pair) -> None:
    pair.both(
        "CREATE TABLE p (id int, v int) PARTITION BY RANGE (id);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9); INSERT INTO p VALUES (1, 1), (2, 2)"
    )
    pair.on_now("DELETE FROM p")
    assert (await table(pair, "p.id = 2")).removed == 1


@pytest.mark.parametrize("method", [None, "multiset"])
@pytest.mark.parametrize(
    ("where", "added"), [("m = 'sad'::mood", 1), ("e = 'ABC'", 1), ("e = 'x'::public.citext", 0)]
)
async def test_types_and_operators_are_those_of_the_table(
    pair: Pair, where: str, added: int, method: Method | None
) -> None:
    pair.both(
        "CREATE EXTENSION citext; CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('sad', 'ok');"
        "CREATE TABLE shop.t (id int PRIMARY KEY, m shop.mood, e citext)"
    )
    pair.on_now("INSERT INTO shop.t VALUES (1, 'sad', 'abc'), (2, 'ok', 'def')")
    found = await table(pair, where, method)
    assert (found.not_compared, found.added) == (None, added)
