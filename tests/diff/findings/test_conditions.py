"""A condition is met by every row it was derived from, whatever the values, types and names."""

from collections.abc import Iterator
from datetime import date, timedelta

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.diff.conftest import Server
from warubi_tui.diff.findings.columns import ColumnSummary
from warubi_tui.diff.findings.predicates import Kind
from warubi_tui.diff.quoting import identifier, literal
from warubi_tui.postgres.catalog import Column
from warubi_tui.text import clean

VALUES = {
    "int2": ["0", "-1", "32767"],
    "int8": ["0", "-1", "-9223372036854775808"],
    "numeric": ["0", "-1.50", "1.0", "1.00", "NaN", "Infinity", "1e-20", "123456789012345678901"],
    "float8": ["0", "-0", "0.1", "1e-300", "NaN", "-Infinity"],
    "float4": ["0.1", "16777216", "-3.4e38"],
    "bool": ["t", "f"],
    "text": ["", " ", "a", "ab'c", "abc\\", "abc\n", "\x01", "\u202eabc", "ü", "🦉", "%s", "--", "a" * 300],
    "varchar": ["a", "a ", "abc", "abd"],
    "char(3)": ["", "a", "ab"],
    "name": ["a", "b"],
    "date": ["2024-02-29", "-infinity", "4713-01-01 BC", "20000-01-01"],
    "timestamp": ["2024-02-29 23:59:59.999999", "infinity", "2024-01-01"],
    "timestamptz": ["2024-01-01 00:00Z", "2024-01-01 01:00:00.1+02", "infinity", "0001-01-01Z BC"],
    "time": ["24:00", "01:02:03.4"],
    "timetz": ["01:02:03+02"],
    "interval": ["1 day", "24 hours", "-1 day +02:03:00"],
    "uuid": ["00000000-0000-0000-0000-000000000000"],
    "bytea": ["\\x", "\\xdeadbeef"],
    "jsonb": ["null", "1.0", '{"a": 1}', "\"it's\""],
    "json": ['{"a":1,"a":2}', "[ ]", "null"],
    "inet": ["10.0.0.1/24", "::1"],
    "int4range": ["empty", "[1,2)"],
    "text[]": ["{}", "{NULL}", '{"NULL","a b"}', '{"a\\\\b"}'],
    "timestamptz[]": ['{"2024-01-01 00:00Z"}'],
    "point": ["(1,2)"],
    "money": ["1.5"],
    "h5_mood": ["sad", "it's"],
    "h5_two": ["(1,x)"],
    "h5_positive": ["1", "2"],
}  # fmt: skip
BASES = {
    "char(3)": "bpchar",
    "text[]": "_text",
    "timestamptz[]": "_timestamptz",
    "h5_positive": "int4",
}


@pytest.fixture(scope="module")
def connection(postgres: Server) -> Iterator[psycopg.Connection]:
    """A database with types of its own."""
    with psycopg.connect(postgres.create_database(), autocommit=True) as connection:
        connection.execute(
            "CREATE TYPE h5_mood AS ENUM ('sad', 'it''s'); CREATE TYPE h5_two AS (a int, b text)"
        )
        connection.execute("CREATE DOMAIN h5_positive AS int CHECK (VALUE > 0); SET timezone = 'UTC'")
        yield connection


@st.composite
def columns(draw: st.DrawFn) -> tuple[str, str, list[str | None]]:
    """A column's name, its type, and values of it."""
    kind = draw(st.sampled_from(sorted(VALUES)))
    name = draw(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
    )
    some = draw(st.lists(st.sampled_from([None, *VALUES[kind]]), min_size=1, max_size=4))
    return name, kind, draw(st.lists(st.sampled_from(some), min_size=1, max_size=14))


