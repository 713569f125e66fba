"""Two prints of one value; PostgreSQL itself is asked whether it is one."""

from typing import Protocol

import psycopg
import pytest
from psycopg import sql

from warubi_tui.diff.same_value import same_value


class Server(Protocol):
    """The shared throwaway PostgreSQL."""

    def uri(self, database: str = "postgres") -> str: ...


ONE_VALUE = [
    ("numeric", "1.0", "1.00"),
    ("numeric", "-0.50", "-0.5"),
    ("numeric", "0", "0.000"),
    ("numeric", "1" + "0" * 200 + ".0", "1" + "0" * 200),
    ("_numeric", "{1.0,NULL,2}", "{1.00,NULL,2.0}"),
    ("_numeric", "[0:1]={1.0,2}", "[0:1]={1,2}"),
    ("numrange", "[1.0,2.0)", "[1.00,2)"),
    ("nummultirange", "{[1.0,2.0),[3,4)}", "{[1,2),[3,4.0)}"),
    ("float8", "0", "-0"),
    ("float4", "-0", "0"),
    ("_float8", "{-0,1.5,NaN}", "{0,1.5,NaN}"),
    ("bpchar", "ab   ", "ab"),
    ("interval", "1 mon", "30 days"),
    ("interval", "1 day", "24:00:00"),
    ("interval", "1 year 2 mons -3 days +04:05:06.7", "13 mons 27 days 04:05:06.700000"),
    ("interval", "-24:00:00.5", "-1 days -00:00:00.5"),
    ("jsonb", '{"a": [1, 2.0, {"b": "1.0"}]}', '{"a": [1.00, 2, {"b": "1.0"}]}'),
    ("jsonb", "1", "1.0"),
]

OTHER_VALUES = [
    ("numeric", "1.0", "1.01"),
    ("numeric", "NaN", "1"),
    ("numeric", "Infinity", "-Infinity"),
    ("numeric", "1" + "0" * 200, "1" + "0" * 199 + "1"),
    ("_numeric", "{1.0}", "[0:0]={1.0}"),
    ("_numeric", "{1,23}", "{12,3}"),
    ("_numeric", "{1,NULL}", "{1,1}"),
    ("numrange", "[1.0,2.0)", "[1.0,2.0]"),
    ("float8", "0.1", "0.10000000000000002"),
    ("float8", "0", "1"),
    ("_float8", "{0,0}", "{-0}"),
    ("bpchar", "ab", " ab"),
    ("bpchar", "ab\t", "ab"),
    ("interval", "1 mon", "31 days"),
    ("interval", "infinity", "-infinity"),
    ("interval", "00:00:00.1", "00:00:00.01"),
    ("jsonb", "1", "true"),
    ("jsonb", "0", "false"),
    ("jsonb", "1", '"1"'),
    ("jsonb", "[1]", '{"a": 1}'),
    ("jsonb", "null", "0"),
    ("jsonb", '{"a": 1}', '{"A": 1.0}'),
    ("text", "a", "A"),
    ("json", "1.0", "1.00"),
    ("timetz", "12:00:00+00", "13:00:00+01"),
    ("varchar", "a", "a "),
]


@pytest.mark.parametrize(
    ("base", "one", "other", "expected"),
    [*((*case, True) for case in ONE_VALUE), *((*case, False) for case in OTHER_VALUES)],
)
def test_what_the_type_says(postgres: Server, base: str, one: str, other: str, expected: bool) -> None:
    same = same_value(base, base)
    assert (same is not None and same(one, other)) is expected
    assert (same is not None and same(other, one)) is expected
    if base != "json":
        with psycopg.connect(postgres.uri()) as connection:
            equal = sql.SQL("SELECT {one}::{type} = {other}::{type}").format(
                one=sql.Literal(one), other=sql.Literal(other), type=sql.Identifier("pg_catalog", base)
            )
            assert connection.execute(equal).fetchall() == [(expected,)]


@pytest.mark.parametrize(
    ("then", "now", "one", "other", "expected"),
    [
        ("citext", "citext", "Abc É", "aBC É", True),
        ("citext", "citext", "É", "é", False),
        ("int4", "numeric", "1", "1.0", True),
        ("numeric", "int8", "1.5", "1", False),
        ("numeric", "text", "1.0", "1.00", False),
        ("float4", "float8", "0", "-0", False),
    ],
)
def test_other_types(then: str, now: str, one: str, other: str, expected: bool) -> None:
    same = same_value(then, now)
    assert (same is not None and same(one, other)) is expected


def test_json_deeper_than_python_goes_is_not_called_equal() -> None:
    same = same_value("jsonb", "jsonb")
    assert same is not None
    assert not same("[" * 100_000 + "1" + "]" * 100_000, "[" * 100_000 + "1.0" + "]" * 100_000)
