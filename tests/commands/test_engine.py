"""The commands on the real engine: real branches, real PostgreSQL, real recovery."""

import asyncio
import json

import psycopg
import pytest

from tests.commands.conftest import Ended, Warubi
from tests.conftest import RunningEngine
from warubi_tui.neon.branches import find_branch
from warubi_tui.neon.client import NeonClient
from warubi_tui.neon.connections import branch_uri


@pytest.fixture
def real(engine: RunningEngine, warubi: Warubi, monkeypatch: pytest.MonkeyPatch) -> Warubi:
    """The program, talking to the engine."""
    monkeypatch.setenv("NEON_API_HOST", engine.host)
    monkeypatch.setenv("NEON_API_KEY", engine.key.reveal())
    monkeypatch.setenv("NEON_PROJECT_ID", engine.project_id)
    return warubi


def uri_of(engine: RunningEngine, name: str) -> str:
    async def ask() -> str:
        async with NeonClient(engine.host, engine.key) as client:
            branch = find_branch(await client.branches(engine.project_id), name)
            return (await branch_uri(client, engine.project_id, branch, None)).reveal()

    return asyncio.run(ask())


def execute(uri: str, statement: str) -> str:
    """Runs a statement; the first value of its result, or of the server's clock."""
    with psycopg.connect(uri, autocommit=True) as connection:
        cursor = connection.execute(statement)
        if cursor.description is None:
            cursor = connection.execute("SELECT clock_timestamp()::text")
        row = cursor.fetchone()
        assert row is not None
        return str(row[0])


def data_of(ended: Ended, code: int = 0) -> dict[str, object]:
    assert ended.code == code, ended.err
    data = json.loads(ended.out)
    assert isinstance(data, dict)
    return data


def names(real: Warubi) -> set[str]:
    return {branch["name"] for branch in json.loads(real("branches", "--json").out)["branches"]}


COUNT = "SELECT count(*) FROM shop"


def test_the_recovery_loop(engine: RunningEngine, real: Warubi) -> None:
    main = uri_of(engine, "main")
    execute(main, "CREATE TABLE shop (id int PRIMARY KEY, name text)")
    good = execute(main, "INSERT INTO shop SELECT i, 'item ' || i FROM generate_series(1, 5) i")
    execute(main, "DELETE FROM shop WHERE id <= 3")

    copied = real("restore", "main", "--at", good, "--name", "copy", "--json", "--show-secret")
    copy = data_of(copied)
    assert copy["requested"] == good
    assert copy["resolved_lsn"]
    assert "Last commit included" in copied.err
    assert execute(str(copy["connection_uri"]), COUNT) == "5"
    assert execute(main, COUNT) == "2"

    for then in ("copy", f"main@{good}", f"main@{copy['resolved_lsn']}"):
        (table,) = json.loads(real("diff", then, "main", "--json").out)["tables"]
        assert (table["table"], table["removed"], table["added"], table["changed"]) == ("shop", 3, 0, 0)
    assert names(real) == {"main", "copy"}

    in_place = ["restore", "main", "--at", good, "--in-place", "--keep-as", "broken", "--json"]
    assert real(*in_place).code == 3
    assert execute(main, COUNT) == "2"
    restored = data_of(real(*in_place, "--confirm", "main"))
    assert restored["kept_as"]
    assert execute(main, COUNT) == "5"
    assert real("diff", "copy", "main").code == 0
    ended = real("diff", "main", "broken", "--json")
    assert ended.code == 1, ended.err
    (table,) = json.loads(ended.out)["tables"]
    assert (table["removed"], table["added"], table["changed"]) == (3, 0, 0)
    assert names(real) == {"main", "copy", "broken"}

    undo = ["restore", "main", "--in-place", "--from", "broken", "--keep-as", "mended"]
    assert real(*undo).code == 3
    assert (
        real("restore", "main", "--from", "broken", "--at", good, "--in-place", "--confirm", "main").code == 2
    )
    assert data_of(real(*undo, "--confirm", "main", "--json"))["requested"] is None
    assert execute(main, COUNT) == "2"
    assert names(real) == {"main", "copy", "broken", "mended"}


@pytest.mark.parametrize(
    ("when", "word"), [("+1h", "future"), ("2020-01-01 00:00Z", "before"), ("0/1", "before")]
)
def test_outside_the_window_both_ends_are_named(real: Warubi, when: str, word: str) -> None:
    before = names(real)
    ended = real("restore", "main", "--at", when)
    assert ended.code == 3
    assert word in ended.err
    assert "any point from" in ended.err
    assert names(real) == before


def test_the_life_of_a_branch(real: Warubi) -> None:
    assert data_of(real("branch", "create", "dev", "--no-compute", "--json"))["branch"]
    assert real("branch", "protect", "dev", "--confirm", "dev").code == 0
    refused = real("branch", "delete", "dev", "--confirm", "dev")
    assert refused.code == 3
    assert "protected" in refused.err
    assert real("branch", "protect", "dev", "--off", "--confirm", "dev").code == 0
    assert real("branch", "rename", "dev", "feature", "--confirm", "dev").code == 0
    assert real("branch", "default", "feature", "--confirm", "feature").code == 0
    assert real("branch", "default", "main", "--confirm", "main").code == 0
    assert real("branch", "delete", "feature", "--confirm", "feature").code == 0
    assert "feature" not in names(real)


def test_a_branch_expires(real: Warubi) -> None:
    branch = data_of(real("branch", "create", "brief", "--expires-at", "+1h", "--no-compute", "--json"))[
        "branch"
    ]
    assert isinstance(branch, dict)
    assert branch["expires_at"].endswith("Z")
