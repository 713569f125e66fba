"""Neon's command line: restores in place, resets, what differs."""

import psycopg
import pytest

from tests.e2e.cli import Cli, moment, position


def _write(session: psycopg.Connection, note: str) -> None:
    session.execute("INSERT INTO log VALUES (%s)", (note,))


@pytest.fixture(scope="module")
def main(neon: Cli) -> str:
    """The default branch, with a table `log` and a child."""
    with neon.connect("main") as session:
        session.execute("CREATE TABLE log (note text)")
        _write(session, "of main")
    neon.json("branches", "create", "--name", "first child", "--no-compute")
    return str(neon.branch("main")["id"])


def test_the_root_goes_back_and_forth(neon: Cli, main: str) -> None:
    uri = neon.uri("main")
    with psycopg.connect(uri, autocommit=True) as session:
        when = moment(session)
        session.execute("DROP TABLE log")
        with_table = "CREATE TABLE public.log"
        assert with_table in neon.text("branches", "schema-diff", "main", f"^self@{when}")
        restore = ["branches", "restore", "main", f"^self@{when}"]
        assert "preserve_under_name is required" in neon.refused(*restore)
        assert main in neon.text(*restore, "--preserve-under-name", "damaged")
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert neon.branch("main")["id"] == main
    assert neon.uri("main") == uri
    assert neon.notes("main") == ["of main"]
    damaged = neon.branch("damaged")
    assert "parent_id" not in neon.branch("main")
    assert "parent_id" not in damaged
    assert neon.branch("first child")["parent_id"] == damaged["id"]
    (changed,) = neon.json("diff", "damaged", "--branch", "main")
    assert changed["has_changes"] is True
    neon.text("branches", "restore", "main", "damaged", "--preserve-under-name", "repaired")
    assert neon.branch("main")["parent_id"] == damaged["id"]
    neon.text("branches", "restore", "main", "repaired", "--preserve-under-name", "damaged again")
    assert neon.notes("main") == ["of main"]


def test_a_child_goes_back_and_takes_its_parents_state(neon: Cli, main: str) -> None:
    neon.json("branches", "create", "--name", "child")
    with neon.connect("child") as session:
        _write(session, "of the child")
        where = position(session)
        _write(session, "too much")
    said = neon.text("branches", "restore", "child", f"^self@{where}", "--preserve-under-name", "kept")
    assert neon.notes("child") == ["of main", "of the child"]
    kept = neon.branch("kept")
    assert kept["id"] in said
    assert (neon.branch("child")["parent_id"], kept["parent_id"]) == (kept["id"], main)
    neon.text("branches", "restore", "child", "kept", "--preserve-under-name", "kept too")
    with neon.connect("main") as session:
        when = moment(session)
        _write(session, "later")
    neon.text("branches", "restore", "child", f"main@{when}")
    assert neon.notes("child") == ["of main"]
    assert neon.branch("child")["parent_id"] == main
    neon.text("branches", "reset", "child", "--parent")
    assert neon.notes("child") == ["later", "of main"]
    assert neon.branch("child")["last_reset_at"] > when


def test_a_branch_with_children_keeps_its_state_by_name(neon: Cli, main: str) -> None:
    neon.json("branches", "create", "--name", "parent", "--no-compute")
    neon.json("branches", "create", "--name", "grandchild", "--parent", "parent", "--no-compute")
    needed = "Branch has children, preserve_under_name is required"
    assert needed in neon.refused("branches", "reset", "parent", "--parent")
    assert "has children" in neon.refused("branches", "delete", "parent")
    neon.text("branches", "reset", "parent", "--parent", "--preserve-under-name", "parent before")
    assert neon.branch("grandchild")["parent_id"] == neon.branch("parent before")["id"]


def test_schemas_of_two_branches(neon: Cli, main: str) -> None:
    neon.json("branches", "create", "--name", "wider")
    with neon.connect("wider") as session:
        session.execute("ALTER TABLE log ADD COLUMN extra int")
    assert "+    extra integer" in neon.text("branches", "schema-diff", "wider", "^parent")
    assert "-    extra integer" in neon.text("diff", "wider", "--branch", "main")
