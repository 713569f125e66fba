"""A comparison as text for people."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from warubi_tui.commands.output import table
from warubi_tui.diff.damage import by_damage
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.diff.model import RowDiff, TableDiff, Values
from warubi_tui.diff.words import schema_words
from warubi_tui.text import clean, one_line, shorten

_CELL: Final = 60
"""Characters of a value that are printed for people; JSON has them all."""

_ROWS: Final = 100
"""Rows per table that are printed for people unless --limit says otherwise."""

_NAMED: Final = 3
"""So many tables are named where many are alike."""

_MARKS: Final = {"removed": "-", "added": "+", "changed": "~"}

Findings = Mapping[tuple[str, str], Sequence[Finding]]


@dataclass(frozen=True)
class Wanted:
    """What is to be printed."""

    rows: bool
    limit: int | None
    """How many rows of each table."""


async def comparison_text(
    comparison: DatabaseDiff, then: str, now: str, findings: Findings, wanted: Wanted
) -> str:
    """All of it, the worst first. `then` and `now` are what the user called the sides, safe to draw."""
    parts = [f"- {then}\n+ {now}"]
    parts += [clean(note) for note in comparison.notes]
    if comparison.schema:
        parts.append("\n".join(schema_words(change) for change in comparison.schema))
    tables = by_damage(comparison.tables)
    if tables:
        parts += [_summary(tables), *_findings(tables, findings), *_remarks(tables)]
    if wanted.rows:
        parts += [await _row_lines(comparison, one, wanted.limit) for one in tables if one.total]
    if not comparison.complete:
        parts.append("Not everything could be compared.")
    elif not comparison.different:
        parts.append("No difference.")
    return "\n\n".join(parts)


async def kept_rows(comparison: DatabaseDiff, one: TableDiff, limit: int | None) -> AsyncIterator[RowDiff]:
    """The rows of a table that differ and were kept, at most `limit`."""
    left = one.kept if limit is None else min(limit, one.kept)
    offset = 0
    while left > 0:
        page = await comparison.rows(one.schema, one.table, offset=offset, limit=min(left, 500))
        if not page:
            return
        for row in page:
            yield row
        offset, left = offset + len(page), left - len(page)


def _summary(tables: Sequence[TableDiff]) -> str:
    worth = [one for one in tables if one.total or one.not_compared is not None]
    rows = [
        [
            _name(one),
            *("-" if one.not_compared is not None else f"{count:,}" for count in _counts(one)),
            ", ".join(clean(column) for column in one.key) or "-",
            "not compared" if one.not_compared is not None else one.method,
        ]
        for one in worth
    ]
    lines = [table(["TABLE", "REMOVED", "ADDED", "CHANGED", "KEY", "HOW"], rows)] if rows else []
    if same := len(tables) - len(worth):
        lines.append(f"{same:,} table{'' if same == 1 else 's'} without a difference")
    return "\n".join(lines)


def _counts(one: TableDiff) -> tuple[int, int, int]:
    return one.removed, one.added, one.changed


def _findings(tables: Sequence[TableDiff], findings: Findings) -> list[str]:
    lines = []
    for one in tables:
        for finding in findings.get((one.schema, one.table), ()):
            lines.append(f"{_name(one)}: {finding.sentence}")
            if finding.filter:
                lines.append(f"    {finding.side}: WHERE {finding.filter}")
    return ["\n".join(lines)] if lines else []


def _remarks(tables: Sequence[TableDiff]) -> list[str]:
    """Why tables were not compared, or not in the best way, and what was left out."""
    alike: dict[tuple[str, str], list[TableDiff]] = {}
    lines = []
    for one in tables:
        if one.not_compared is not None:
            lines.append(f"{_name(one)} was not compared: {one_line(one.not_compared)}")
        if one.why and one.not_compared is None:
            alike.setdefault((one.method, one.why), []).append(one)
        for column, reason in one.left_out.items():
            lines.append(f"{_name(one)}: column {clean(column)} was not compared: {one_line(reason)}")
        if one.partial:
            lines.append(f"{_name(one)}: only {one.kept:,} of {one.total:,} rows were kept for reading")
    for (method, why), ones in alike.items():
        lines.append(f"{_names(ones)}: compared by {method}, {one_line(why)}")
    return ["\n".join(lines)] if lines else []


def _names(tables: Sequence[TableDiff]) -> str:
    named = ", ".join(_name(one) for one in tables[:_NAMED])
    return named if len(tables) <= _NAMED else f"{named} and {len(tables) - _NAMED:,} more"


def _name(one: TableDiff) -> str:
    return f"{clean(one.schema)}.{clean(one.table)}"


async def _row_lines(comparison: DatabaseDiff, one: TableDiff, limit: int | None) -> str:
    shown = _ROWS if limit is None else limit
    lines = [_row_line(row) async for row in kept_rows(comparison, one, shown)]
    if one.total > len(lines):
        lines.append(f"… and {one.total - len(lines):,} more in {_name(one)}")
    return "\n".join(lines)


def _row_line(row: RowDiff) -> str:
    place = f"{_MARKS[row.op]} {clean(row.schema)}.{clean(row.table)} {_pairs(row.key)}".rstrip()
    then, now = row.then or {}, row.now or {}
    if row.op == "changed":
        cells = [
            f"{clean(column)}: {_value(then.get(column))} → {_value(now.get(column))}"
            for column in row.columns
        ]
        return f"{place}  {', '.join(cells)}"
    rest = {column: value for column, value in (row.then or now).items() if column not in row.key}
    return f"{place}  {_pairs(rest)}".rstrip()


def _pairs(values: Values) -> str:
    return ", ".join(f"{clean(column)}={_value(value)}" for column, value in values.items())


def _value(value: str | None) -> str:
    """NULL bare, everything else in quotes, so that no text looks like NULL."""
    return "NULL" if value is None else f"'{shorten(clean(value), _CELL)}'"
