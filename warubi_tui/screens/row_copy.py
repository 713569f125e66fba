"""Differing rows as text to paste elsewhere: TSV, JSON, INSERT."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

from warubi_tui.diff.copytext import escape

if TYPE_CHECKING:
    from warubi_tui.diff.model import RowDiff, Values

Form = Literal["tsv", "json", "insert"]

MOST_ROWS: Final = 1_000
"""No more rows are copied at once."""
SURE_BYTES: Final = 74_994
"""More is not taken by every terminal: some end OSC 52 at 100,000 bytes of base64."""


def rows_as(form: Form, rows: Sequence[RowDiff], generated: Collection[str]) -> str:
    """The rows in one of the forms, each line with its line break.

    Args:
        generated: columns that INSERT must not name.
    """
    if form == "tsv":
        return "".join(f"{line}\n" for line in _tsv(rows))
    if form == "json":
        return "".join(json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in rows)
    return "".join(f"{insert_statement(row, generated)}\n" for row in rows)


def _tsv(rows: Sequence[RowDiff]) -> Iterator[str]:
    """A line of names, then one line for each version of a row, as COPY writes values."""
    names = list(dict.fromkeys(name for row in rows for side in (row.then, row.now) for name in side or {}))
    yield "\t".join(["difference", *(_field(name) for name in names)])
    for row in rows:
        for label, side in (("then", row.then), ("now", row.now)):
            if side is not None:
                word = f"{row.op} ({label})" if row.op == "changed" else row.op
                yield "\t".join([word, *(_field(side[name]) if name in side else "" for name in names)])


def _field(value: str | None) -> str:
    if value is None:
        return r"\N"
    return escape(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def insert_statement(row: RowDiff, generated: Collection[str]) -> str:
    """One statement for the row as it was then; for an added row, as it is now.

    Literals have no type, so that each takes that of its column.
    https://www.postgresql.org/docs/current/sql-insert.html: OVERRIDING SYSTEM VALUE lets identity columns
    take the row's values; on other columns it means nothing.
    """
    values: Values = row.then if row.then is not None else row.now or {}
    names = [name for name in values if name not in generated]
    target = f"{_name(row.schema)}.{_name(row.table)}"
    if not names:
        return f"INSERT INTO {target} DEFAULT VALUES;"
    listed = ", ".join(_name(name) for name in names)
    literals = ", ".join(_literal(values[name]) for name in names)
    return f"INSERT INTO {target} ({listed}) OVERRIDING SYSTEM VALUE VALUES ({literals});"


def _name(name: str) -> str:
    from warubi_tui.diff.quoting import identifier

    return identifier(name)


def _literal(value: str | None) -> str:
    from warubi_tui.diff.quoting import literal

    return "NULL" if value is None else literal(value)


def copied_words(copied: int, wanted: int, what: str, text: str) -> str:
    """What was copied, and what may not have been, for the message after it."""
    words = f"Copied {copied:,} {'row' if copied == 1 else 'rows'} as {what}"
    if copied < wanted:
        words = f"Copied the first {copied:,} of {wanted:,} marked rows as {what}: no more fit at once"
    if len(text.encode("utf-8", "replace")) > SURE_BYTES:
        words += f". It is {len(text) // 1000:,} kB: not every terminal takes more than 75 kB"
    return words
