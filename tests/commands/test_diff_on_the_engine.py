"""`warubi diff` as a person runs it in an incident: against a real control plane with real history."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from tests.commands.conftest import Warubi
from tests.conftest import RunningEngine
from tests.e2e.cli import moment

SHOP = """
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id int PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, price numeric NOT NULL);
INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 2000) n;
INSERT INTO orders SELECT n, 1 + n * 79 % 1999, n FROM generate_series(1, 3000) n;
"""


@pytest.fixture
def main_uri(engine: RunningEngine, warubi: Warubi, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The connection string of the default branch of an engine that the environment points to."""
    monkeypatch.setenv("NEON_API_HOST", engine.host)
    monkeypatch.setenv("NEON_API_KEY", engine.key.reveal())
    uri = warubi("branch", "uri", "main", "--reveal")
    assert uri.code == 0, uri.err
    yield uri.out.strip()
    assert [branch["name"] for branch in json.loads(warubi("branches", "--json").out)["branches"]] == ["main"]


def test_what_an_accident_did_since_a_time(main_uri: str, warubi: Warubi) -> None:
    with psycopg.connect(main_uri, autocommit=True) as session:
        session.execute(SHOP)
        before = moment(session)
        session.execute("DELETE FROM customers WHERE id BETWEEN 101 AND 300")
        session.execute("UPDATE orders SET price = 0 WHERE id > 2900")
    ended = warubi("diff", "main", "--against-time", before, "--json")
    assert ended.code == 1, ended.err
    tables = {one["table"]: one for one in json.loads(ended.out)["tables"]}
    assert {one["method"] for one in tables.values()} == {"headers"}, "both sides share their history"
    customers, orders = tables["customers"], tables["orders"]
    assert customers["findings"][0]["where"] == "id BETWEEN 101 AND 300"
    lost, changed = orders["findings"]
    assert "belonged to removed rows of public.customers (customer)" in lost["sentence"]
    assert "price set to 0 in all" in changed["sentence"]
    assert changed["others"] == 0
