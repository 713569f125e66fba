"""The cases that a comparison of rows gets wrong first, each on a real server."""

from collections.abc import Sequence

import psycopg
import pytest
from psycopg import sql

from tests.diff.databases import Comparer, Pair
from warubi_tui.diff.model import RowDiff
from warubi_tui.diff.rows import statements


def brief(rows: Sequence[RowDiff]) -> list[tuple[str, object, object, tuple[str, ...]]]:
    """Operation, first value then, first value now, changed columns."""
    return [
        (
            row.op,
            None if row.then is None else next(iter(row.then.values()), "no column"),
            None if row.now is None else next(iter(row.now.values()), "no column"),
            row.columns,
        )
        for row in rows
    ]


@pytest.mark.parametrize(
    ("type_", "then", "now"),
    [
        ("text", "NULL", "''"),
        ("text", "'NULL'", "NULL"),
        ("text", r"E'\\N'", "NULL"),
        ("text", "'a'", "'A'"),
        ("text", r"E'a\tb'", r"E'a\\tb'"),
        ("text", "'a'", "'a '"),
        ("bpchar", "'a'", "'a '"),
        ("numeric", "1.0", "1.00"),
        ("numeric", "'NaN'", "NULL"),
        ("numeric", "'NaN'", "'Infinity'"),
        ("float8", "0", "'-0'"),
        ("float8", "'NaN'", "0"),
        ("float8", "0.1", "0.1::float8 + 1.4e-17"),
        ("float4", "0.1", "0.10000001"),
        ("jsonb", "'{\"a\": 1.0}'", "'{\"a\": 1.00}'"),
        ("jsonb", "'null'", "NULL"),
        ("json", '\'{"a":1,"b":2}\'', '\'{"b":2,"a":1}\''),
        ("json", "'{\"a\":1}'", "'{\"a\": 1}'"),
        ("int[]", "'{}'", "NULL"),
        ("int[]", "'{1}'", "'[0:0]={1}'"),
        ("text[]", "'{NULL}'", "'{\"NULL\"}'"),
        ("bytea", r"'\x00'", r"'\x'"),
        ("bytea", r"'\x5c30'", r"'\x5c31'"),
        ("mood", "'sad'", "'happy'"),
        ("pair", "ROW(1, NULL)", "ROW(1, '')"),
        ("interval", "'1 day'", "'24 hours'"),
        ("timestamptz", "'2024-01-01 00:00:00.000001Z'", "'2024-01-01 00:00:00.000002Z'"),
        ("point", "'(1,2)'", "'(1,3)'"),
        ("money", "'1.00'", "'1.01'"),
        ("tsvector", "'a:1'", "'a:2'"),
        ("bit(3)", "'101'", "'100'"),
        ("inet", "'10.0.0.1/32'", "'10.0.0.1/24'"),
    ],
)
async def test_values_that_are_nearly_equal(
    pair: Pair, compare: Comparer, type_: str, then: str, now: str
) -> None:
    pair.both("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b text)")
    pair.both(f"CREATE TABLE keyed (id int PRIMARY KEY, v {type_}); CREATE TABLE bag (v {type_}, w int)")
    pair.on_then(f"INSERT INTO keyed VALUES (1, {then}), (2, {then}); INSERT INTO bag VALUES ({then}, 1)")
    pair.on_now(f"INSERT INTO keyed VALUES (1, {now}), (2, {then}); INSERT INTO bag VALUES ({now}, 1)")
    diff = await compare()
    bag, keyed = diff.tables
    assert (keyed.removed, keyed.added, keyed.changed, keyed.changed_columns) == (0, 0, 1, {"v": 1})
    assert (bag.removed, bag.added, bag.changed) == (1, 1, 0)
    (row,) = await diff.rows("public", "keyed")
    assert row.columns == ("v",)
    assert row.key == {"id": "1"}
    assert row.then is not None
    assert row.now is not None
    assert row.then["v"] != row.now["v"]
    assert (row.then["v"] is None) == (then == "NULL")
    assert (row.now["v"] is None) == (now == "NULL")


async def test_output_does_not_depend_on_settings_of_database_or_role(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE t (id int PRIMARY KEY, a timestamptz, b date, c interval, d float8, e bytea, f money);"
        "INSERT INTO t VALUES (1, '2024-06-01 12:00Z', '2024-02-03', '1 mon 2 days', 0.1, '\\x41', '1')"
    )
    name = pair.now.rsplit("/", 1)[1]
    for setting in (
        "timezone = 'Asia/Tokyo'",
        "datestyle = 'German'",
        "intervalstyle = 'iso_8601'",
        "extra_float_digits = -3",
        "bytea_output = 'escape'",
        "search_path = ''",
        "statement_timeout = '20'",
    ):
        pair.on_then(f'ALTER DATABASE "{name}" SET {setting}')
    table, rows = await compare.only_table()
    assert (table.not_compared, rows) == (None, [])


