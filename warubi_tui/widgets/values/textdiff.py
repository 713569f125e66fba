"""Two versions of lines: what left, what came, and within a line the part that is another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from warubi_tui.text import clean
from warubi_tui.widgets.grid.cell import shared_start

if TYPE_CHECKING:
    from warubi_tui.widgets.values.lines import Line, LineKind

_AROUND: Final = 3
"""Unchanged lines shown before and after a change."""
_MATCHED: Final = 2_000
"""Beyond so many lines between the first and the last change, no common lines are looked for."""

Stretch = tuple[bool, int, int, int, int]
"""Whether equal, then from and to in the lines of then, then in those of now."""


def diff_lines(then: Sequence[str], now: Sequence[str]) -> Iterator[Line]:
    """Both versions in one: `- ` before lines of then, `+ ` before lines of now; long equal parts are cut."""
    stretches = list(_stretches(then, now))
    for number, (equal, start, stop, start_now, stop_now) in enumerate(stretches):
        if equal:
            yield from _context(then[start:stop], number == 0, number == len(stretches) - 1)
        else:
            yield from _replaced(then[start:stop], now[start_now:stop_now])


def _stretches(then: Sequence[str], now: Sequence[str]) -> Iterator[Stretch]:
    most = min(len(then), len(now))
    head = next((i for i in range(most) if then[i] != now[i]), most)
    tail = next((i for i in range(most - head) if then[-1 - i] != now[-1 - i]), most - head)
    if head:
        yield True, 0, head, 0, head
    a, b = then[head : len(then) - tail], now[head : len(now) - tail]
    if max(len(a), len(b)) > _MATCHED:
        yield False, head, head + len(a), head, head + len(b)
    else:
        for tag, start, stop, start_now, stop_now in SequenceMatcher(None, a, b).get_opcodes():
            yield tag == "equal", head + start, head + stop, head + start_now, head + stop_now
    if tail:
        yield True, len(then) - tail, len(then), len(now) - tail, len(now)


def _context(lines: Sequence[str], first: bool, last: bool) -> Iterator[Line]:
    before, after = (0 if first else _AROUND), (0 if last else _AROUND)
    left_out = len(lines) - before - after
    if left_out <= 1:
        yield from (_plain(line) for line in lines)
        return
    yield from (_plain(line) for line in lines[:before])
    yield ((f"  … {left_out:,} equal lines", "dim"),)
    yield from (_plain(line) for line in lines[len(lines) - after :])


def _plain(line: str) -> Line:
    return (("  ", "plain"), (clean(line), "plain"))


def _replaced(then: Sequence[str], now: Sequence[str]) -> Iterator[Line]:
    pairs = list(zip_longest(then, now))
    yield from (_marked("- ", was, is_now, "old", "old-part") for was, is_now in pairs if was is not None)
    yield from (_marked("+ ", is_now, was, "new", "new-part") for was, is_now in pairs if is_now is not None)


def _marked(sign: str, line: str, other: str | None, kind: LineKind, part: LineKind) -> Line:
    """A line with its sign; the words that it does not share with its other version stand out."""
    if other is None:
        return ((sign, part), (clean(line), kind))
    start = shared_start(line, other)
    end = len(line) - shared_start(line[start:][::-1], other[start:][::-1])
    while start > 0 and line[start - 1].isalnum():
        start -= 1
    while end < len(line) and line[end].isalnum():
        end += 1
    pieces = ((line[:start], kind), (line[start:end], part), (line[end:], kind))
    return ((sign, part), *((clean(text), kind) for text, kind in pieces if text))
