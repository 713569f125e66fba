"""Neon's command line: connection strings, psql, roles, databases, operations, the API as it is."""

import psycopg
import pytest

from tests.e2e.cli import Cli, moment, position

_QUERY = "SELECT note FROM log ORDER BY note"


@pytest.fixture(scope="module")
def past(neon: Cli) -> tuple[str, str]:
    """A time and an LSN at which main's table `log` had one row; now it has two."""
    with neon.connect("main") as session:
        session.execute("CREATE TABLE log (note text)")
        session.execute("INSERT INTO log VALUES ('one')")
        when, where = moment(session), position(session)
        session.execute("INSERT INTO log VALUES ('two')")
    return when, where


def test_a_connection_string_demands_tls_and_channel_binding(neon: Cli, past: tuple[str, str]) -> None:
    uri = neon.text("connection-string", "main")
    assert uri.endswith("?sslmode=require&channel_binding=require")
    assert neon.text("connection-string", "main", "--pooled") == uri
    parts = neon.json("connection-string", "main", "--extended")
    assert parts["connection_string"] == uri
    assert parts["host"].startswith("127.0.0.1:")
    with psycopg.connect(uri) as session:
        assert session.pgconn.used_password
        assert session.pgconn.ssl_in_use
        assert session.execute(_QUERY).fetchall() == [("one",), ("two",)]


@pytest.mark.parametrize("kind", ["time", "lsn"])
def test_the_past_is_a_connection_that_only_reads(neon: Cli, past: tuple[str, str], kind: str) -> None:
    point = past[0] if kind == "time" else past[1]
    with psycopg.connect(neon.text("connection-string", f"main@{point}"), autocommit=True) as session:
        assert session.execute(_QUERY).fetchall() == [("one",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            session.execute("INSERT INTO log VALUES ('never')")


def test_the_programs_own_psql(neon: Cli, past: tuple[str, str]) -> None:
    assert neon.psql("main", _QUERY) == ["one", "two"]
    assert neon.psql("main", _QUERY, "--fallback") == ["one", "two"]
    assert neon.psql(f"main@{past[0]}", _QUERY, "--fallback") == ["one"]


def test_a_new_branch_is_connected_to_at_once(neon: Cli, past: tuple[str, str]) -> None:
    said = neon.text("branches", "create", "--name", "at once", "--psql", "--", "-Atc", _QUERY)
    assert said.splitlines()[-2:] == ["one", "two"]
    status = neon.text("status")
    assert "main" in status
    assert neon.engine.project_id in status


def test_roles_databases_and_operations(neon: Cli) -> None:
    assert [one["name"] for one in neon.json("roles", "list", "--branch", "main")] == ["neondb_owner"]
    neon.json("databases", "create", "--branch", "main", "--name", "second")
    neon.json("roles", "create", "--branch", "main", "--name", "reader")
    names = [one["name"] for one in neon.json("databases", "list", "--branch", "main")]
    assert names == ["neondb", "second"]
    assert "multiple roles" in neon.refused("connection-string", "main").lower()
    chosen = ["--role-name", "reader", "--database-name", "second"]
    with psycopg.connect(neon.text("connection-string", "main", *chosen)) as session:
        row = session.execute("SELECT current_user, current_database()").fetchone()
        assert row == ("reader", "second")
    neon.text("databases", "delete", "second", "--branch", "main")
    neon.text("roles", "delete", "reader", "--branch", "main")
    operations = neon.json("operations", "list")
    assert {one["status"] for one in operations} == {"finished"}


def test_the_api_as_it_is(neon: Cli) -> None:
    path = f"/projects/{neon.engine.project_id}/branches"
    assert neon.json("me", project=False)["projects_limit"] == 1
    listed = neon.json("api", path, "-Q", "search=main", "-Q", "limit=1")
    assert [one["name"] for one in listed["branches"]] == ["main"]
    created = neon.json("api", path, "-X", "POST", "-F", "branch.name=by hand")
    branch = f"{path}/{created['branch']['id']}"
    neon.json("api", branch, "-X", "DELETE")
    assert "not found" in neon.refused("api", branch)
    assert neon.json("api", f"{branch}/recover", "-X", "POST")["branch"]["name"] == "by hand"
