"""Neon's command line: snapshots and their schedule."""

import pytest

from tests.e2e.cli import Cli, moment


@pytest.fixture(scope="module")
def past(neon: Cli) -> str:
    """A time at which main's table `log` had one row; now it has two."""
    with neon.connect("main") as session:
        session.execute("CREATE TABLE log (note text)")
        session.execute("INSERT INTO log VALUES ('one')")
        when = moment(session)
        session.execute("INSERT INTO log VALUES ('two')")
    return when


def test_a_snapshot_is_taken_shown_changed_and_deleted(neon: Cli, past: str) -> None:
    made = neon.json("snapshots", "create", "--branch", "main", "--name", "for a while")
    assert made["source_branch_id"] == neon.branch("main")["id"]
    assert neon.json("snapshots", "get", "for a while")["id"] == made["id"]
    assert neon.json("snapshots", "update", made["id"], "--name", "renamed")["name"] == "renamed"
    neon.text("snapshots", "delete", made["id"])
    assert made["id"] not in [one["id"] for one in neon.json("snapshots", "list")]


def test_a_snapshot_of_the_past_is_looked_at_and_takes_over(neon: Cli, past: str) -> None:
    main = neon.branch("main")
    uri = neon.uri("main")
    neon.json("snapshots", "create", "--branch", "main", "--name", "good", "--timestamp", past)
    neon.json("snapshots", "restore", "good", "--name", "a look", "--target-branch", "main")
    look = neon.branch("a look")
    assert look["restore_status"] == "restored"
    assert neon.branch("main")["id"] == main["id"]
    neon.text("snapshots", "finalize", "a look", "--name", "main before")
    assert neon.branch("main")["id"] == look["id"] != main["id"]
    assert neon.branch("main before")["id"] == main["id"]
    assert neon.uri("main") == uri
    assert neon.notes("main") == ["one"]


def test_a_schedule(neon: Cli) -> None:
    command = ["snapshots", "schedule", "set", "--branch", "main"]
    neon.text(*command, "--frequency", "daily", "--hour", "3", "--retention", "604800")
    schedule = neon.json("snapshots", "schedule", "get", "--branch", "main")
    found = schedule["schedule"] if isinstance(schedule, dict) else schedule
    assert found == [{"frequency": "daily", "hour": 3, "retention_seconds": 604800}]
