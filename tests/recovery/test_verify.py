"""Digests and integrity checks on a real PostgreSQL."""

from datetime import UTC, datetime
from typing import LiteralString

import psycopg
import pytest

from tests.conftest import ThrowawayPostgres
from warubi_tui.errors import UnreachableError
from warubi_tui.recovery.check import Check
from warubi_tui.recovery.integrity import database_integrity
from warubi_tui.recovery.verify import Undigested, compare_databases, database_digests, proven
from warubi_tui.secret import Secret


def database(postgres: ThrowawayPostgres, script: LiteralString) -> Secret:
    uri = postgres.create_database("verify")
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(script)
    return Secret(uri)


async def equal(postgres: ThrowawayPostgres, left: LiteralString, right: LiteralString) -> bool:
    """Whether the databases that two scripts make are proven to be equal."""
    return proven(await compare_databases("shop", database(postgres, left), database(postgres, right)))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("CREATE TABLE t (a int, b text)", "CREATE TABLE t (b text, a int)"),
        (
            "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 500)",
            "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(500, 1, -1)",
        ),
        (
            "CREATE TABLE t (a int, b int) PARTITION BY RANGE (a);"
            " CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (5);"
            " CREATE TABLE t2 PARTITION OF t DEFAULT; INSERT INTO t SELECT n, n FROM generate_series(1, 9) n",
            "CREATE TABLE t (a int, b int) PARTITION BY RANGE (a); CREATE TABLE t3 PARTITION OF t DEFAULT;"
            " INSERT INTO t SELECT n, n FROM generate_series(1, 9) n",
        ),
        (
            'CREATE TABLE """; DROP" ("a b" int, "x"" y" json); INSERT INTO """; DROP" VALUES (1, \'{}\')',
            'CREATE TABLE """; DROP" ("x"" y" json, "a b" int); INSERT INTO """; DROP" VALUES (\'{}\', 1)',
        ),
        ("CREATE TABLE t ()", "CREATE TABLE t ()"),
    ],
    ids=["column order", "row order", "partitions", "names", "no columns"],
)
async def test_same_rows_have_the_same_digest(
    postgres: ThrowawayPostgres, left: LiteralString, right: LiteralString
) -> None:
    assert await equal(postgres, left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("(NULL::text)", "('')"),
        ("('NULL')", "(NULL::text)"),
        ("(1.0::numeric)", "(1.00::numeric)"),
        ("('a,b'), ('c')", "('a'), ('b,c')"),
        ("('x'), ('x')", "('x')"),
        ("('x'), ('x'), ('y')", "('x'), ('y'), ('y')"),
        ("('NaN'::float8)", "(0::float8)"),
        ("('\\x00'::bytea)", "('\\x'::bytea)"),
        ("(1)", "(1::bigint)"),
        ("(ARRAY[1, NULL])", "(ARRAY[NULL, 1])"),
        ("(timestamptz '2026-11-22 14:00:00.000001Z')", "(timestamptz '2026-11-22 14:00:00Z')"),
    ],
)
async def test_other_rows_have_another_digest(
    postgres: ThrowawayPostgres, left: LiteralString, right: LiteralString
) -> None:
    assert not await equal(
        postgres,
        "CREATE TABLE t AS SELECT * FROM (VALUES " + left + ") v (c)",
        "CREATE TABLE t AS SELECT * FROM (VALUES " + right + ") v (c)",
    )


async def test_table_on_one_side_is_unequal(postgres: ThrowawayPostgres) -> None:
    assert not await equal(postgres, "CREATE TABLE a (); CREATE TABLE b ()", "CREATE TABLE a ()")


async def test_empty_databases_prove_nothing(postgres: ThrowawayPostgres) -> None:
    assert not await equal(postgres, "", "")


async def test_table_that_cannot_be_read_is_unknown_and_the_others_are_read(
    postgres: ThrowawayPostgres,
) -> None:
    uri = database(
        postgres,
        """
        CREATE TABLE hidden (a int); CREATE TABLE seen (a int); INSERT INTO seen VALUES (1);
        ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
        CREATE TABLE zone (a int); INSERT INTO zone VALUES (1);
        DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        GRANT SELECT ON seen, hidden TO reader;
        """,
    )
    digests = await database_digests(Secret(uri.reveal().replace("postgres@", "reader@")))
    assert {name: isinstance(digest, Undigested) for (_, name), digest in digests.items()} == {
        "hidden": True,
        "seen": False,
        "zone": True,
    }
    as_reader = Secret(uri.reveal().replace("postgres@", "reader@"))
    proofs = await compare_databases("shop", uri, as_reader)
    assert {proof.table: proof.equal for proof in proofs} == {
        "public.hidden": None,
        "public.seen": True,
        "public.zone": None,
    }
    assert not proven(proofs)


