"""The page: the summary first, then every table that differs."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from warubi_tui import __version__
from warubi_tui.diff.damage import by_damage
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.diff.model import Op, RowDiff, SchemaChange, TableDiff
from warubi_tui.diff.report.cells import row, text
from warubi_tui.diff.report.style import CSS, POLICY
from warubi_tui.diff.words import schema_words
from warubi_tui.text import one_line
from warubi_tui.timefmt import utc

ROWS: Final = 1_000
"""Rows of each table that are shown unless the caller says otherwise."""

_PAGE: Final = 500
_OPS: Final[tuple[Op, ...]] = ("removed", "added", "changed")


class Comparison(Protocol):
    """What a report is made of: a DatabaseDiff that has run."""

    schema: list[SchemaChange]
    tables: list[TableDiff]
    notes: list[str]
    seconds: float

    @property
    def different(self) -> bool: ...

    @property
    def complete(self) -> bool: ...

    def schema_text(self) -> str: ...

    async def rows(
        self, schema: str, table: str, *, offset: int = 0, limit: int = 100, op: Op | None = None
    ) -> list[RowDiff]: ...


@dataclass(frozen=True)
class About:
    """What the comparison itself does not know."""

    then: str
    """What the user called that side, without a password."""
    now: str
    made_at: datetime
    where: str | None = None
    """The condition the comparison was limited to."""


async def report(
    comparison: Comparison,
    about: About,
    findings: Mapping[tuple[str, str], Sequence[Finding]],
    *,
    rows: int = ROWS,
) -> AsyncIterator[str]:
    """The pieces of an HTML file in UTF-8 that loads nothing, runs nothing and links to nothing.

    Args:
        rows: at most so many of each table are shown; the page says where there are more.
    """
    tables = by_damage(comparison.tables)
    worth = [one for one in tables if one.total or one.not_compared is not None]
    for piece in (_head(about), _verdict(comparison), *_schema(comparison)):
        yield piece
    yield _summary(worth, len(tables) - len(worth))
    for number, one in enumerate(worth):
        yield _about_table(one, number, findings.get((one.schema, one.table), ()))
        async for piece in _rows(comparison, one, rows):
            yield piece
        yield "</section>\n"
    yield "</body>\n</html>\n"


def _head(about: About) -> str:
    where = (
        f"<p>Only rows of which this is true, then or now: <code>{text(about.where)}</code></p>\n"
        if about.where is not None
        else ""
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width">
<title>What differs: {text(about.then)} and {text(about.now)}</title>
<style>{CSS}</style>
</head>
<body>
<h1>What differs</h1>
<p>- then: <code>{text(about.then)}</code><br>+ now: <code>{text(about.now)}</code></p>
<p class="dim">Removed was there then and is not there now; added is there now only.
Made {utc(about.made_at, "seconds")} by warubi {text(__version__)}. Rows of a database: handle with care.</p>
{where}"""


def _verdict(comparison: Comparison) -> str:
    said = "There are differences." if comparison.different else "No difference was found."
    if not comparison.complete:
        said += " Not everything could be compared."
    notes = "".join(f"<p>{text(note)}</p>\n" for note in comparison.notes)
    return f"<p><b>{said}</b> Compared in {comparison.seconds:.1f} s.</p>\n{notes}"


def _schema(comparison: Comparison) -> Iterator[str]:
    if comparison.schema:
        yield "<h2>Schema</h2>\n<ul>\n"
        yield from (f"<li><code>{text(schema_words(change))}</code></li>\n" for change in comparison.schema)
        yield "</ul>\n"
    if unified := comparison.schema_text():
        lines = "\n".join(map(text, unified.splitlines()))
        yield f"<details><summary>Both schemas as a unified diff</summary><pre>{lines}</pre></details>\n"


def _summary(tables: Sequence[TableDiff], same: int) -> str:
    lines = [
        f'<tr><td><a href="#t{number}">{_name(one)}</a></td>{_numbers(one)}</tr>\n'
        for number, one in enumerate(tables)
    ]
    table = (
        '<div class="wide"><table>\n<tr><th>table</th><th>- removed</th><th>+ added</th><th>~ changed</th>'
        f"<th>how</th></tr>\n{''.join(lines)}</table></div>\n"
        if lines
        else ""
    )
    others = f"<p>{same:,} table{'' if same == 1 else 's'} without a difference.</p>\n" if same else ""
    return f"<h2>Tables</h2>\n{table}{others}"


def _numbers(one: TableDiff) -> str:
    if one.not_compared is not None:
        return '<td class="number">-</td>' * 3 + "<td>not compared</td>"
    counts = (one.removed, one.added, one.changed)
    return "".join(f'<td class="number">{count:,}</td>' for count in counts) + f"<td>{one.method}</td>"


def _about_table(one: TableDiff, number: int, findings: Sequence[Finding]) -> str:
    parts = [f'<section id="t{number}">\n<h2 class="name">{_name(one)}</h2>\n']
    if one.not_compared is not None:
        parts.append(f"<p><b>Not compared:</b> {text(one_line(one.not_compared))}</p>\n")
    for finding in findings:
        parts.append(f"<p>{text(finding.sentence)}</p>\n")
        if finding.filter:
            parts.append(f"<pre>{finding.side}: WHERE {text(finding.where or '')}</pre>\n")
    if one.why:
        parts.append(f'<p class="dim">Compared by {text(one.method)}: {text(one_line(one.why))}</p>\n')
    for column, reason in one.left_out.items():
        parts.append(
            f"<p>Column <code>{text(column)}</code> was not compared: {text(one_line(reason))}</p>\n"
        )
    return "".join(parts)


async def _rows(comparison: Comparison, one: TableDiff, limit: int) -> AsyncIterator[str]:
    shown = min(one.kept, limit)
    if shown:
        columns = await _columns(comparison, one)
        names = "".join(f"<th>{text(name)}</th>" for name in columns)
        yield f'<div class="wide"><table>\n<tr><th></th>{names}</tr>\n'
        for offset in range(0, shown, _PAGE):
            count = min(_PAGE, shown - offset)
            for found in await comparison.rows(one.schema, one.table, offset=offset, limit=count):
                yield row(found, columns)
        yield "</table></div>\n"
    if one.total > shown:
        yield f"<p>Shown: {shown:,} of {one.total:,} rows that differ.</p>\n"


async def _columns(comparison: Comparison, one: TableDiff) -> list[str]:
    """The key, then every other column of either side."""
    columns = dict.fromkeys(one.key)
    for op in _OPS:
        for found in await comparison.rows(one.schema, one.table, limit=1, op=op):
            columns |= dict.fromkeys([*(found.now or {}), *(found.then or {})])
    return list(columns)


def _name(one: TableDiff) -> str:
    return f"{text(one.schema)}.{text(one.table)}"
