"""Copied rows are read back as what they were: by PostgreSQL, by COPY, by JSON."""

import json

import psycopg

from tests.conftest import ThrowawayPostgres
from warubi_tui.diff.copytext import fields, value
from warubi_tui.diff.model import RowDiff
from warubi_tui.screens.row_copy import SURE_BYTES, copied_words, insert_statement, rows_as

HOSTILE = 'it\'s \\ "quoted"; DROP TABLE x; -- \n\t\x1b[2J \u202e é 中 \U0001f600'

TABLE = 'Co\'pied "table"'
QUOTED = '"Co\'pied ""table"""'


def removed(values: dict[str, str | None], table: str = "copied") -> RowDiff:
    return RowDiff("public", table, "removed", {}, values, None)


async def test_an_insert_puts_back_every_value_into_its_type(postgres: ThrowawayPostgres) -> None:
    types = {
        "id": ("int GENERATED ALWAYS AS IDENTITY", "7"),
        "Select": ("text", HOSTILE),
        "n": ("numeric", "1.00"),
        "j": ("json", '{"a": "\\u00e9\\\\"}'),
        "b": ("bytea", "\\x00ff27"),
        "a": ("int[]", "{1,NULL,3}"),
        "t": ("timestamptz", "2026-11-22 14:07:58.123456+00"),
        "ok": ("boolean", "true"),
        "missing": ("text", None),
        "empty": ("text", ""),
        "computed": ("int GENERATED ALWAYS AS (id * 2) STORED", "99"),
    }
    columns = ", ".join(f'"{name}" {kind}' for name, (kind, _) in types.items())
    texts = ", ".join(f'"{name}"::text' for name in types)
    values = {name: value for name, (_, value) in types.items()}
    statement = insert_statement(removed(values, TABLE), {"computed"})
    assert statement.isprintable()
    async with await psycopg.AsyncConnection.connect(postgres.create_database(), autocommit=True) as server:
        await server.execute("SET timezone = 'UTC'")
        await server.execute(f"CREATE TABLE {QUOTED} ({columns})".encode())
        for setting in ("on", "off"):
            await server.execute(f"SET standard_conforming_strings = {setting}".encode())
            await server.execute(statement.encode())
        rows = await (await server.execute(f"SELECT {texts} FROM {QUOTED}".encode())).fetchall()
    assert rows == [tuple({**values, "computed": "14"}.values())] * 2


async def test_an_insert_means_the_same_where_nothing_is_an_identity(postgres: ThrowawayPostgres) -> None:
    async with await psycopg.AsyncConnection.connect(postgres.create_database(), autocommit=True) as server:
        await server.execute("CREATE TABLE copied (a text, b int)")
        for statement in rows_as("insert", [removed({"a": "x", "b": None})], ()).splitlines():
            await server.execute(statement.encode())
        await server.execute("CREATE TABLE nothing (c int GENERATED ALWAYS AS (1) STORED)")
        await server.execute(insert_statement(removed({"c": "1"}, "nothing"), {"c"}).encode())
        found = [
            await (await server.execute(query)).fetchall()
            for query in ("TABLE copied", "SELECT count(*) FROM nothing")
        ]
    assert found == [[("x", None)], [(1,)]]


def test_a_changed_row_is_inserted_as_it_was_and_an_added_one_as_it_is() -> None:
    changed = RowDiff("s", "t", "changed", {}, {"a": "old"}, {"a": "new"}, ("a",))
    added = RowDiff("s", "t", "added", {}, None, {"a": "new"})
    assert "'old'" in insert_statement(changed, ())
    assert "'new'" in insert_statement(added, ())


def test_tsv_is_what_copy_reads() -> None:
    changed = RowDiff("s", "t", "changed", {}, {"a": HOSTILE, "b": None}, {"a": "", "c": "\\N"}, ("a",))
    head, then, now = rows_as("tsv", [changed], ()).splitlines()
    assert head == "difference\ta\tb\tc"
    assert [value(field) for field in fields(then.encode())] == ["changed (then)", HOSTILE, None, ""]
    assert [value(field) for field in fields(now.encode())] == ["changed (now)", "", "", "\\N"]


def test_json_is_a_line_for_every_row() -> None:
    rows = [removed({"a": HOSTILE}), removed({"a": None})]
    assert [json.loads(line) for line in rows_as("json", rows, ()).splitlines()] == [
        row.to_json() for row in rows
    ]


def test_what_was_left_out_or_may_be_is_said() -> None:
    assert copied_words(1, 1, "TSV", "x") == "Copied 1 row as TSV"
    assert "the first 1,000 of 5,000 marked rows" in copied_words(1_000, 5_000, "TSV", "x")
    assert "not every terminal" in copied_words(1, 1, "TSV", "x" * (SURE_BYTES + 1))
    assert "not every terminal" not in copied_words(1, 1, "TSV", "x" * SURE_BYTES)
