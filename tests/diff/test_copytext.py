"""Reading COPY's text format, against the server's own output."""

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.diff.conftest import Server
from warubi_tui.diff.copytext import escape, fields, unescape, value

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.none() | TEXTS, st.none() | TEXTS), min_size=1))
def test_what_goes_in_comes_out(postgres: Server, rows: list[tuple[str | None, str | None]]) -> None:
    with psycopg.connect(postgres.uri()) as connection:
        connection.execute("CREATE TEMP TABLE t (n int GENERATED ALWAYS AS IDENTITY, a text, b text)")
        connection.cursor().executemany("INSERT INTO t (a, b) VALUES (%s, %s)", rows)
        with connection.cursor().copy("COPY (SELECT a, b FROM t ORDER BY n) TO STDOUT") as copy:
            lines = [bytes(line) for line in copy]
        connection.rollback()
    assert [tuple(value(field) for field in fields(line)) for line in lines] == rows


@given(text=st.binary())
def test_what_is_escaped_is_found_as_it_was(text: bytes) -> None:
    assert unescape(escape(text)) == text
    assert not set(escape(text)) & set(b"\t\n")


def test_bytes_that_are_no_text_can_be_shown() -> None:
    assert value(b"a\xff") == "a\\xff"
