"""How a value of a row is written: NULL, the empty string and the word NULL never look alike."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len

from warubi_tui.text import clean

NULL: Final = "NULL"
SHOWN_LENGTH: Final = 4_000
"""More characters of one value are not drawn; the rest is counted."""


def value_text(value: str | None) -> str:
    """`value` on one line: NULL bare, texts that could be taken for it or for nothing in quotes."""
    if value is None:
        return NULL
    if not value or value != value.strip() or value.upper() == NULL or value[0] == "'":
        return "'" + clean(_limited(value).replace("'", "''")) + "'"
    return clean(_limited(value))


def cell_text(value: str | None, cells: int) -> str:
    """`value_text`, cut to a number of cells of the terminal."""
    if value is None or len(value) <= cells:
        return fit(value_text(value), cells)
    return fit(value_text(value[: cells + 1]) + "…", cells)


def fit(text: str, cells: int) -> str:
    """As much of `text` as fits, with an ellipsis where it was cut. Signs take none, one or two cells."""
    if cell_len(text) <= cells:
        return text
    room = cells - 1
    for position, sign in enumerate(text):
        room -= cell_len(sign)
        if room < 0:
            return text[:position] + "…"
    return text


def _limited(value: str) -> str:
    if len(value) <= SHOWN_LENGTH:
        return value
    return f"{value[:SHOWN_LENGTH]}… ({len(value)} characters)"
