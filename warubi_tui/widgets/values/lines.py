"""Lines of styled text, wrapped to a width in cells of the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias

from rich.cells import cell_len

LineKind = Literal["plain", "dim", "title", "null", "old", "new", "old-part", "new-part"]
"""How a piece of a line is meant; `LinesView` has a component class for each but `plain`."""

Line: TypeAlias = tuple[tuple[str, LineKind], ...]
"""Pieces of text that were made safe to draw, each with its kind."""

_HANGING: Final[Line] = (("  ", "plain"),)
"""What the rest of a wrapped line begins with: nothing where its sign would be."""

_SIGNS_PER_CELL: Final = 8
"""As many signs are drawn per cell: some take no room, and a value may hold a million of those."""


def wrapped(lines: Iterable[Line], width: int) -> list[Line]:
    """`lines` with none of them wider than `width` cells."""
    return [piece for line in lines for piece in _wrap(line, max(width, 8))]


def _wrap(line: Line, width: int) -> Iterator[Line]:
    if all(text.isascii() for text, _ in line) and sum(len(text) for text, _ in line) <= width:
        yield line
        return
    current: list[tuple[str, LineKind]] = []
    room = width
    for text, kind in line:
        rest = text
        while rest:
            head = _start(rest, room)
            if not head and current:
                yield tuple(current)
                current, room = list(_HANGING), width - 2
                continue
            head = head or rest[0]
            current.append((head, kind))
            room -= cell_len(head)
            rest = rest[len(head) :]
    yield tuple(current)


def _start(text: str, cells: int) -> str:
    """As much of `text` as `cells` hold, with the signs that are drawn onto the last one."""
    head = text[: max(cells, 0)]
    if head.isascii() and (len(head) == len(text) or text[len(head)].isascii()):
        return head
    head = text[: max(cells, 0) * _SIGNS_PER_CELL]
    room = cells
    for position, sign in enumerate(head):
        room -= cell_len(sign)
        if room < 0:
            head = head[:position]
            break
    while cell_len(head) > max(cells, 0):
        head = head[:-1]
    return head
