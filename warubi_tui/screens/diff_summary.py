"""The summary of a comparison: its tables in the order of damage, how far it is, what it came to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual.content import Content

from warubi_tui.diff.damage import by_damage
from warubi_tui.diff.words import schema_words
from warubi_tui.text import clean, shorten

if TYPE_CHECKING:
    from warubi_tui.diff.findings.finding import Finding
    from warubi_tui.diff.model import Progress, SchemaChange, TableDiff
    from warubi_tui.screens.services import Comparison

_BAR: Final = 16
_CHANGES_SHOWN: Final = 2
_COUNT: Final = 9
_NARROW_HOW: Final = 15
_WIDE_HOW: Final = 34
_WIDE: Final = 110
_METHODS: Final = {
    "headers": "row headers",
    "blocks": "contents by block",
    "key": "contents by key",
    "multiset": "whole rows, for want of a key",
    "one side": "on one side only",
    "none": "not at all",
}


@dataclass(frozen=True, slots=True)
class Folded:
    """The line that stands for the tables without a difference."""

    tables: int
    open: bool

    @property
    def words(self) -> str:
        """What the line says."""
        noun = "table" if self.tables == 1 else "tables"
        return f"{'▾' if self.open else '▸'} {self.tables:,} unchanged {noun}"


def summary(tables: Sequence[TableDiff], part: str, unfold: bool) -> list[TableDiff | Folded]:
    """The lines of the summary: most damage first, then what was not compared, then the rest as one line.

    Args:
        part: only tables with this in their name, in lower case.
        unfold: show the tables without a difference too.
    """
    found = [one for one in tables if part in f"{one.schema}.{one.table}".lower()]
    unknown = [one for one in found if one.not_compared]
    differ = [one for one in found if one.total and not one.not_compared]
    same = [one for one in found if not one.total and not one.not_compared]
    folded: list[TableDiff | Folded] = [Folded(len(same), unfold)] if same else []
    return [*by_damage(differ), *by_damage(unknown), *folded, *(by_damage(same) if unfold else [])]


@dataclass(frozen=True, slots=True)
class Widths:
    """How wide the columns of the summary are, in cells."""

    name: int
    count: int
    how: int


def column_widths(cells: int) -> Widths:
    """What fits into a list of so many cells; every column has a blank on both sides."""
    how = _WIDE_HOW if cells >= _WIDE else _NARROW_HOW
    return Widths(max(12, cells - 3 * (_COUNT + 2) - (how + 2) - 2), _COUNT, how)


def line_cells(line: TableDiff | Folded, widths: Widths, marked: int = 0) -> list[Text]:
    """What the summary says about a table; what is too long is shown in full under the list."""
    if isinstance(line, Folded):
        return [Text(shorten(line.words, widths.name), style="italic"), *(Text("") for _ in range(4))]
    name = clean(line.table if line.schema == "public" else f"{line.schema}.{line.table}")
    mark = f" ●{marked:,}" if marked else ""
    label = Text(shorten(name, widths.name - len(mark)) + mark)
    if line.not_compared:
        unknown = [Text("?".rjust(widths.count)) for _ in range(3)]
        reason = shorten(f"NOT compared: {clean(line.not_compared)}", widths.how)
        return [label, *unknown, Text(reason, style="bold")]
    counts = (line.removed, line.added, line.changed)
    numbers = [Text((f"{count:,}" if count else "·").rjust(widths.count)) for count in counts]
    return [label, *numbers, Text(shorten(f"{line.method}, {line.seconds:.1f} s", widths.how))]


def table_notes(table: TableDiff, findings: Iterable[Finding]) -> Iterator[Content]:
    """What there is to know about the table under the cursor, one line each."""
    name = clean(f"{table.schema}.{table.table}")
    if table.not_compared:
        yield Content.styled(f"{name} was not compared: {clean(table.not_compared)}", "bold")
        return
    for finding in findings:
        yield Content.assemble((f"{clean(table.table)}: ", "bold"), clean(finding.sentence))
    if table.same_value:
        rows = f"{table.same_value:,} changed rows are" if table.same_value > 1 else "1 changed row is"
        yield Content(f"{rows} equal in value, only written differently")
    how = _METHODS[table.method]
    key = f" ({', '.join(map(clean, table.key))})" if table.key and table.method == "key" else ""
    why = f": {clean(table.why)}" if table.why else ""
    yield Content.styled(f"{name} compared by {how}{key}{why}", "dim")
    if table.left_out:
        columns = ", ".join(f"{clean(column)} ({clean(why)})" for column, why in table.left_out.items())
        yield Content.styled(f"Columns not compared: {columns}", "$text-warning")


def schema_notes(changes: Sequence[SchemaChange]) -> Iterator[Content]:
    """That the schemas differ, and the first ways in which they do."""
    if not changes:
        return
    more = "v shows all" if len(changes) > _CHANGES_SHOWN else "v shows them in full"
    yield Content.assemble((f"Differences of the schemas: {len(changes):,}", "bold"), f" · {more}")
    yield from (Content(schema_words(change)) for change in changes[:_CHANGES_SHOWN])


def progress_words(at: Progress) -> str:
    """How far a comparison is: a bar, the time left, the tables it is at."""
    number = min(at.tables_done + 1, at.tables)
    words = [f"Comparing table {number:,} of {at.tables:,}: {_current(at)}"]
    if at.fraction is not None:
        done = round(max(0.0, min(at.fraction, 1.0)) * _BAR)
        words.insert(0, f"{'━' * done}{'┄' * (_BAR - done)} {at.fraction:.0%}")
    if at.seconds_left is not None:
        words.append(f"about {time_words(at.seconds_left)} left")
    words.append(f"{at.differences:,} rows differ so far")
    return " · ".join(words)


def _current(at: Progress) -> str:
    parts = [
        f"{clean(one.schema)}.{clean(one.table)}"
        + (f" ({one.done:,} of {one.total:,} {one.unit})" if one.done else "")
        for one in at.current
    ]
    return ", ".join(parts) or "…"


def time_words(seconds: float) -> str:
    """A short time in words: `12 s`, `3 min`, `1 h 5 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def result_words(comparison: Comparison) -> str:
    """What a finished comparison came to."""
    tables = comparison.tables
    different = sum(1 for one in tables if one.total)
    skipped = sum(1 for one in tables if one.not_compared)
    rows = sum(one.total for one in tables)
    words = f"{rows:,} rows in {different:,} of {len(tables):,} tables differ"
    if not rows and not comparison.schema and not skipped:
        words = f"No difference in {len(tables):,} tables"
    words += f" · {skipped:,} NOT compared" if skipped else ""
    notes = "".join(f" · {clean(note)}" for note in comparison.notes)
    return f"{words} · {comparison.seconds:.1f} s{notes}"
