"""Findings of real comparisons: the sentence, the condition, and what the server makes of it."""

import psycopg
import pytest

from tests.diff.databases import Comparer, Pair
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.findings.counting import PATIENCE_SECONDS, Counter, counting
from warubi_tui.diff.findings.explain import explain
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.postgres.catalog import Column
from warubi_tui.postgres.session import session
from warubi_tui.secret import Secret

ORDERS = """
CREATE TYPE state AS ENUM ('open', 'paid', 'void');
CREATE TABLE orders (
    id int PRIMARY KEY, status state NOT NULL, customer int, price numeric(10, 2) NOT NULL, note text,
    created_at timestamptz NOT NULL);
INSERT INTO orders
SELECT n, (ARRAY['open', 'paid', 'void']::state[])[1 + n * 79 % 101 % 3], n * 79 % 103 % 40, n,
       'order ' || n, '2026-11-01 00:00Z'::timestamptz + n * interval '7 minutes'
  FROM generate_series(1, 900) n;
"""


async def findings(compare: Comparer) -> list[Finding]:
    diff = await compare()
    found = await diff.findings(diff.tables)
    return [finding for one in found.values() for finding in one]


def matching(uri: str, where: str | None) -> int:
    """How many orders meet a condition."""
    with psycopg.connect(uri) as connection:
        row = connection.execute(f"SELECT count(*) FROM orders WHERE {where}".encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    ("accident", "said", "where"),
    [
        (
            "DELETE FROM orders WHERE status = 'open'",
            "302 rows removed, created_at between 2026-11-01 00:14:00+00 and 2026-11-05 08:53:00+00:"
            " all rows with status 'open'",
            "status = 'open'",
        ),
        (
            "DELETE FROM orders WHERE status = 'open' AND created_at > '2026-11-03Z'",
            "164 rows removed: all rows with status 'open',"
            " created_at between 2026-11-03 00:32:00+00 and 2026-11-05 08:53:00+00",
            "status = 'open' AND created_at BETWEEN '2026-11-03 00:32:00+00' AND '2026-11-05 08:53:00+00'",
        ),
        (
            "DELETE FROM orders WHERE id BETWEEN 100 AND 180",
            "81 rows removed, created_at between 2026-11-01 11:40:00+00 and 2026-11-01 21:00:00+00:"
            " all rows with id between 100 and 180",
            "id BETWEEN 100 AND 180",
        ),
        ("DELETE FROM orders WHERE id = 7", "1 row removed: id 7", "id = 7"),
        (
            "DELETE FROM orders WHERE id IN (300, 7, 90)",
            "3 rows removed: id 7, 90 or 300",
            "id IN (7, 90, 300)",
        ),
        (
            "DELETE FROM orders WHERE id * 79 % 107 % 17 = 3",
            "59 rows removed: nothing was found that tells them from the other rows",
            None,
        ),
        (
            "DELETE FROM orders WHERE id % 7 = 5",
            "128 rows removed, created_at between 2026-11-01 00:35:00+00 and 2026-11-05 08:18:00+00:"
            " all rows with id % 7 = 5",
            "id % 7 = 5",
        ),
        ("DELETE FROM orders", "900 rows removed: all rows there were", "true"),
        ("DROP TABLE orders", "900 rows removed: with its table", None),
        (
            "UPDATE orders SET price = 0, note = NULL WHERE status = 'paid'",
            "303 rows changed: price set to 0.00 in all, note set to NULL in all;"
            " all rows that had status 'paid'",
            "status = 'paid'",
        ),
        (
            "UPDATE orders SET price = price - 5 WHERE customer IN (3, 7)",
            "53 rows changed: price lowered by 5.00 in all; all rows that had customer 3 or 7",
            "customer IN (3, 7)",
        ),
        (
            "UPDATE orders SET status = 'void' WHERE status = 'open' AND customer < 20",
            "178 rows changed: status changed from 'open' to 'void' in all;"
            " all rows that had status 'open', customer between 0 and 19",
            "status = 'open' AND customer BETWEEN 0 AND 19",
        ),
        (
            "UPDATE orders SET price = 0 WHERE id * 79 % 107 % 17 = 3;"
            "UPDATE orders SET note = 'x' WHERE id = 19",
            "59 rows changed: price set to 0.00 in all, note changed from 'order 19' to 'x' in 1;"
            " no other row has price 0.00 now",
            "price = 0.00",
        ),
        (
            "INSERT INTO orders SELECT n, 'open', n, 1, 'promo ' || n, '2026-12-01Z' FROM"
            " generate_series(1000, 1099) n",
            "100 rows added: all rows with created_at 2026-12-01 00:00:00+00",
            "created_at = '2026-12-01 00:00:00+00'",
        ),
    ],
)
async def test_an_accident_is_told(
    pair: Pair, compare: Comparer, accident: str, said: str, where: str | None
) -> None:
    pair.both(ORDERS)
    pair.on_now(accident)
    (finding,) = await findings(compare)
    assert finding.sentence == said
    assert finding.where == where
    assert finding.others == (None if where is None else 0)
    if where is not None:
        assert matching(pair.then if finding.side == "then" else pair.now, where) == finding.rows


