"""One value in full, or both where it changed, and one row in full."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from warubi_tui.text import clean
from warubi_tui.widgets.cells import NULL, value_text
from warubi_tui.widgets.grid.cell import shared_start
from warubi_tui.widgets.grid.strips import SIGNS
from warubi_tui.widgets.values.pretty import form_of, lines_of
from warubi_tui.widgets.values.textdiff import diff_lines

if TYPE_CHECKING:
    from warubi_tui.diff.model import RowDiff, Values
    from warubi_tui.widgets.values.lines import Line, LineKind

SHOWN: Final = 1 << 20
"""Characters of a value that are laid out; the rest is counted."""
_BEFORE_DIFFERENCE: Final = 500
_LABEL: Final = 24

_FORMS: Final = {"json": "JSON", "text": "text"}


def value_lines(row: RowDiff, name: str, then: str, now: str) -> list[Line]:
    """The column `name` of a row, with every line of it.

    Args:
        then, now: what the two sides are called.
    """
    if name in row.columns and row.then is not None and row.now is not None:
        return list(_changed(row.then.get(name), row.now.get(name), then, now, name in row.same_value))
    lines: list[Line] = []
    for side, label in ((row.now, now), (row.then, then)):
        if side is not None and name in side:
            lines += _described(label, side[name])
            lines += _plain(side[name])
            break
    other = row.now is not None and row.then is not None and (name in row.now) != (name in row.then)
    if other:
        lines.append((("The other side has no such column.", "dim"),))
    return lines


def _described(label: str, value: str | None, sign: str = "") -> list[Line]:
    return [((f"{sign}{clean(label)}", "title"), (f"  {_size(value)}", "dim"))]


def _size(value: str | None) -> str:
    if value is None:
        return ""
    form = form_of(value[:SHOWN])
    if form == "bytes":
        return f"{len(value) // 2 - 1:,} bytes"
    return f"{_FORMS[form]}, {len(value):,} characters"


def _plain(value: str | None) -> Iterator[Line]:
    yield from _signed(value, "  ", "plain")


def _signed(value: str | None, sign: str, kind: LineKind) -> Iterator[Line]:
    """Every line of a value behind a sign; what is no line of it stands without."""
    if value is None:
        yield ((sign, kind), (NULL, "null"))
    elif not value:
        yield ((sign, kind), ("''", "plain"), ("   the empty text", "dim"))
    else:
        shown = value[:SHOWN]
        for line in lines_of(shown, form_of(shown)):
            yield ((sign, kind), (clean(line), "plain"))
        yield from _rest(value)


def _rest(value: str) -> Iterator[Line]:
    if len(value) > SHOWN:
        yield ((f"… {len(value) - SHOWN:,} more characters", "dim"),)


def _changed(
    then: str | None, now: str | None, label_then: str, label_now: str, same: bool
) -> Iterator[Line]:
    yield from _described(label_then, then, "- ")
    yield from _described(label_now, now, "+ ")
    if same:
        yield (("Equal in value: only written differently.", "dim"),)
    if not then or not now:
        yield from _signed(then, "- ", "old")
        yield from _signed(now, "+ ", "new")
        return
    yield from _look_alike(then, now)
    skipped = _skipped(then, now)
    if skipped:
        yield ((f"Both begin with the same {skipped:,} characters, which are left out.", "dim"),)
        then, now = then[skipped:], now[skipped:]
    shown_then, shown_now = then[:SHOWN], now[:SHOWN]
    form = form_of(shown_then)
    if form != form_of(shown_now):
        form = "text"
    before, after = lines_of(shown_then, form), lines_of(shown_now, form)
    if before == after:
        yield (("Equal as JSON, written differently:", "dim"),)
        before, after = lines_of(shown_then, "text"), lines_of(shown_now, "text")
    yield from diff_lines(before, after)
    yield from _rest(max(then, now, key=len))


def _skipped(then: str, now: str) -> int:
    """How much of the shared beginning to leave out, so that what differs is within what is laid out."""
    shared = shared_start(then, now)
    return 0 if shared + _BEFORE_DIFFERENCE < SHOWN else shared - _BEFORE_DIFFERENCE


def _look_alike(then: str, now: str) -> Iterator[Line]:
    """Says what differs where both values are drawn the same, or nearly so."""
    if _drawn(then) != _drawn(now):
        return
    at = shared_start(then, now)
    was, is_now = (_character(value, at) for value in (then, now))
    yield ((f"They look alike: character {at + 1:,} was {was}, is {is_now} now.", "dim"),)


def _drawn(value: str) -> str:
    return unicodedata.normalize("NFKC", clean(value))


def _character(value: str, at: int) -> str:
    if at >= len(value):
        return "not there"
    return f"U+{ord(value[at]):04X} {unicodedata.name(value[at], '')}".rstrip()


def row_lines(row: RowDiff, then: str, now: str) -> list[Line]:
    """Every column of a row: changed ones first, with both values under each other.

    Args:
        then, now: what the two sides are called.
    """
    key = ", ".join(f"{clean(name)} = {value_text(value)}" for name, value in row.key.items())
    sides = {"removed": f"only in {then}", "added": f"only in {now}", "changed": f"- {then}, + {now}"}
    lines: list[Line] = [
        ((f"{SIGNS[row.op]} {row.op} {key}".rstrip(), "title"), (f"   ({clean(sides[row.op])})", "plain"))
    ]
    names = list(dict.fromkeys([*(row.then or {}), *(row.now or {})]))
    width = min(max((len(clean(name)) for name in names), default=0), _LABEL)
    for name in sorted(names, key=lambda name: name not in row.columns):
        lines += _column_lines(row, name, width)
    return lines


def _column_lines(row: RowDiff, name: str, width: int) -> list[Line]:
    label = f"{clean(name):<{width}}  "
    if name in row.columns and row.then is not None and row.now is not None:
        equal = "   equal in value" if name in row.same_value else ""
        return [
            (("- ", "old"), (label, "dim"), _value(row.then, name, "old-part")),
            (("+ ", "new"), (label, "dim"), _value(row.now, name, "new-part"), (equal, "dim")),
        ]
    side = row.then if row.now is None or name not in row.now else row.now
    only = "" if row.then is None or row.now is None or (name in row.then and name in row.now) else "   "
    if only and row.then is not None:
        only += "the column is not there any more" if name in row.then else "the column was not there then"
    return [(("  ", "plain"), (label, "dim"), _value(side or {}, name, "plain"), (only, "dim"))]


def _value(values: Values, name: str, kind: LineKind) -> tuple[str, LineKind]:
    value = values.get(name)
    return value_text(value), "null" if value is None and kind == "plain" else kind
