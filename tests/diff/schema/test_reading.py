"""What is read of a database's schema, what is left out, and what happens to what cannot be read."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from tests.diff.conftest import Server
from tests.diff.databases import Comparer, Pair, run
from tests.diff.schema.base import BASE, schema_of
from warubi_tui.diff.schema.compare import compare_schemas, notes
from warubi_tui.diff.schema.unified import unified
from warubi_tui.diff.words import schema_words
from warubi_tui.postgres.objects import reading
from warubi_tui.postgres.objects.model import DatabaseSchema, Position
from warubi_tui.postgres.session import session
from warubi_tui.secret import Secret


@pytest.fixture
def reader(postgres: Server) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    run(postgres.uri(), "CREATE ROLE reader LOGIN")
    yield "reader"
    run(postgres.uri(), "DROP ROLE reader")


def _by(role: str, uri: str) -> str:
    return uri.replace("postgres@", f"{role}@", 1)


async def test_members_of_extensions_and_of_the_system_are_left_out(base: str) -> None:
    plain, extended = await schema_of(base), await schema_of(base, "CREATE EXTENSION hstore SCHEMA shop")
    (change,) = compare_schemas(plain, extended)
    assert (change.kind, change.name) == ("extension_added", "hstore")
    temporary = await schema_of(base, "CREATE TEMPORARY TABLE t (id serial PRIMARY KEY)")
    assert compare_schemas(plain, temporary) == []


async def test_a_role_without_rights_sees_all_but_the_positions(base: str, reader: str) -> None:
    all_of_it, seen = await schema_of(base), await schema_of(_by(reader, base))
    assert seen.objects == all_of_it.objects
    assert seen.unknown == {"positions of sequences": "3 of 3 may not be read"}
    assert seen.unknown_kinds == frozenset()
    assert compare_schemas(all_of_it, seen) == []


async def test_catalogs_that_may_not_be_read_are_unknown_and_the_others_are_compared(
    pair: Pair, compare: Comparer, reader: str
) -> None:
    pair.both(BASE)
    pair.on_now("REVOKE SELECT ON pg_catalog.pg_proc FROM PUBLIC; GRANT USAGE ON SCHEMA shop TO reader")
    pair.on_now("DROP PROCEDURE nothing; CREATE TABLE more (id int)")
    diff = await compare(now=_by(reader, pair.now), rows=False)
    assert [schema_words(change) for change in diff.schema if change.kind != "schema_grants"] == [
        "+ table added: public.more"
    ]
    unknown = [note for note in diff.notes if "unknown" in note]
    assert "now: functions unknown" in "\n".join(unknown)
    assert all("permission denied for table pg_proc" in note for note in unknown if "positions" not in note)
    assert not diff.complete
    assert "nothing" not in diff.schema_text()
    run(pair.now, "REVOKE ALL ON SCHEMA shop FROM reader")


async def test_a_view_that_somebody_changes_does_not_hide_the_tables(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_LOCK_TIMEOUT", "20ms")
    pair.both("CREATE TABLE t (id int); CREATE VIEW v AS SELECT id FROM t")
    with psycopg.connect(pair.now) as writer:
        writer.execute("ALTER VIEW v RENAME TO w")
        locked = await schema_of(pair.now)
    assert locked.unknown == {"views": "canceling statement due to lock timeout"}
    assert {one.kind for one in locked.objects} == {"schema", "extension", "table", "column", "view_column"}
    then = await schema_of(pair.then)
    assert compare_schemas(then, locked) == []
    (note,) = notes(then, locked)
    assert note.startswith("now: views unknown")


DROPPED = [
    "VIEW big",
    "MATERIALIZED VIEW sums",
    "FUNCTION label",
    "INDEX shop.orders_at",
    "TABLE parts",
    "SEQUENCE numbers",
    "TYPE mood CASCADE",
    "DOMAIN positive",
    "TRIGGER before_row ON shop.orders",
    "RULE quiet ON customers",
    "STATISTICS both_of",
    "AGGREGATE total_of(int)",
    "POLICY own ON shop.orders",
    "TABLE shop.orders CASCADE",
    "EVENT TRIGGER watch; DROP FUNCTION on_ddl",
]


async def test_what_is_dropped_while_it_is_read_is_as_in_the_snapshot_or_unknown(pair: Pair) -> None:
    pair.on_now(BASE)
    then = await schema_of(pair.now)
    for what in DROPPED:
        async with session(Secret(pair.now), purpose="test") as connection:
            with psycopg.connect(pair.now, autocommit=True) as writer:
                writer.execute(f"DROP {what}".encode())
            now = await reading.read_schema(connection)
        changes = [one.kind for one in compare_schemas(then, now) if one.kind != "cast_removed"]
        assert changes == [], what
        assert set(unified(then, now)[:1]) <= {"-"}, what
        then = await schema_of(pair.now)
        assert then.unknown == {}


async def test_locks_on_what_was_read_are_let_go(base: str) -> None:
    async with session(Secret(base), purpose="test") as connection:
        assert (await reading.read_schema(connection)).unknown == {}
        held = await connection.execute(
            "SELECT relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid() AND relation >= 16384"
        )
        assert await held.fetchall() == []


@pytest.mark.parametrize(
    "name", ['"; DROP TABLE x; --', "%s %% {}", "ta\tb\nnew\\line", "\x1b[31mred", "é\u202e"]
)
async def test_hostile_names_and_texts(pair: Pair, name: str) -> None:
    script = sql.SQL(
        """
        CREATE SCHEMA {n};
        CREATE TABLE {n}.{n} ({n} int CONSTRAINT {n} CHECK ({n} > 0), CONSTRAINT {k} UNIQUE ({n}));
        CREATE INDEX {i} ON {n}.{n} ({n});
        CREATE VIEW {n}.{v} AS SELECT {n} FROM {n}.{n};
        CREATE FUNCTION {n}.{n}({n} int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE POLICY {n} ON {n}.{n};
        CREATE STATISTICS {n}.{s} ON {n}, ({n} + 1) FROM {n}.{n};
        CREATE SEQUENCE {n}.{q};
        SELECT nextval({p});
        CREATE RULE {n} AS ON DELETE TO {n}.{n} DO INSTEAD NOTHING;
        CREATE TYPE {n}.{e} AS ENUM ({l});
        COMMENT ON TABLE {n}.{n} IS {l};
        CREATE PUBLICATION {n} FOR TABLE {n}.{n}
        """
    ).format(
        n=sql.Identifier(name),
        k=sql.Identifier(f"{name} key"),
        i=sql.Identifier(f"{name} USING x"),
        v=sql.Identifier(f"{name} view"),
        s=sql.Identifier(f"{name} statistics"),
        q=sql.Identifier(f"{name} sequence"),
        e=sql.Identifier(f"{name} enum"),
        l=sql.Literal(name),
        p=sql.Literal('"{0}"."{0} sequence"'.format(name.replace('"', '""'))),
    )
    empty = await schema_of(pair.now)
    with psycopg.connect(pair.now) as writer:
        writer.execute(script)
    full = await schema_of(pair.now)
    assert full.unknown == {}
    assert full.positions[name, f"{name} sequence"] == Position(1, 33)
    index = next(one for one in full.objects if one.kind == "index")
    assert index.facts["definition"].startswith("USING btree (")
    (rule,) = (one for one in full.objects if one.kind == "rule")
    assert rule.facts["definition"].startswith("ON DELETE TO ")
    words = [schema_words(change) for change in compare_schemas(empty, full)]
    assert len(words) == 7
    assert all(word.isprintable() for word in words)
    text = unified(empty, full)
    assert text.count("\n+CREATE ") >= 11
    assert all(line.isprintable() and line[0] in " -+@" for line in text.split("\n")[:-1])
    with psycopg.connect(pair.now) as writer:
        writer.execute(sql.SQL("DROP TABLE {n}.{n} CASCADE").format(n=sql.Identifier(name)))
    assert len(compare_schemas(full, await schema_of(pair.now))) == 3


async def test_a_schema_of_another_major_version_comes_with_a_note(before: DatabaseSchema) -> None:
    (note,) = notes(before, replace(before, version=150004))
    assert note.startswith(f"PostgreSQL {before.version // 10_000} and 15 print some definitions differently")
    assert notes(before, before) == []