async def test_without_a_key_duplicates_count(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (a text, b int)")
    pair.on_then("INSERT INTO t VALUES ('x', 1), ('x', 1), ('x', 1), (NULL, NULL), (NULL, NULL), ('', 2)")
    pair.on_now("INSERT INTO t VALUES ('x', 1), (NULL, NULL), (NULL, NULL), (NULL, NULL), ('', 2)")
    table, rows = await compare.only_table()
    assert (table.method, table.key, table.removed, table.added, table.changed) == ("multiset", (), 2, 1, 0)
    assert brief(rows) == [("added", None, None, ())] + 2 * [("removed", "x", None, ())]
    assert all(row.key == {} for row in rows)


@pytest.mark.parametrize("buckets", [1, 4])
async def test_rows_that_share_a_bucket_are_told_apart(
    pair: Pair, compare: Comparer, monkeypatch: pytest.MonkeyPatch, buckets: int
) -> None:
    monkeypatch.setattr(statements, "BUCKETS", buckets)
    pair.both("CREATE TABLE bag (a text); CREATE TABLE keyed (id int PRIMARY KEY, v int)")
    pair.both("INSERT INTO keyed SELECT n, n FROM generate_series(1, 100) n")
    pair.on_then("INSERT INTO bag VALUES ('x'), ('x')")
    pair.on_now("INSERT INTO bag VALUES ('y'), ('y')")
    pair.on_now("UPDATE keyed SET v = 3 - id WHERE id IN (1, 2)")
    bag, keyed = (await compare()).tables
    assert (bag.removed, bag.added) == (2, 2)
    assert (keyed.removed, keyed.added, keyed.changed) == (0, 0, 2)


async def test_key_changed_only_in_print_is_one_changed_row(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE a (k numeric PRIMARY KEY, v int); "
        "CREATE TABLE b (k float8, s bpchar, PRIMARY KEY (k, s))"
    )
    pair.on_then("INSERT INTO a VALUES (1.0, 1), (2, 2); INSERT INTO b VALUES (0, 'x')")
    pair.on_now("INSERT INTO a VALUES (1.00, 1), (2.0, 3); INSERT INTO b VALUES ('-0', 'x  ')")
    diff = await compare()
    assert brief(await diff.rows("public", "a")) == [
        ("changed", "1.0", "1.00", ("k",)),
        ("changed", "2", "2.0", ("k", "v")),
    ]
    assert brief(await diff.rows("public", "b")) == [("changed", "0", "-0", ("k", "s"))]


async def test_citext_key_in_another_case_is_one_changed_row(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE EXTENSION citext; CREATE TABLE t (k citext PRIMARY KEY)")
    pair.on_then("INSERT INTO t VALUES ('Anna'), ('ÄNNE'), ('Bob')")
    pair.on_now("INSERT INTO t VALUES ('anna'), ('änne'), ('Bob')")
    _, rows = await compare.only_table()
    assert brief(rows) == [("changed", "Anna", "anna", ("k",)), ("changed", "ÄNNE", "änne", ("k",))]


async def test_rows_come_in_the_order_of_integer_keys(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
    pair.on_then(
        "INSERT INTO t SELECT n, 'x' FROM unnest("
        "'{10, 9, -1, -10, 0, 100, -9223372036854775808, 9223372036854775807}'::int8[]) n"
    )
    _, rows = await compare.only_table()
    assert [int(str(row.key["id"])) for row in rows] == sorted(int(str(row.key["id"])) for row in rows)
    assert len(rows) == 8


async def test_unique_index_over_not_null_columns_is_a_key_and_others_are_not(
    pair: Pair, compare: Comparer
) -> None:
    pair.both(
        "CREATE TABLE good (a int NOT NULL, b int NOT NULL, v int, UNIQUE (b, a));"
        "CREATE TABLE nullable (a int UNIQUE, v int);"
        "CREATE TABLE partial (a int NOT NULL, v int); CREATE UNIQUE INDEX ON partial (a) WHERE v > 0;"
        "CREATE TABLE expression (a int NOT NULL, v int); CREATE UNIQUE INDEX ON expression ((a + 1));"
        "CREATE TABLE covering (a int NOT NULL, v int); CREATE UNIQUE INDEX ON covering (a) INCLUDE (v);"
    )
    keys = {table.table: table.key for table in (await compare()).tables}
    assert keys == {"good": ("b", "a"), "nullable": (), "partial": (), "expression": (), "covering": ("a",)}


async def test_key_must_be_a_key_on_both_sides(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    pair.on_now(
        "ALTER TABLE t DROP CONSTRAINT t_pkey; INSERT INTO t VALUES (1, 'a'); "
        "UPDATE t SET v = 'c' WHERE id = 2"
    )
    diff = await compare()
    assert diff.tables[0].method == "multiset"
    assert (diff.tables[0].removed, diff.tables[0].added) == (1, 2)
    assert [change.to_json() for change in diff.schema] == [
        {
            "kind": "primary_key",
            "schema": "public",
            "table": "t",
            "column": None,
            "then": "id",
            "now": None,
            "name": None,
        }
    ]


async def test_composite_key_is_not_confused_by_separators(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (a text, b text, PRIMARY KEY (a, b))")
    pair.on_then("INSERT INTO t VALUES ('x', 'y,z'), (E'a\\tb', 'c'), ('', 'q')")
    pair.on_now("INSERT INTO t VALUES ('x,y', 'z'), ('a', E'b\\tc'), ('q', '')")
    table, rows = await compare.only_table()
    assert (table.removed, table.added, table.changed) == (3, 3, 0)
    assert {(row.op, *row.key.values()) for row in rows} == {
        ("removed", "x", "y,z"),
        ("removed", "a\tb", "c"),
        ("removed", "", "q"),
        ("added", "x,y", "z"),
        ("added", "a", "b\tc"),
        ("added", "q", ""),
    }


@pytest.mark.parametrize("storage", ["STORED", "VIRTUAL"])
async def test_generated_columns_are_shown_and_never_a_change(
    pair: Pair, compare: Comparer, storage: str
) -> None:
    table = "CREATE TABLE t (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * {}) " + storage + ")"
    pair.on_then(table.format(2) + "; INSERT INTO t VALUES (1, 10), (2, 20)")
    pair.on_now(table.format(3) + "; INSERT INTO t VALUES (1, 10), (2, 21)")
    diff = await compare()
    (row,) = await diff.rows("public", "t")
    assert row.columns == ("v",)
    assert row.then == {"id": "2", "v": "20", "g": "40"}
    assert row.now == {"id": "2", "v": "21", "g": "63"}
    (change,) = diff.schema
    assert (change.kind, change.column) == ("column_generated", "g")


async def test_column_that_stopped_being_generated_is_compared(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE t (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED); "
        "INSERT INTO t VALUES (1)"
    )
    pair.on_now("ALTER TABLE t ALTER g DROP EXPRESSION; UPDATE t SET g = 5")
    _, rows = await compare.only_table()
    assert [row.columns for row in rows] == [("g",)]


async def test_identity_columns_are_data(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE t (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY); INSERT INTO t VALUES (1)"
    )
    pair.on_now("UPDATE t SET n = DEFAULT")
    _, rows = await compare.only_table()
    assert [row.columns for row in rows] == [("n",)]


async def test_columns_on_one_side_only(pair: Pair, compare: Comparer) -> None:
    pair.on_then(
        "CREATE TABLE t (gone text, id int PRIMARY KEY, v text); "
        "INSERT INTO t VALUES ('a', 1, 'x'), ('b', 2, 'y')"
    )
    pair.on_now(
        "CREATE TABLE t (id int PRIMARY KEY, v text, new int DEFAULT 7); "
        "INSERT INTO t VALUES (1, 'x'), (2, 'z')"
    )
    diff = await compare()
    (row,) = await diff.rows("public", "t")
    assert row.then == {"gone": "b", "id": "2", "v": "y"}
    assert row.now == {"id": "2", "v": "z", "new": "7"}
    assert row.columns == ("v",)
    assert [(change.kind, change.column) for change in diff.schema] == [
        ("column_removed", "gone"),
        ("column_added", "new"),
    ]


async def test_column_order_does_not_matter(pair: Pair, compare: Comparer) -> None:
    pair.on_then("CREATE TABLE t (a int, b text, c int); INSERT INTO t VALUES (1, 'x', 2)")
    pair.on_now(
        "CREATE TABLE t (c int, drop_me int, b text, a int); ALTER TABLE t DROP drop_me; "
        "INSERT INTO t VALUES (2, 'x', 1)"
    )
    diff = await compare()
    assert not diff.different
    assert diff.complete


async def test_type_change_compares_what_is_printed(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(5)); "
        "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b')"
    )
    pair.on_now("ALTER TABLE t ALTER id TYPE bigint, ALTER n TYPE numeric(5,1), ALTER v TYPE text")
    diff = await compare()
    assert [row.columns for row in await diff.rows("public", "t")] == [("n",), ("n",)]
    assert [(change.column, change.then, change.now) for change in diff.schema] == [
        ("id", "integer", "bigint"),
        ("n", "integer", "numeric(5,1)"),
        ("v", "character varying(5)", "text"),
    ]


async def test_key_of_another_type_on_the_other_side(pair: Pair, compare: Comparer) -> None:
    pair.on_then("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (10, 2), (9, 3)")
    pair.on_now("CREATE TABLE t (id text PRIMARY KEY, v int); INSERT INTO t VALUES ('1', 1), ('9', 4)")
    table, _ = await compare.only_table()
    assert (table.removed, table.added, table.changed) == (1, 0, 1)


async def test_tables_on_one_side_only(pair: Pair, compare: Comparer) -> None:
    pair.on_then(
        "CREATE TABLE dropped (id int PRIMARY KEY, v text); "
        "INSERT INTO dropped SELECT n, n FROM generate_series(1, 1200) n"
    )
    pair.on_now(
        "CREATE TABLE made (v text); INSERT INTO made VALUES ('x'), ('x'); CREATE TABLE hollow (v int)"
    )
    diff = await compare()
    assert [(t.table, t.method, t.removed, t.added) for t in diff.tables] == [
        ("dropped", "one side", 1200, 0),
        ("hollow", "one side", 0, 0),
        ("made", "one side", 0, 2),
    ]
    assert [(change.kind, change.table) for change in diff.schema] == [
        ("table_removed", "dropped"),
        ("table_added", "hollow"),
        ("table_added", "made"),
    ]
    assert len([row async for row in diff.all_rows()]) == 1202
    (row,) = await diff.rows("public", "dropped", offset=1199)
    assert (row.key, row.then, row.now) == ({"id": "1200"}, {"id": "1200", "v": "1200"}, None)


async def test_empty_tables_and_tables_without_columns(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE empty (id int PRIMARY KEY); CREATE TABLE bare (); CREATE TABLE gone_columns (a int)"
    )
    pair.both(
        "INSERT INTO gone_columns VALUES (1), (2); ALTER TABLE gone_columns DROP a; "
        "INSERT INTO bare DEFAULT VALUES"
    )
    pair.on_now("INSERT INTO bare DEFAULT VALUES; DELETE FROM gone_columns WHERE ctid = '(0,1)'")
    diff = await compare()
    numbers = {t.table: (t.removed, t.added, t.not_compared) for t in diff.tables}
    assert numbers == {"empty": (0, 0, None), "bare": (0, 1, None), "gone_columns": (1, 0, None)}
    (row,) = await diff.rows("public", "bare")
    assert (row.then, row.now) == (None, {})


async def test_no_common_column_is_not_compared(pair: Pair, compare: Comparer) -> None:
    pair.on_then("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    pair.on_now("CREATE TABLE t (b int); INSERT INTO t VALUES (1)")
    diff = await compare()
    assert diff.tables[0].not_compared == "no column is on both sides"
    assert not diff.complete


PARTITIONED = """
CREATE TABLE p (id int, region text, v int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu', 'uk') PARTITION BY RANGE (id);
CREATE TABLE p_eu_1 PARTITION OF p_eu FOR VALUES FROM (0) TO (100);
CREATE TABLE p_us PARTITION OF p FOR VALUES IN ('us');
CREATE TABLE p_rest PARTITION OF p DEFAULT;
INSERT INTO p VALUES (1, 'eu', 1), (2, 'uk', 2), (3, 'us', 3), (4, 'jp', 4);
"""


async def test_partitions_are_compared_as_their_parent(pair: Pair, compare: Comparer) -> None:
    pair.both(PARTITIONED)
    pair.on_now(
        "ALTER TABLE p DETACH PARTITION p_rest; INSERT INTO p_us SELECT 5, 'us', 5; "
        "UPDATE p SET v = 9 WHERE id = 2;"
        "DROP TABLE p_rest; CREATE TABLE p_jp PARTITION OF p FOR VALUES IN ('jp'); "
        "INSERT INTO p VALUES (4, 'jp', 4)"
    )
    table, rows = await compare.only_table()
    assert (table.table, table.key) == ("p", ("id", "region"))
    assert brief(rows) == [("changed", "2", "2", ("v",)), ("added", None, "5", ())]


async def test_row_in_another_partition_is_changed_when_the_key_is_the_same(
    pair: Pair, compare: Comparer
) -> None:
    table = "CREATE TABLE p (id int, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id);"
    pair.on_then(
        table
        + "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); INSERT INTO p VALUES (5, 1), (6, 1)"
    )
    pair.on_now(
        table + "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (6);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (6) TO (10); INSERT INTO p VALUES (5, 1), (6, 2)"
    )
    _, rows = await compare.only_table()
    assert brief(rows) == [("changed", "6", "6", ("v",))]


async def test_table_that_became_partitioned(pair: Pair, compare: Comparer) -> None:
    pair.on_then(
        "CREATE TABLE p (id int, region text, v int, PRIMARY KEY (id, region)); "
        "INSERT INTO p VALUES (1, 'eu', 1)"
    )
    pair.on_now(PARTITIONED)
    diff = await compare()
    assert [(change.kind, change.table, change.then, change.now) for change in diff.schema] == [
        ("table_kind", "p", "table", "partitioned table"),
        ("table_partition_key", "p", None, "LIST (region)"),
        ("table_added", "p_eu", None, "partition of public.p FOR VALUES IN ('eu', 'uk')"),
        ("table_added", "p_eu_1", None, "partition of public.p_eu FOR VALUES FROM (0) TO (100)"),
        ("table_added", "p_rest", None, "partition of public.p DEFAULT"),
        ("table_added", "p_us", None, "partition of public.p FOR VALUES IN ('us')"),
    ]
    assert diff.tables[0].added == 3


async def test_inheritance_children_are_tables_of_their_own(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE parent (a int); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (1)"
    )
    pair.on_now("DELETE FROM child")
    assert {t.table: t.removed for t in (await compare()).tables} == {"parent": 0, "child": 1}


HOSTILE = [
    '"; DROP TABLE victim; --',
    "%s %(x)s %% %",
    "naïve 🦉 \u202e",
    "with'quote\"both",
    "tab\tnewline\n\\back",
    "$$ $1 {}",
    "t",
    "bucket",
    "x" * 63,
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names(pair: Pair, compare: Comparer, name: str) -> None:
    with_names = sql.SQL(
        "CREATE SCHEMA {n}; CREATE TABLE {n}.{n} ({n} text PRIMARY KEY, {other} int); "
        "CREATE TABLE {n}.bag ({n} text);"
        "CREATE TABLE public.victim (id int); INSERT INTO {n}.{n} VALUES ({v}, 1); "
        "INSERT INTO {n}.bag VALUES ({v})"
    ).format(n=sql.Identifier(name), other=sql.Identifier(name[::-1][:62] + "~"), v=sql.Literal(name))
    for uri in (pair.then, pair.now):
        with psycopg.connect(uri) as connection:
            connection.execute(with_names)
    with psycopg.connect(pair.now) as connection:
        change = sql.SQL("UPDATE {n}.{n} SET {other} = 2; DELETE FROM {n}.bag")
        connection.execute(change.format(n=sql.Identifier(name), other=sql.Identifier(name[::-1][:62] + "~")))
    diff = await compare()
    assert [t.not_compared for t in diff.tables] == [None] * 3
    (row,) = await diff.rows(name, name)
    assert (row.schema, row.table, row.key) == (name, name, {name: name})
    assert row.columns == (name[::-1][:62] + "~",)
    assert ("public", "victim") in [(t.schema, t.table) for t in diff.tables]
    only = await compare(tables=[f"{name}.{name}"])
    assert [(t.schema, t.table, t.changed) for t in only.tables] == [(name, name, 1)]


async def test_many_columns(pair: Pair, compare: Comparer) -> None:
    columns = ", ".join(f"c{place} int" for place in range(1599))
    pair.both(f"CREATE TABLE t (id int PRIMARY KEY, {columns}); INSERT INTO t VALUES (1, 1), (2, 2)")
    pair.on_now("UPDATE t SET c1598 = 5 WHERE id = 2")
    _, rows = await compare.only_table()
    assert [row.columns for row in rows] == [("c1598",)]


async def test_large_values(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, repeat('é', 3000000))")
    pair.on_now("UPDATE t SET v = v || 'x'")
    _, rows = await compare.only_table()
    assert rows[0].then is not None
    assert rows[0].now is not None
    assert (len(str(rows[0].then["v"])), len(str(rows[0].now["v"]))) == (3_000_000, 3_000_001)


async def test_views_sequences_extensions_and_system_tables_are_left_out(
    pair: Pair, compare: Comparer
) -> None:
    pair.both(
        "CREATE TABLE t (id serial PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t; "
        "CREATE MATERIALIZED VIEW m AS SELECT 1"
    )
    assert [t.table for t in (await compare()).tables] == ["t"]