@settings(max_examples=150, deadline=None)
@given(column=columns(), key=st.booleans())
def test_every_row_meets_the_condition(
    connection: psycopg.Connection, column: tuple[str, str, list[str | None]], key: bool
) -> None:
    name, kind, values = column
    with connection.transaction(force_rollback=True):
        quoted = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE TABLE t ({} {})").format(quoted, sql.SQL(kind)))
        connection.cursor().executemany("INSERT INTO t VALUES (%s)", [(value,) for value in values])
        with connection.cursor().copy(sql.SQL("COPY t TO STDOUT")) as copy:
            copy.set_types(["text"])
            printed = [row[0] for row in copy.rows()]
        base = BASES.get(kind, kind)
        summary = ColumnSummary(Column(name, kind, base, True, None, None, kind == "h5_mood"), key=key)
        for value in printed:
            summary.add(value)
        connection.execute("SET LOCAL datestyle = 'SQL, DMY'; SET LOCAL intervalstyle = 'iso_8601'")
        for predicate in summary.predicates():
            assert predicate.sql.isprintable()
            assert clean(predicate.words) == predicate.words
            met = connection.execute(f"SELECT count(*) FROM t WHERE {predicate.sql}".encode()).fetchone()
            assert met == (len(printed),), predicate.sql


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, list[str | None]]:
    """A type whose values are ordered, and values on a ladder, some of them missing."""
    kind = draw(st.sampled_from(["int4", "int8", "numeric", "float8", "date", "timestamptz"]))
    step = draw(st.integers(1, 7))
    first = draw(st.integers(-40, 40))
    rungs = draw(st.lists(st.integers(0, 60), min_size=6, max_size=20))
    found: list[str | None] = [str(first + step * rung) for rung in rungs]
    if kind in ("date", "timestamptz"):
        days = (date(2024, 1, 1) + timedelta(days=first + step * rung) for rung in rungs)
        found = [f"{day}" if kind == "date" else f"{day} 00:00:00+00" for day in days]
    if draw(st.booleans()):
        found[draw(st.integers(0, len(found) - 1))] = None
    return kind, found


@settings(max_examples=200, deadline=None)
@given(column=numbers(), key=st.booleans())
def test_every_number_is_within_its_range_and_on_its_step(
    connection: psycopg.Connection, column: tuple[str, list[str | None]], key: bool
) -> None:
    kind, values = column
    summary = ColumnSummary(Column("c", kind, kind, True, None, None), key=key)
    for value in values:
        summary.add(value)
    for predicate in summary.predicates():
        condition = predicate.sql.replace("%", "%%")
        query = f"SELECT count(*) FROM unnest(%s::text[]::{kind}[]) c WHERE {condition}"
        assert connection.execute(query.encode(), [values]).fetchone() == (len(values),), predicate.sql


def test_a_run_of_keys_has_no_gaps() -> None:
    def kinds(values: list[int]) -> list[Kind]:
        summary = ColumnSummary(Column("id", "integer", "int4", False, None, None), key=True)
        for value in values:
            summary.add(str(value))
        return [predicate.kind for predicate in summary.predicates()]

    assert kinds([9, 10, 11, 12, 13, 14]) == [Kind.RUN]
    assert kinds([9, 10, 11, 12, 13, 15]) == [Kind.RANGE]
    assert kinds([10, 20, 30, 40, 60, 90]) == [Kind.STEP, Kind.RANGE]


@settings(max_examples=100, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=15)
)
def test_texts_are_read_back(connection: psycopg.Connection, text: str) -> None:
    said = literal(text)
    name = identifier(text)
    assert (said + name).isprintable()
    cursor = connection.execute(f"SELECT {said} AS {name}".encode())
    assert cursor.fetchone() == (text,)
    assert cursor.description is not None
    assert cursor.description[0].name == text


def test_every_word_of_the_language_can_be_a_name(connection: psycopg.Connection) -> None:
    words = [str(row[0]) for row in connection.execute("SELECT word FROM pg_get_keywords()")]
    assert len(words) > 400
    said = ", ".join(f"1 AS {identifier(word)}" for word in words)
    columns = " + ".join(identifier(word) for word in words)
    total = connection.execute(f"SELECT {columns} FROM (SELECT {said}) AS words".encode()).fetchone()
    assert total == (len(words),)


@pytest.mark.parametrize(
    ("name", "said"),
    [("id", "id"), ("order", '"order"'), ("Id", '"Id"'), ('a"b', '"a""b"'), ("1", '"1"'), ("state", "state")],
)
def test_names_are_quoted_where_they_need_it(name: str, said: str) -> None:
    assert identifier(name) == said
