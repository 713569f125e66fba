"""`warubi diff` over some of the rows, by a chosen method, and interrupted."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.commands.conftest import Warubi
from tests.conftest import ThrowawayPostgres
from tests.engine.lab import wait_until

THEN = """
CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob');
"""
NOW = """
DELETE FROM customers WHERE id = 1;
UPDATE customers SET name = 'Eve';
INSERT INTO customers VALUES (4, 'Dan');
"""


@pytest.fixture
def sides(postgres: ThrowawayPostgres) -> tuple[str, str]:
    """Two databases, one of them hurt."""
    then, now = (postgres.create_database() for _ in range(2))
    for uri, script in ((then, THEN), (now, THEN + NOW)):
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(script.encode())
    return then, now


def test_only_rows_that_meet_a_condition(sides: tuple[str, str], warubi: Warubi) -> None:
    where = "-id < -3"
    data = json.loads(warubi("diff", *sides, "--where", where, "--json").out)
    (customers,) = data["tables"]
    assert (customers["removed"], customers["added"], customers["changed"]) == (0, 1, 0)


def test_a_condition_that_the_server_refuses(sides: tuple[str, str], warubi: Warubi) -> None:
    ended = warubi("diff", *sides, "--where", "nmae = 'Ann'")
    assert ended.code == 1
    assert "public.customers  -        -      -        -    not compared\n" in ended.out
    assert 'public.customers was not compared: then: column "nmae" does not exist' in ended.out


@pytest.mark.parametrize("method", ["blocks", "key"])
def test_a_method_can_be_forced(sides: tuple[str, str], warubi: Warubi, method: str) -> None:
    arguments = ["diff", *sides, "--method", method, "--json"]
    (customers,) = json.loads(warubi(*arguments).out)["tables"]
    assert customers["method"] == method
    assert (customers["removed"], customers["added"], customers["changed"]) == (1, 1, 1)


def test_ctrl_c_ends_the_queries_on_both_servers(
    postgres: ThrowawayPostgres, sides: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    command = [sys.executable, "-m", "warubi_tui", "diff", *sides, "--where", "pg_sleep(1000) IS NOT NULL"]
    databases = [uri.rsplit("/", 1)[1] for uri in sides]
    with (
        psycopg.connect(postgres.uri(), autocommit=True) as watch,
        subprocess.Popen(
            [*command, "--jsonl", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        ) as process,
    ):

        def active() -> int:
            row = watch.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = ANY(%s) AND state = 'active' AND wait_event = 'PgSleep'",
                [databases],
            ).fetchone()
            assert row is not None
            return int(row[0])

        wait_until(lambda: active() == 2, "it compares on both")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert active() == 0
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert list(tmp_path.glob("*rows*")) == []
