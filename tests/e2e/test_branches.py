"""Neon's command line: projects, branches, computes."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.e2e.cli import Cli, moment, position


@pytest.fixture(scope="module")
def past(neon: Cli) -> tuple[str, str]:
    """A time and an LSN at which main's table `log` had one row; now it has two."""
    with neon.connect("main") as session:
        session.execute("CREATE TABLE log (note text)")
        session.execute("INSERT INTO log VALUES ('one')")
        when, where = moment(session), position(session)
        session.execute("INSERT INTO log VALUES ('two')")
    return when, where


def test_projects_and_the_account(neon: Cli) -> None:
    listed = neon.json("projects", "list", project=False)
    assert [one["id"] for one in listed["projects"]] == [neon.engine.project_id]
    assert listed["shared_with_you"] == []
    assert neon.json("projects", "get", neon.engine.project_id)["history_retention_seconds"] > 0
    assert neon.json("projects", "list", "--recoverable-only", project=False) == []
    assert [one["name"] for one in neon.json("branches", "list", project=False)] == ["main"]


@pytest.mark.parametrize("kind", ["time", "lsn"])
def test_a_branch_of_the_past_of_the_default_branch(neon: Cli, past: tuple[str, str], kind: str) -> None:
    parent = past[0] if kind == "time" else past[1]
    created = neon.json("branches", "create", "--name", f"at {kind}", "--parent", parent)
    assert created["branch"]["id"].count("-") == 3
    assert created["branch"]["parent_id"] == neon.branch("main")["id"]
    assert neon.notes(f"at {kind}") == ["one"]


def test_a_branch_of_now_with_sizes_and_its_life(neon: Cli, past: tuple[str, str]) -> None:
    created = neon.json(
        *["branches", "create", "--name", "dev", "--parent", "main"],
        *["--cu", "0.5-2", "--suspend-timeout", "300"],
    )
    (endpoint,) = created["endpoints"]
    assert (endpoint["autoscaling_limit_min_cu"], endpoint["autoscaling_limit_max_cu"]) == (0.5, 2)
    assert (endpoint["suspend_timeout_seconds"], endpoint["type"]) == (300, "read_write")
    assert created["connection_uris"][0]["connection_uri"] == neon.uri("dev")
    assert neon.json("branches", "get", "dev")["current_state"] == "ready"
    assert neon.json("branches", "rename", "dev", "develop")["id"] == created["branch"]["id"]
    assert neon.json("branches", "set-default", "develop")["default"] is True
    assert "default branch" in neon.refused("branches", "delete", "develop")
    neon.text("branches", "set-default", "main")
    replica = neon.json("branches", "add-compute", "develop")
    assert replica["type"] == "read_only"
    assert neon.branch("develop")["id"] == replica["branch_id"]
    assert neon.json("branches", "delete", "develop")["name"] == "develop"
    assert "not found" in neon.refused("branches", "get", "develop")


def test_a_bare_branch_that_expires(neon: Cli, past: tuple[str, str]) -> None:
    soon = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    create = ["branches", "create", "--name", "bare", "--no-compute"]
    created = neon.json(*create, "--expires-at", soon)
    assert created["expires_at"] == soon
    assert neon.ask(f"/branches/{created['id']}/endpoints")["endpoints"] == []
    assert "expires_at" not in neon.json("branches", "set-expiration", "bare")
    far = "2099-01-01T00:00:00Z"
    assert "30 days" in neon.refused("branches", "set-expiration", "bare", "--expires-at", far)
    assert neon.json("branches", "set-expiration", "bare", "--expires-at", soon)["expires_at"] == soon
    assert neon.json("branches", "add-compute", "bare", "--type", "read_write")["type"] == "read_write"
    assert neon.notes("bare") == ["one", "two"]


def test_a_schema_only_branch_has_the_tables_and_no_rows(neon: Cli, past: tuple[str, str]) -> None:
    created = neon.json("branches", "create", "--name", "empty", "--parent", "main", "--schema-only")
    assert "parent_id" not in created["branch"]
    assert created["branch"]["init_source"] == "schema-only"
    assert neon.notes("empty") == []


def test_a_protected_branch(neon: Cli, past: tuple[str, str]) -> None:
    created = neon.json("branches", "create", "--name", "safe", "--protected", "--type", "read_only")
    assert created["branch"]["protected"] is True
    with neon.connect("safe") as session, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        session.execute("DELETE FROM log")
    assert neon.notes("safe") == ["one", "two"]
    assert "protected" in neon.refused("branches", "delete", "safe")
    assert "protected" in neon.refused("branches", "reset", "safe", "--parent")
    listed = neon.text("branches", "list")
    assert "[default] main" in listed


def test_what_cannot_be_had_is_said(neon: Cli, past: tuple[str, str]) -> None:
    assert "root branch" in neon.refused("branches", "delete", "main")
    assert "history window" in neon.refused("branches", "create", "--parent", "2001-01-01T00:00:00Z")
    assert "already exists" in neon.refused("branches", "create", "--name", "main")