async def test_others_that_are_like_those_are_counted(pair: Pair, compare: Comparer) -> None:
    pair.both(ORDERS)
    pair.on_now("DELETE FROM orders WHERE status = 'open' AND id * 79 % 107 % 2 = 0")
    (finding,) = await findings(compare)
    assert finding.sentence.endswith("all have status 'open'; 150 other rows with that are still there")
    assert (finding.where, finding.others) == ("status = 'open'", 150)


async def test_what_holds_for_most_rows_is_not_told(pair: Pair, compare: Comparer) -> None:
    """Ten rows from all over the table lie within a range that nearly all others lie in, too."""
    pair.both(ORDERS)
    pair.on_now("DELETE FROM orders WHERE id * 79 % 107 % 89 = 1")
    (finding,) = await findings(compare)
    assert finding.where is None


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ("price = price::text::numeric(10, 4)", "price only written differently in all"),
        ("price = CASE WHEN id % 2 = 0 THEN 1 ELSE 2 END", "price changed in all"),
        ("note = upper(note)", "note changed in all"),
        ("customer = customer + 3", "customer raised by 3 in all"),
        ("price = 'NaN'", "price set to NaN in all"),
        ("empty = id", "empty filled in where it was NULL in all"),
    ],
)
async def test_what_was_done_to_a_column(pair: Pair, compare: Comparer, update: str, said: str) -> None:
    pair.both(ORDERS)
    pair.both("ALTER TABLE orders ALTER price TYPE numeric, ADD empty int")
    pair.on_now(f"UPDATE orders SET {update}")
    (finding,) = await findings(compare)
    assert finding.sentence == f"900 rows changed: {said}; all rows there were"


async def test_each_kind_of_difference_has_its_sentence(pair: Pair, compare: Comparer) -> None:
    pair.both(ORDERS)
    pair.on_now(
        "DELETE FROM orders WHERE id = 1; UPDATE orders SET note = NULL WHERE id = 2;"
        "INSERT INTO orders VALUES (0, 'open', 1, 1, '', now())"
    )
    assert [(f.op, f.sentence, f.where, f.side) for f in await findings(compare)] == [
        ("removed", "1 row removed: id 1", "id = 1", "then"),
        ("added", "1 row added: id 0", "id = 0", "now"),
        (
            "changed",
            "1 row changed: note changed from 'order 2' to NULL in all; id 2",
            "id = 2",
            "then",
        ),
    ]


