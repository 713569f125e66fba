"""JSON, bytes and text on lines: nothing of a value is lost or made different."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warubi_tui.widgets.values.pretty import form_of, lines_of

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_json_says_the_same_on_lines(value: object, ascii_only: bool, indent: int | str | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    if isinstance(value, dict | list):
        assert form_of(text) == "json"
        assert json.loads("\n".join(lines_of(text, "json"))) == value
    else:
        assert form_of(text) == "text"


def test_json_is_indented() -> None:
    assert lines_of('{"a":[1,{}, []],"b":"x, {y}: \\"z\\""}', "json") == [
        "{",
        '  "a": [',
        "    1,",
        "    {},",
        "    []",
        "  ],",
        '  "b": "x, {y}: \\"z\\""',
        "}",
    ]


def test_numbers_and_double_keys_stay_as_they_are_written() -> None:
    text = '{"a":1.000000000000000000001,"a":1e400,"b":' + "9" * 5_000 + "}"
    assert form_of(text) == "json"
    assert "".join(line.strip() for line in lines_of(text, "json")).replace(": ", ":") == text


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "[1,]", "{a}", "[NaN]", "[true, false", "1", "", " "])
def test_what_is_no_json_is_text(text: str) -> None:
    assert form_of(text) == "text"
    assert "\n".join(lines_of(text, "text")) == text


def test_deep_json_takes_no_more_room_than_it_has_lines() -> None:
    text = "[" * 500 + "]" * 500
    assert sum(len(line) for line in lines_of(text, "json")) < 100 * 1_000


@given(st.binary(max_size=100))
def test_bytes_are_dumped_whole(content: bytes) -> None:
    text = f"\\x{content.hex()}"
    assert form_of(text) == "bytes"
    lines = lines_of(text, "bytes")
    assert bytes.fromhex("".join(line[9:56] for line in lines)) == content
    assert all(len(line) <= 74 for line in lines)
    assert [int(line[:8], 16) for line in lines] == list(range(0, max(1, len(content)), 16))


@pytest.mark.parametrize("text", ["\\x1", "\\xzz", "x00", "\\X00"])
def test_what_is_not_in_pairs_is_text(text: str) -> None:
    assert form_of(text) == "text"