async def look(uri: Secret) -> dict[str, Check]:
    checks = await database_integrity(
        "shop", uri, clock=lambda: datetime(2026, 11, 22, tzinfo=UTC), report=lambda _: None
    )
    return {check.name.removesuffix(" of shop"): check for check in checks}


SOUND: LiteralString = """
CREATE TABLE parent (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, big text);
CREATE TABLE child (a int, b int, parent int REFERENCES parent, PRIMARY KEY (a, b));
INSERT INTO parent (big) SELECT repeat(md5(n::text), 500) FROM generate_series(1, 20) n;
INSERT INTO child SELECT n, n, n FROM generate_series(1, 20) n;
INSERT INTO child VALUES (99, 99, NULL);
"""


async def test_sound_database_passes_everything(postgres: ThrowawayPostgres) -> None:
    checks = await look(database(postgres, SOUND))
    assert {name: check.state for name, check in checks.items()} == dict.fromkeys(
        ["Indexes", "Constraints", "Sequences", "Primary keys", "Foreign keys", "Rows"], "pass"
    )
    assert checks["Rows"].evidence == "41 rows in 2 tables, every value read"


@pytest.mark.parametrize(
    ("harm", "check", "state", "evidence"),
    [
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'child_pkey'::regclass",
            "Indexes",
            "warn",
            "child_pkey",
        ),
        ("SELECT setval('parent_id_seq', 5)", "Sequences", "warn", "parent_id_seq is at 5, parent.id at 20"),
        ("SELECT setval('parent_id_seq', 20, false)", "Sequences", "warn", "parent_id_seq is at 20"),
        (
            "SET session_replication_role = replica; DELETE FROM parent WHERE id < 4",
            "Foreign keys",
            "fail",
            "public.child child_parent_fkey: 3 rows without their parent",
        ),
        (
            "UPDATE pg_index SET indisunique = false, indimmediate = false"
            " WHERE indexrelid = 'child_pkey'::regclass; INSERT INTO child VALUES (1, 1, 1);"
            " UPDATE pg_index SET indisunique = true, indimmediate = true"
            " WHERE indexrelid = 'child_pkey'::regclass",
            "Primary keys",
            "fail",
            "public.child: 1 keys twice",
        ),
        (
            "ALTER TABLE child ADD CHECK (a > 5) NOT VALID",
            "Constraints",
            "warn",
            "child child_a_check",
        ),
    ],
)
async def test_damage_is_found(
    postgres: ThrowawayPostgres, harm: LiteralString, check: str, state: str, evidence: str
) -> None:
    uri = database(postgres, SOUND)
    with psycopg.connect(uri.reveal(), autocommit=True) as connection:
        connection.execute(harm)
    checks = await look(uri)
    assert (checks[check].state, evidence in checks[check].evidence) == (state, True)
    assert [name for name, one in checks.items() if one.state != "pass"] == [check]


async def test_row_that_cannot_be_read_is_damage(postgres: ThrowawayPostgres) -> None:
    uri = database(postgres, SOUND)
    with psycopg.connect(uri.reveal(), autocommit=True) as connection:
        connection.execute("ALTER TABLE parent ALTER big SET STORAGE EXTERNAL")
        connection.execute("INSERT INTO parent (big) VALUES (repeat('x', 20000))")
        connection.execute("CREATE TABLE other (big text)")
        connection.execute(
            "UPDATE pg_class SET relfilenode = (SELECT t.relfilenode FROM pg_class o JOIN pg_class t"
            " ON t.oid = o.reltoastrelid WHERE o.oid = 'other'::regclass)"
            " WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'parent'::regclass)"
        )
    checks = await look(uri)
    assert checks["Rows"].state == "fail"
    assert "public.parent" in checks["Rows"].evidence


async def test_check_that_may_not_run_is_unknown(postgres: ThrowawayPostgres) -> None:
    uri = database(
        postgres, SOUND + "DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN OTHERS THEN END $$"
    )
    checks = await look(Secret(uri.reveal().replace("postgres@", "stranger@")))
    assert checks["Primary keys"].state == "unknown"
    assert checks["Foreign keys"].state == "unknown"
    assert checks["Sequences"].state == "unknown"
    assert checks["Rows"].state == "unknown"


async def test_no_connection_is_an_error_not_a_result() -> None:
    with pytest.raises(UnreachableError):
        await database_digests(Secret("postgresql://nobody@127.0.0.1:1/none"))
