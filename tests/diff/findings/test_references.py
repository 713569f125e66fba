"""Rows that went because others went: deletes that cascade over foreign keys."""

import psycopg
import pytest

from tests.diff.databases import Comparer, Pair
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.secret import Secret

SHOP = """
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (
    id uuid PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, note text);
CREATE TABLE "order""lines" (
    "order" uuid REFERENCES orders ON DELETE CASCADE, line int, PRIMARY KEY ("order", line));
CREATE TABLE visits (customer int REFERENCES customers ON DELETE SET NULL, page text);
INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 200) n;
INSERT INTO orders SELECT md5(n::text)::uuid, 1 + n * 79 % 199, 'order ' || n FROM generate_series(1, 400) n;
INSERT INTO "order""lines" SELECT id, line FROM orders, generate_series(1, 2) line;
INSERT INTO visits SELECT 1 + n * 79 % 199, 'page ' || n FROM generate_series(1, 300) n;
"""


async def removed(compare: Comparer) -> dict[str, Finding]:
    diff = await compare()
    found = await diff.findings(diff.tables)
    return {name[1]: one for name, ones in found.items() for one in ones if one.op == "removed"}


async def test_what_a_delete_took_with_it(pair: Pair, compare: Comparer) -> None:
    pair.both(SHOP)
    pair.on_now("DELETE FROM customers WHERE id % 3 = 0")
    found = await removed(compare)
    assert found["customers"].sentence == "66 rows removed: all rows with id % 3 = 0"
    orders, lines = found["orders"], found['order"lines']
    assert orders.sentence.endswith(
        ": all rows with customer % 3 = 0; they belonged to removed rows of public.customers (customer)"
    )
    assert lines.sentence == (
        f"{lines.rows} rows removed: all rows that belonged to removed rows of public.orders (order)"
    )
    assert lines.where == '"order" IN (SELECT id FROM public.orders WHERE customer % 3 = 0)'
    assert (lines.side, lines.others) == ("then", 0)
    with psycopg.connect(pair.then) as connection:
        query = f'SELECT count(*) FROM "order""lines" WHERE {lines.where}'
        assert connection.execute(query.encode()).fetchone() == (lines.rows,)


@pytest.mark.parametrize(
    "more",
    [
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders ORDER BY id LIMIT 1)",
        'ALTER TABLE "order""lines" DROP CONSTRAINT "order""lines_order_fkey";'
        'INSERT INTO "order""lines" VALUES (gen_random_uuid(), 9)',
    ],
)
async def test_nothing_is_said_that_is_not_so(pair: Pair, compare: Comparer, more: str) -> None:
    """Other orders went, too; or a line refers to nothing, so that the reference proves nothing."""
    pair.both(SHOP)
    pair.on_now(f"DELETE FROM customers WHERE id % 3 = 0; {more}")
    assert "public.orders" not in (await removed(compare))['order"lines'].sentence


async def test_rows_that_were_given_to_others_did_not_go(pair: Pair, compare: Comparer) -> None:
    """As many visits went as had belonged to the customers that went, but they are not the same."""
    pair.both(SHOP)
    pair.both("ALTER TABLE visits ADD id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
    pair.on_now(
        "UPDATE visits SET customer = 1 WHERE id IN (SELECT min(id) FROM visits WHERE customer % 3 = 0);"
        "DELETE FROM visits WHERE customer % 3 = 0;"
        "DELETE FROM visits WHERE id IN (SELECT max(id) FROM visits WHERE customer > 1);"
        "DELETE FROM customers WHERE id % 3 = 0"
    )
    visits = (await removed(compare))["visits"]
    assert "belonged" not in visits.sentence


async def test_tables_that_refer_in_circles(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);"
        "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;"
        "INSERT INTO a SELECT n FROM generate_series(1, 40) n; INSERT INTO b SELECT n, n FROM"
        " generate_series(1, 40) n; UPDATE a SET b = id"
    )
    pair.on_now(
        "UPDATE a SET b = NULL WHERE id > 20; DELETE FROM b WHERE a > 20; DELETE FROM a WHERE id > 20"
    )
    assert set(await removed(compare)) == {"a", "b"}


async def test_a_part_of_the_tables_or_rows_proves_nothing(pair: Pair) -> None:
    pair.both(SHOP)
    pair.on_now("DELETE FROM customers WHERE id % 3 = 0")
    for only in ({"tables": ['order"lines']}, {"where": "true"}):
        async with DatabaseDiff(Secret(pair.then), Secret(pair.now), **only) as diff:
            await diff.run()
            (finding,) = (await diff.findings(diff.tables))["public", 'order"lines']
            assert "belonged" not in finding.sentence
