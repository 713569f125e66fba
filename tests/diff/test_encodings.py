"""Databases that are not in UTF-8, and one that is in nothing."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.diff.conftest import Server
from tests.diff.databases import Comparer, Pair, run


@pytest.fixture
def encoded(postgres: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"encoded_{uuid.uuid4().hex[:8]}"
    run(
        postgres.uri(),
        f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'"
        f" ENCODING '{request.param}'",
    )
    yield postgres.uri(name)
    run(postgres.uri(), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("encoded", ["LATIN1", "WIN1251", "EUC_JP"], indirect=True)
async def test_another_encoding_is_compared_by_characters(
    pair: Pair, compare: Comparer, encoded: str, request: pytest.FixtureRequest
) -> None:
    letters = {"LATIN1": "aéÿ", "WIN1251": "aЯя", "EUC_JP": "aあ亜"}[request.node.callspec.params["encoded"]]
    words = [first + second for first in letters for second in letters]
    for uri, skipped in ((pair.then, words[3]), (encoded, words[7])):
        with psycopg.connect(uri, client_encoding="UTF8") as connection:
            connection.execute("CREATE TABLE t (k text PRIMARY KEY, v int)")
            connection.cursor().executemany(
                "INSERT INTO t VALUES (%s, 1)", [[word] for word in words if word != skipped]
            )
    diff = await compare(now=encoded)
    rows = await diff.rows("public", "t")
    assert {(row.op, row.key["k"]) for row in rows} == {("added", words[3]), ("removed", words[7])}


@pytest.mark.parametrize("encoded", ["SQL_ASCII"], indirect=True)
async def test_bytes_that_are_no_text_are_not_compared(pair: Pair, compare: Comparer, encoded: str) -> None:
    pair.on_then("CREATE TABLE t (k text); CREATE TABLE u (k text)")
    run(encoded, r"CREATE TABLE t (k text); CREATE TABLE u (k text); INSERT INTO t VALUES (E'\xff')")
    run(encoded, "INSERT INTO u VALUES ('fine')")
    diff = await compare(now=encoded)
    assert "invalid byte sequence" in str(diff.tables[0].not_compared)
    assert (diff.tables[1].not_compared, diff.tables[1].added) == (None, 1)
