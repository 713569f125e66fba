"""The older program, `neonctl` 5: the same commands from another package."""

from collections.abc import Callable

import pytest

from tests.e2e.cli import Cli, moment, why_not


@pytest.fixture(scope="module")
def neonctl(request: pytest.FixtureRequest) -> Cli:
    reason = why_not("neonctl")
    if reason is not None:
        pytest.skip(reason)
    point: Callable[[str], Cli] = request.getfixturevalue("program_on")
    return point("neonctl")


def test_a_recovery_from_beginning_to_end(neonctl: Cli) -> None:
    assert neonctl.text("--version").startswith("5.")
    with neonctl.connect("main") as session:
        session.execute("CREATE TABLE log (note text)")
        session.execute("INSERT INTO log VALUES ('kept')")
        when = moment(session)
        session.execute("DELETE FROM log")
    assert neonctl.psql(f"main@{when}", "SELECT note FROM log") == ["kept"]
    neonctl.text("branches", "restore", "main", f"^self@{when}", "--preserve-under-name", "before")
    assert neonctl.psql("main", "SELECT note FROM log") == ["kept"]
    assert {one["name"] for one in neonctl.json("branches", "list")} == {"main", "before"}
    made = neonctl.json("snapshots", "create", "--branch", "main", "--name", "afterwards")
    assert [one["id"] for one in neonctl.json("snapshots", "list")] == [made["id"]]
