"""The text format of COPY, read back.

https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-TEXT
"""

import re
from typing import Final

_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)
_SPECIAL: Final = re.compile(rb"[\\\b\f\n\r\t\v]")
_CONTROL: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_LETTER: Final = {character: letter for letter, character in _CONTROL.items()}
_NULL: Final = rb"\N"


def fields(line: bytes) -> list[bytes]:
    """The fields of a line that COPY TO STDOUT sent, still escaped. Equal fields are equal values."""
    return line.rstrip(b"\n").split(b"\t")


def unescape(field: bytes) -> bytes:
    """The bytes of a field that is not NULL."""
    if b"\\" not in field:
        return field
    return _ESCAPE.sub(lambda match: _CONTROL.get(match[1], match[1]), field)


def escape(text: bytes) -> bytes:
    """`text` as it is written inside a field."""
    return _SPECIAL.sub(lambda match: b"\\" + _LETTER.get(match[0], match[0]), text)


def value(field: bytes) -> str | None:
    """The value of a field, None for NULL.

    A byte that is not UTF-8, which only a database without an encoding sends, becomes `\\xff`.
    """
    return None if field == _NULL else unescape(field).decode(errors="backslashreplace")