async def test_one_row_is_named_by_its_whole_key(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (a int, b text, c int, PRIMARY KEY (b, a))")
    pair.on_then("INSERT INTO t VALUES (1, 'x', 5), (1, 'y', 5)")
    pair.on_now("INSERT INTO t VALUES (1, 'x', 5)")
    (finding,) = await findings(compare)
    assert finding.where == "b = 'y' AND a = 1"
    assert finding.sentence == "1 row removed: b 'y', a 1"


async def test_rows_without_a_key(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE log (line text, level int); INSERT INTO log SELECT 'l' || n % 3, n % 5 FROM"
        " generate_series(1, 100) n"
    )
    pair.on_now("DELETE FROM log WHERE level = 4")
    (finding,) = await findings(compare)
    assert (finding.where, finding.others) == ("level = 4", 0)


async def test_the_condition_of_the_comparison_limits_what_is_counted(pair: Pair, compare: Comparer) -> None:
    pair.both(ORDERS)
    pair.on_now("DELETE FROM orders WHERE status = 'open' AND customer = 3")
    (finding,) = await findings(compare)
    assert finding.where == "status = 'open' AND customer = 3"
    limited = DatabaseDiff(Secret(pair.then), Secret(pair.now), where="customer = 3 -- of the shop's")
    async with limited:
        await limited.run()
        (finding,) = (await limited.findings(limited.tables))["public", "orders"]
    assert finding.where == "status = 'open'"


async def test_a_server_that_does_not_answer_any_more_leaves_a_guess(pair: Pair, compare: Comparer) -> None:
    pair.both(ORDERS)
    pair.on_now("DELETE FROM orders WHERE status = 'open' AND id * 79 % 107 % 2 = 0")
    diff = await compare()
    pair.on_then("DROP TABLE orders")
    (finding,) = (await diff.findings(diff.tables))["public", "orders"]
    assert finding.others is None
    assert finding.where is not None
    assert finding.where.startswith("status = 'open'")
    assert "other rows" not in finding.sentence


async def test_a_side_that_changed_meanwhile_is_not_counted(pair: Pair, compare: Comparer) -> None:
    pair.both(ORDERS)
    pair.on_now("DELETE FROM orders WHERE status = 'open'")
    diff = await compare()
    pair.on_then("DELETE FROM orders WHERE id = 2")
    (finding,) = (await diff.findings(diff.tables))["public", "orders"]
    assert finding.others is None
    assert "all have status 'open'" in finding.sentence


async def test_inheriting_tables_and_partitions_are_counted_as_they_are_compared(
    pair: Pair, compare: Comparer
) -> None:
    pair.both(
        "CREATE TABLE plain (id int PRIMARY KEY, kind text); CREATE TABLE child () INHERITS (plain);"
        "CREATE TABLE parts (id int PRIMARY KEY, kind text) PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF parts FOR VALUES FROM (0) TO (50);"
        "CREATE TABLE high PARTITION OF parts FOR VALUES FROM (50) TO (500);"
        "INSERT INTO plain SELECT n, 'a' || n % 4 FROM generate_series(1, 100) n;"
        "INSERT INTO child SELECT n, 'a0' FROM generate_series(200, 220) n;"
        "INSERT INTO parts SELECT n, 'a' || n % 4 FROM generate_series(1, 100) n"
    )
    pair.on_now("DELETE FROM ONLY plain WHERE kind = 'a0'; DELETE FROM parts WHERE kind = 'a0'")
    diff = await compare()
    found = {name[1]: ones for name, ones in (await diff.findings(diff.tables)).items()}
    assert [(one.where, one.others) for one in (*found["plain"], *found["parts"])] == [("kind = 'a0'", 0)] * 2


async def test_counting_ends_when_patience_does(pair: Pair) -> None:
    clock = iter([0.0, 1.0, 2.0, PATIENCE_SECONDS + 1.0, PATIENCE_SECONDS + 2.0])
    pair.both(ORDERS)
    async with (
        session(Secret(pair.then), purpose="test") as then,
        session(Secret(pair.now), purpose="test") as now,
    ):
        counter = Counter(then, now, None, lambda: next(clock))
        assert await counter.each("then", ("public", "orders"), []) == [900]
        assert await counter.each("then", ("public", "orders"), []) is None


async def test_a_part_of_the_rows_is_said_to_be_one(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, kind text)")
    pair.on_then("INSERT INTO t SELECT n, 'a' FROM generate_series(1, 3000) n")
    diff = await compare()
    (table,) = diff.tables
    columns = [
        Column("id", "integer", "int4", False, None, None),
        Column("kind", "text", "text", True, None, None),
    ]
    (finding,) = await explain(diff, table, columns, columns, read_rows=1000)
    assert (finding.rows, finding.read, finding.others) == (3000, 1000, None)
    assert finding.sentence == "3,000 rows removed, of which 1,000 were read: all have kind 'a'"
    assert finding.where == "kind = 'a'"


async def test_a_part_of_the_rows_is_counted_against_the_table(pair: Pair, compare: Comparer) -> None:
    """What the rows read have in common by chance is met by too few rows to be true of all."""
    pair.both(
        "CREATE TABLE t (id int PRIMARY KEY, kind text, same text, part int);"
        "INSERT INTO t SELECT n, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END, 'x', n / 1000"
        " FROM generate_series(1, 9000) n"
    )
    pair.on_now("DELETE FROM t WHERE kind = 'a'")
    diff = await compare()
    (table,) = diff.tables
    columns = [
        Column("id", "integer", "int4", False, None, None),
        Column("kind", "text", "text", True, None, None),
        Column("same", "text", "text", True, None, None),
        Column("part", "integer", "int4", True, None, None),
    ]
    async with counting(Secret(pair.then), Secret(pair.now)) as counter:
        (finding,) = await explain(diff, table, columns, columns, counter=counter, read_rows=500)
    assert finding.sentence == (
        "4,500 rows removed, of which 500 were read: those have kind 'a', as 4,500 rows of then have"
    )
    assert (finding.where, finding.others) == ("kind = 'a'", None)


async def test_rows_that_were_not_kept_were_not_read(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, kind text)")
    pair.on_then("INSERT INTO t SELECT n, 'a' FROM generate_series(1, 20) n")
    diff = await compare(keep_rows=10)
    (finding,) = (await diff.findings(diff.tables))["public", "t"]
    assert (finding.rows, finding.read, finding.others) == (20, 10, 0)
    assert finding.sentence == "20 rows removed, of which 10 were read: all rows there were"


async def test_values_and_names_are_safe_to_draw_and_exact(pair: Pair, compare: Comparer) -> None:
    name = '"a""\x1b[31m\u202e"'
    pair.both(f"CREATE TABLE orders (id int PRIMARY KEY, {name} text)")
    pair.on_then("INSERT INTO orders SELECT n, E'\\x1b]2;x\\\\ '' \\u202e\\n' FROM generate_series(1, 9) n")
    pair.on_now("INSERT INTO orders SELECT n, 'y' FROM generate_series(20, 29) n")
    pair.on_then("INSERT INTO orders SELECT n, 'y' FROM generate_series(20, 29) n")
    (finding,) = await findings(compare)
    assert finding.where is not None
    assert (finding.sentence + finding.where).isprintable()
    assert finding.where.startswith('U&"')
    assert (finding.others, matching(pair.then, finding.where)) == (0, 9)


async def test_tables_without_a_difference_have_none(pair: Pair, compare: Comparer) -> None:
    pair.both(ORDERS)
    assert await findings(compare) == []
