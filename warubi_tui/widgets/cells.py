"""How a value of a row is written: NULL, the empty string and the word NULL never look alike."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len

from warubi_tui.text import clean

NULL: Final = "NULL"
SHOWN_LENGTH: Final = 4_000
"""More characters of one value are not drawn; the rest is counted."""

_SIGNS_PER_CELL: Final = 8
"""As many signs are drawn per cell: some take no room, and a value may hold a million of those."""


def value_text(value: str | None) -> str:
    """`value` on one line: NULL bare, texts that could be taken for it, for nothing or for less in quotes."""
    if value is None:
        return NULL
    if not value or value != value.strip() or value.upper() == NULL or value[0] == "'" or _leans(value):
        return "'" + clean(_limited(value).replace("'", "''")) + "'"
    return clean(_limited(value))


def cell_text(value: str | None, cells: int) -> str:
    """`value_text`, cut to a number of cells of the terminal."""
    most = cells * _SIGNS_PER_CELL
    if value is None or len(value) <= most:
        return fit(value_text(value), cells)
    return fit(value_text(value[:most] + "…"), cells)


def fit(text: str, cells: int) -> str:
    """As much of `text` as fits, with an ellipsis where it was cut. Signs take none, one or two cells."""
    if cells <= 0:
        return ""
    if len(text) <= cells and text.isascii():
        return text
    most = cells * _SIGNS_PER_CELL
    if len(text) <= most and cell_len(text) <= cells:
        return text
    cut = text[: most - 1]
    room = cells - 1
    for position, sign in enumerate(cut):
        room -= cell_len(sign)
        if room < 0:
            cut = cut[:position]
            break
    while cut and cell_len(cut) >= cells:
        cut = cut[:-1]
    return cut + "…"


def _leans(value: str) -> bool:
    """Whether it begins with a sign that is drawn onto what stands before it."""
    return cell_len(clean(value[0])) == 0


def _limited(value: str) -> str:
    if len(value) <= SHOWN_LENGTH:
        return value
    return f"{value[:SHOWN_LENGTH]}… ({len(value)} characters)"
