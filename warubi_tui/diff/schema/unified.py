"""The difference of two schemas as text, as Neon's `compare_schema` gives it."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Final

from warubi_tui.diff.schema.render import Key, render
from warubi_tui.postgres.objects.model import DatabaseSchema
from warubi_tui.text import clean

Marked = tuple[str, str]
"""`-`, `+` or a space, and a line."""

_CONTEXT: Final = 3
"""How many lines without a change are told around one, as `diff -u` does."""


def unified(then: DatabaseSchema, now: DatabaseSchema) -> str:
    """Both schemas as SQL, as a unified diff: `-` was there then only, `+` is there now only.

    Every line is safe to draw. Empty where the texts are equal. Unlike the list of changes, the text knows
    the order of columns, and what is called otherwise is removed and added.
    """
    unknown = then.unknown_kinds | now.unknown_kinds
    before, after = (render(schema, without=unknown) for schema in (then, now))
    hunks = list(_hunks(list(_marked(before, after))))
    if not hunks:
        return ""
    lines = [f"--- a/{then.database}", f"+++ b/{now.database}", *hunks]
    return "".join(f"{clean(line.expandtabs())}\n" for line in lines)


def _marked(before: Mapping[Key, list[str]], after: Mapping[Key, list[str]]) -> Iterator[Marked]:
    """All lines, object by object: long texts of many like lines would take minutes as a whole."""
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, []), after.get(key, [])
        if old == new:
            yield from ((" ", line) for line in old)
            continue
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if tag == "equal":
                yield from ((" ", line) for line in old[i1:i2])
            else:
                yield from (("-", line) for line in old[i1:i2])
                yield from (("+", line) for line in new[j1:j2])


def _hunks(marked: Sequence[Marked]) -> Iterator[str]:
    told = 0
    old = new = 1
    for start, end in _ranges(marked):
        skipped = start - told
        lines = marked[start:end]
        old, new = old + skipped, new + skipped
        counts = [sum(mark != other for mark, _ in lines) for other in "+-"]
        yield f"@@ -{_range(old, counts[0])} +{_range(new, counts[1])} @@"
        yield from (mark + line for mark, line in lines)
        old, new, told = old + counts[0], new + counts[1], end


def _ranges(marked: Sequence[Marked]) -> list[tuple[int, int]]:
    """Where changes are, with the lines around them."""
    found: list[tuple[int, int]] = []
    for place, (mark, _) in enumerate(marked):
        if mark != " ":
            start, end = max(place - _CONTEXT, 0), min(place + _CONTEXT + 1, len(marked))
            if found and start <= found[-1][1]:
                start = found.pop()[0]
            found.append((start, end))
    return found


def _range(first: int, count: int) -> str:
    """A range of lines as `diff -u` writes it: an empty one is named by the line before it."""
    return f"{first if count else first - 1}{'' if count == 1 else f',{count}'}"
