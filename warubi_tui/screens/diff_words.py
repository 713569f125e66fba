"""What the screens of a comparison say, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from warubi_tui.text import clean, shorten

if TYPE_CHECKING:
    from warubi_tui.diff.model import RowFilter, TableDiff
    from warubi_tui.recovery.scenarios.scenario import Option

_CONDITION = 60


def table_words(table: TableDiff) -> Content:
    """A table with its numbers: the head of its rows."""
    counts = [(table.removed, "removed"), (table.added, "added"), (table.changed, "changed")]
    words = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    if table.partial:
        words += f" · only the first {table.kept:,} were kept for reading"
    return Content.assemble((clean(f"{table.schema}.{table.table}"), "bold"), f"  {words}")


def filter_words(wanted: RowFilter) -> str:
    """What is shown only; empty when everything is."""
    parts = [f"only {wanted.op}"] if wanted.op else []
    parts += [f"{clean(wanted.column)} changed"] if wanted.column else []
    parts += [f"with {clean(wanted.text)!r}"] if wanted.text else []
    parts += [f"where {shorten(clean(wanted.condition), _CONDITION)}"] if wanted.condition else []
    return ", ".join(parts)


def copy_options(marked: int, most: int) -> list[Option]:
    """In which forms rows can be copied."""
    from warubi_tui.recovery.scenarios.scenario import Option

    what = "the row under the cursor" if not marked else f"the {marked:,} marked rows"
    if marked > most:
        what = f"the first {most:,} of {marked:,} marked rows"
    if marked == 1:
        what = "the marked row"
    return [
        Option("tsv", "TSV", f"{what}: tabs between the values, \\N for NULL; for a spreadsheet"),
        Option("json", "JSON", f"{what}: one object a line, as diff --jsonl writes them"),
        Option("insert", "INSERT", f"{what}: statements for the rows as they were then (added ones: as now)"),
    ]
