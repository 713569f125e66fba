"""Two copies of one cluster that both went on: what is one object, and what has its number only."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.diff.histories.clusters import Cluster, copied, founded
from tests.diff.schema.base import schema_of
from warubi_tui.diff.schema.compare import compare_schemas
from warubi_tui.diff.words import schema_words
from warubi_tui.engine.account import Account
from warubi_tui.engine.programs import Programs


@pytest.fixture(scope="module")
def template(programs: Programs, account: Account) -> Iterator[Cluster]:
    with founded(programs, account) as cluster:
        yield cluster


@pytest.fixture
def original(template: Cluster) -> Iterator[Cluster]:
    with copied(template, "original") as cluster:
        yield cluster


def _oid(cluster: Cluster, table: str) -> str:
    return cluster.ask(f"SELECT '{table}'::regclass::oid")


@pytest.mark.parametrize("told", [True, False], ids=["parting known", "parting guessed"])
async def test_numbers_given_out_after_the_parting_mean_nothing(original: Cluster, told: bool) -> None:
    original.run(
        "CREATE TABLE people (id int, name text); CREATE TYPE size AS ENUM ('small', 'large');"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    fork = original.fork_stopped("then")
    try:
        fork.copy.run(
            "CREATE TABLE only_then (a int, b text)",
            "ALTER TABLE people ADD at date",
            "ALTER TYPE size ADD VALUE 'tiny'",
        )
        original.run(
            "CREATE TABLE only_now (x date, y numeric, z text)",
            "ALTER TABLE people ADD note text",
            "ALTER TYPE size ADD VALUE 'huge'",
            "ALTER TABLE people RENAME TO persons",
            "ALTER TABLE persons RENAME name TO label",
            "ALTER FUNCTION f() RENAME TO g",
        )
        assert _oid(fork.copy, "only_then") == _oid(original, "only_now")
        then, now = await schema_of(fork.copy.uri()), await schema_of(original.uri())
        changes = compare_schemas(then, now, next_xid=fork.next_xid if told else None)
        assert [schema_words(change) for change in changes] == [
            "- enum value removed: public.size: tiny",
            "+ enum value added: public.size: huge",
            "+ table added: public.only_now",
            "- table removed: public.only_then",
            "~ table renamed: public.people: is public.persons now; rows are compared under each name",
            "~ column renamed: public.people.name: is label now; values are compared under each name",
            "- column removed: public.people.at: date",
            "+ column added: public.persons.note: text",
            "~ function renamed: public.f(): is public.g() now",
        ]
    finally:
        fork.copy.remove()


async def test_a_sequence_of_a_recovered_copy_is_ahead_and_the_live_one_did_not_go_back(
    original: Cluster,
) -> None:
    original.run("CREATE SEQUENCE up; CREATE SEQUENCE down INCREMENT -5; CREATE SEQUENCE back")
    fork = original.fork_stopped("then")
    try:
        for cluster in (original, fork.copy):
            cluster.run("SELECT nextval('up'), nextval('down'), nextval('back')")
        fork.copy.stop(3)
        fork.copy.start()
        assert fork.copy.ask("SELECT last_value FROM up") == "33"
        assert original.ask("SELECT last_value FROM up") == "1"
        original.run("SELECT setval('back', 20), nextval('up')")
        then, now = await schema_of(fork.copy.uri()), await schema_of(original.uri())
        assert [schema_words(change) for change in compare_schemas(then, now)] == [
            "~ sequence went back: public.back: was at 33, is at 20 now: values come again"
        ]
    finally:
        fork.copy.remove()


async def test_a_database_made_from_a_template_shares_its_past(original: Cluster) -> None:
    original.run("CREATE DATABASE one")
    original.run("CREATE TABLE t (id int); CREATE TABLE u (id int)", database="one")
    original.run("CREATE DATABASE two TEMPLATE one")
    original.run("ALTER TABLE t RENAME TO s; DROP TABLE u; CREATE TABLE u (id int)", database="two")
    then, now = await schema_of(original.uri("one")), await schema_of(original.uri("two"))
    assert [change.kind for change in compare_schemas(then, now)] == ["table_renamed"]
    with psycopg.connect(original.uri("two"), autocommit=True) as session:
        session.execute("CREATE TABLE t (id int)")
    now = await schema_of(original.uri("two"))
    assert [(one.kind, one.table) for one in compare_schemas(then, now)] == [
        ("table_renamed", "t"),
        ("table_added", "t"),
    ]
