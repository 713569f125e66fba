"""Values as HTML: nothing in them is obeyed by a browser, and nothing vanishes."""

from html import escape
from typing import Final

from warubi_tui.diff.model import RowDiff
from warubi_tui.text import clean

LONGEST: Final = 1_000
"""Characters of a value that are shown."""

MARKS: Final = {"removed": "-", "added": "+", "changed": "~"}


def text(value: str) -> str:
    """Foreign text: control, invisible and bidirectional characters are made visible, markup is none."""
    return escape(clean(value))


def value(content: str | None) -> str:
    """A value of a column; NULL and the empty text do not look like any other."""
    if content is None:
        return '<span class="absent">NULL</span>'
    if not content:
        return "<span class=\"absent\">''</span>"
    if len(content) <= LONGEST:
        return text(content)
    return f'{text(content[:LONGEST])}<span class="absent">… {len(content):,} characters</span>'


def row(found: RowDiff, columns: list[str]) -> str:
    """A row of a table with a mark before these columns; what changed is marked as old and new."""
    cells = "".join(f"<td>{_cell(found, column)}</td>" for column in columns)
    return f'<tr class="{found.op}"><td class="mark">{MARKS[found.op]}</td>{cells}</tr>\n'


def _cell(found: RowDiff, column: str) -> str:
    if column in found.columns:
        then, now = (found.then or {}).get(column), (found.now or {}).get(column)
        same = ' <span class="absent">equal in value</span>' if column in found.same_value else ""
        return f"<del>{value(then)}</del> → <ins>{value(now)}</ins>{same}"
    for side in (found.now, found.then):
        if side is not None and column in side:
            return value(side[column])
    return ""
