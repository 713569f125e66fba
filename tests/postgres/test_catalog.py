"""What the catalog says, read from a real one."""

from typing import Protocol

import psycopg

from warubi_tui.postgres.catalog import Catalog, read_catalog
from warubi_tui.postgres.session import session
from warubi_tui.secret import Secret


class Server(Protocol):
    """The shared throwaway PostgreSQL."""

    def create_database(self, prefix: str = "test", *, template: str = "template0") -> str: ...


async def catalog_of(postgres: Server, script: str) -> Catalog:
    uri = postgres.create_database()
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(script.encode())
    async with session(Secret(uri), purpose="test") as reading:
        return await read_catalog(reading)


async def test_columns_in_table_order_without_dropped_ones(postgres: Server) -> None:
    catalog = await catalog_of(
        postgres,
        "CREATE DOMAIN price AS numeric(8, 2); CREATE DOMAIN fee AS price;"
        "CREATE TABLE t (gone int, b fee NOT NULL DEFAULT 1, a text[], g int GENERATED ALWAYS AS (1 + "
        "1) STORED,"
        " i int GENERATED ALWAYS AS IDENTITY); ALTER TABLE t DROP gone",
    )
    columns = catalog.tables["public", "t"].columns
    assert [(c.name, c.type, c.base, c.nullable, c.default, c.generated) for c in columns] == [
        ("b", "public.fee", "numeric", False, "1", None),
        ("a", "text[]", "_text", True, None, None),
        ("g", "integer", "int4", True, None, "(1 + 1) STORED"),
        ("i", "integer", "int4", False, "GENERATED ALWAYS AS IDENTITY", None),
    ]
    assert catalog.encoding == "UTF8"


async def test_an_enum_is_known_below_its_domain(postgres: Server) -> None:
    catalog = await catalog_of(
        postgres,
        "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN mine AS mood; CREATE TYPE two AS (a int);"
        "CREATE TABLE t (a mood, b mine, c two, d mood[], e text)",
    )
    columns = catalog.tables["public", "t"].columns
    assert [c.name for c in columns if c.enum] == ["a", "b"]


async def test_keys_come_best_first(postgres: Server) -> None:
    catalog = await catalog_of(
        postgres,
        "CREATE TABLE t (a int NOT NULL, b int NOT NULL, c int NOT NULL, UNIQUE (b), UNIQUE (b, c), "
        "PRIMARY KEY (c, a));"
        "CREATE UNIQUE INDEX chosen ON t (a, b); ALTER TABLE t REPLICA IDENTITY USING INDEX chosen",
    )
    table = catalog.tables["public", "t"]
    assert table.primary_key == ("c", "a")
    assert table.keys == (("c", "a"), ("a", "b"), ("b",), ("b", "c"))


async def test_unique_index_with_its_own_idea_of_equality_is_no_key(postgres: Server) -> None:
    catalog = await catalog_of(
        postgres,
        "CREATE TABLE t (a text NOT NULL, b text NOT NULL); CREATE UNIQUE INDEX ON t (a text_pattern_ops);"
        "CREATE UNIQUE INDEX ON t (b)",
    )
    assert catalog.tables["public", "t"].keys == (("b",),)


async def test_partitions_stand_behind_their_parent(postgres: Server) -> None:
    catalog = await catalog_of(
        postgres,
        "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
        "CREATE TABLE q (id int) PARTITION BY LIST (id); "
        "CREATE UNLOGGED TABLE q1 PARTITION OF q FOR VALUES IN (1);"
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE TABLE r (id int) PARTITION BY LIST (id);"
        "CREATE FOREIGN TABLE r1 PARTITION OF r FOR VALUES IN (1) SERVER s; "
        "CREATE FOREIGN TABLE f (id int) SERVER s;"
        "CREATE TABLE alone (id int); ALTER TABLE p DETACH PARTITION p1",
    )
    assert {name: (t.kind, t.unlogged, t.foreign) for (_, name), t in catalog.tables.items()} == {
        "alone": ("table", False, False),
        "p": ("partitioned table", False, False),
        "p1": ("table", False, False),
        "q": ("partitioned table", True, False),
        "r": ("partitioned table", False, True),
    }


async def test_tables_of_extensions_and_the_system_are_left_out(postgres: Server) -> None:
    catalog = await catalog_of(
        postgres,
        "CREATE EXTENSION citext; CREATE TABLE mine (id int); CREATE TABLE theirs (id int);"
        "ALTER EXTENSION citext ADD TABLE theirs; CREATE SCHEMA s; CREATE TABLE s.mine ()",
    )
    assert list(catalog.tables) == [("public", "mine"), ("s", "mine")]
