"""A value as lines that a person can read: JSON indented, bytes as a hex dump, text at its line breaks."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Final, Literal, NoReturn

Form = Literal["json", "bytes", "text"]

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_OPENING: Final = frozenset("{[")
_CLOSING: Final = frozenset("}]")
_DEEPEST: Final = 30
"""Deeper levels are not indented any further."""

_BYTEA: Final = re.compile(r"\\x(?:[0-9a-f]{2})*")
_BYTES_PER_LINE: Final = 16


def form_of(value: str) -> Form:
    """What a value looks like. The type of its column is not asked: JSON in a text column is JSON too."""
    if value.startswith("\\x") and _BYTEA.fullmatch(value):
        return "bytes"
    return "json" if _is_json(value) else "text"


def lines_of(value: str, form: Form) -> list[str]:
    """The lines of a value, with control characters still in them."""
    if form == "json":
        return _indented(value)
    if form == "bytes":
        return _hex_dump(bytes.fromhex(value[2:]))
    return value.split("\n")


def _is_json(value: str) -> bool:
    if value.lstrip()[:1] not in {"{", "["}:
        return False
    try:
        json.loads(value, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _indented(value: str) -> list[str]:
    """JSON on lines, indented. Every token stays as it is written, and where it is."""
    lines: list[str] = []
    current, depth = "", 0
    for before, piece in pairwise(["", *_TOKEN.findall(value)]):
        opened = before in _OPENING and piece not in _CLOSING
        closed = piece in _CLOSING and before not in _OPENING
        if opened or closed or before == ",":
            depth += opened - closed
            lines.append(current)
            current = "  " * min(depth, _DEEPEST)
        current += ": " if piece == ":" else piece
    return [*lines, current]


def _hex_dump(content: bytes) -> list[str]:
    return [_hex_line(start, content[start : start + _BYTES_PER_LINE]) for start in _starts(content)]


def _starts(content: bytes) -> range:
    return range(0, max(1, len(content)), _BYTES_PER_LINE)


def _hex_line(start: int, part: bytes) -> str:
    drawn = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
    return f"{start:08x} {part.hex(' '):<47}  {drawn}"
