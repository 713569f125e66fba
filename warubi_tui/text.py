"""Text from outside (row values, names, server messages) made safe to draw on a terminal."""

import unicodedata
from typing import Final

_REPLACEMENT: Final = "\ufffd"
_DELETE_PICTURE: Final = "\u2421"


def _visible(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return _DELETE_PICTURE
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return _REPLACEMENT
    return char


def clean(text: str) -> str:
    """`text` on one line with nothing in it that a terminal would obey.

    Control characters become their Unicode pictures (newline is `␊`, escape is `␛`); bidirectional
    controls, invisible format characters, lone surrogates and unassigned code points become U+FFFD.
    Markup is left as it is: draw the result as text (`Content`, rich `Text`), never as markup.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _visible(char) for char in text)


def clean_lines(text: str) -> str:
    """Like `clean`, but line breaks stay line breaks; for messages of several lines."""
    return "\n".join(clean(line) for line in text.splitlines())


def one_line(text: str) -> str:
    """Like `clean`, but line breaks become blanks; for messages that have room for one line."""
    return clean(text.replace("\n", " "))


def shorten_middle(text: str, length: int) -> str:
    """At most `length` characters of `text`, cut in the middle: names often differ at their end alone."""
    if len(text) <= length:
        return text
    tail = max(length - 1, 0) // 2
    return text[: max(length - 1 - tail, 0)] + "…" + (text[-tail:] if tail else "")


def shorten(text: str, length: int) -> str:
    """At most `length` characters of `text`, with an ellipsis where something was cut."""
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…"
