"""`warubi diff THEN NOW`: what differs between two branches, two points in time, or two databases."""

import json
import os
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from warubi_tui.commands.output import Output, table, write
from warubi_tui.commands.session import Session, open_session
from warubi_tui.config import Target
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.model import RowDiff, TableDiff, Values
from warubi_tui.diff.words import schema_words
from warubi_tui.errors import RefusedError, UsageError
from warubi_tui.history.preview import preview
from warubi_tui.neon.connections import branch_uri
from warubi_tui.secret import Secret, redact
from warubi_tui.text import clean, shorten

_CELL: Final = 60
"""Characters of a value that are printed for people; JSON has them all."""

_ROWS: Final = 100
"""Rows per table that are printed for people unless --limit says otherwise."""

_MARKS: Final = {"removed": "-", "added": "+", "changed": "~"}


@dataclass(frozen=True)
class _Side:
    label: str
    """What the user called it, without a password."""
    uri: Secret


async def diff(find_target: Callable[[], Target], output: Output, options: Namespace) -> int:
    """Compares and prints; 1 where something differs or could not be compared, 0 where surely nothing does.

    Args:
        find_target: called only when a side is a branch: two URLs need no control plane.
    """
    _check(options)
    async with AsyncExitStack() as stack:
        session = None
        if not (_is_uri(options.then) and _is_uri(options.now)):
            session = await stack.enter_async_context(open_session(find_target(), output))
        then = await stack.enter_async_context(_side(session, options.then, options.database))
        now = await stack.enter_async_context(_side(session, options.now, options.database))
        comparison = DatabaseDiff(then.uri, now.uri, tables=options.table, rows=not options.schema_only)
        await stack.enter_async_context(comparison)
        await comparison.run()
        await _write_lines(comparison, output, options.jsonl, options.limit)
        if options.jsonl != "-":
            data = {"then": then.label, "now": now.label, **comparison.to_json()}
            output.result(await _text(comparison, then, now, options), data)
        return 1 if comparison.different or not comparison.complete else 0


def _check(options: Namespace) -> None:
    if options.json and options.jsonl == "-":
        raise UsageError("--json and --jsonl - would both write to stdout.", hint="Give --jsonl a file.")
    if options.json and options.rows:
        raise UsageError("--rows prints rows for people.", hint="For programs: --jsonl FILE")
    if options.schema_only and options.jsonl is not None:
        raise UsageError("--schema-only compares no rows, so --jsonl would get none.")


@asynccontextmanager
async def _side(session: Session | None, text: str, database: str | None) -> AsyncIterator[_Side]:
    """One side, ready to be read.

    The past, and a branch without a compute (such as one that keeps the state before a restore), are read
    from a temporary branch, which is deleted afterwards.
    """
    if session is None or _is_uri(text):
        yield _Side(redact(clean(text)), Secret(text))
        return
    branch, point = await session.branch_at(text)
    if point is None and await session.client.endpoints(session.project.id, branch.id):
        yield _Side(branch.name, await branch_uri(session.client, session.project.id, branch, database))
        return
    output = session.output
    state = f"at {session.describe(point)}" if point else "(which has no compute)"
    output.note(f"Reading {branch.name} {state} from a temporary branch")
    async with preview(
        session.client,
        session.project,
        branch,
        point,
        now=session.now,
        progress=output.operations,
        notice=output.note,
    ) as past:
        uri = await branch_uri(session.client, session.project.id, past, database)
        yield _Side(f"{branch.name}@{point.requested}" if point else branch.name, uri)


def _is_uri(text: str) -> bool:
    return text.startswith(("postgresql://", "postgres://"))


async def _write_lines(
    comparison: DatabaseDiff, output: Output, destination: str | None, limit: int | None
) -> None:
    if destination is None:
        return
    with _line_writer(destination) as write_line:
        for one in comparison.tables:
            async for row in _rows(comparison, one, limit):
                write_line(json.dumps(row.to_json()))
            if one.partial:
                output.note(f"Of {one.table}, only {one.kept} of {one.total} rows were kept for reading.")


@contextmanager
def _line_writer(destination: str) -> Iterator[Callable[[str], None]]:
    """Writes lines to stdout, or to a new 0600 file: rows may be confidential, and nothing is overwritten."""
    if destination == "-":
        yield write
        return
    try:
        handle = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RefusedError(f"{destination} cannot be written.", str(error), "Name a new file.") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:

        def write_line(line: str) -> None:
            file.write(f"{line}\n")

        yield write_line


async def _rows(comparison: DatabaseDiff, one: TableDiff, limit: int | None) -> AsyncIterator[RowDiff]:
    left = one.kept if limit is None else min(limit, one.kept)
    offset = 0
    while left > 0:
        page = await comparison.rows(one.schema, one.table, offset=offset, limit=min(left, 500))
        if not page:
            return
        for row in page:
            yield row
        offset, left = offset + len(page), left - len(page)


async def _text(comparison: DatabaseDiff, then: _Side, now: _Side, options: Namespace) -> str:
    parts = [f"- {then.label}\n+ {now.label}"]
    parts += [clean(note) for note in comparison.notes]
    if comparison.schema:
        parts.append("\n".join(schema_words(change) for change in comparison.schema))
    if comparison.tables:
        parts.append(_summary(comparison.tables))
    if options.rows:
        parts += [await _row_lines(comparison, one, options.limit) for one in comparison.tables if one.total]
    if not comparison.complete:
        parts.append("Not everything could be compared.")
    elif not comparison.different:
        parts.append("No difference.")
    return "\n\n".join(parts)


def _summary(tables: Sequence[TableDiff]) -> str:
    rows = [
        [
            f"{clean(one.schema)}.{clean(one.table)}",
            f"{one.removed:,}",
            f"{one.added:,}",
            f"{one.changed:,}",
            ", ".join(clean(column) for column in one.key) or "-",
            clean(one.not_compared or one.method),
        ]
        for one in tables
    ]
    return table(["TABLE", "REMOVED", "ADDED", "CHANGED", "KEY", "HOW"], rows)


async def _row_lines(comparison: DatabaseDiff, one: TableDiff, limit: int | None) -> str:
    shown = _ROWS if limit is None else limit
    lines = [_row_line(row) async for row in _rows(comparison, one, shown)]
    if one.total > len(lines):
        lines.append(f"… and {one.total - len(lines):,} more in {clean(one.schema)}.{clean(one.table)}")
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
