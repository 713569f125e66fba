"""`warubi diff THEN NOW`: what differs between two branches, two points in time, or two databases."""

import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from warubi_tui.commands.diff_sides import open_side, wishes
from warubi_tui.commands.diff_text import Findings, Wanted, comparison_text, kept_rows
from warubi_tui.commands.output import Output, write
from warubi_tui.commands.progress import ProgressLine
from warubi_tui.commands.session import open_session
from warubi_tui.config import Target
from warubi_tui.diff.damage import by_damage
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.errors import UsageError
from warubi_tui.paths import new_private_file

WriteLine = Callable[[str], None]


async def diff(find_target: Callable[[], Target], output: Output, options: Namespace) -> int:
    """Compares and prints; 1 where something differs or could not be compared, 0 where surely nothing does.

    Files are named when all is done: after an error or an interruption there are none.

    Args:
        find_target: called only when a side is a branch: two URLs need no control plane.
    """
    _check(options)
    first, second = wishes(options)
    async with AsyncExitStack() as stack:
        write_line = stack.enter_context(_line_writer(options.jsonl)) if options.jsonl else None
        session = None
        if not (first.is_uri and second.is_uri):
            session = await stack.enter_async_context(open_session(find_target(), output))
        then = await stack.enter_async_context(open_side(session, first, options.database))
        now = await stack.enter_async_context(open_side(session, second, options.database))
        comparison = DatabaseDiff(
            then.uri,
            now.uri,
            tables=options.table,
            rows=not options.schema_only,
            where=options.where,
            method=options.method,
        )
        await stack.enter_async_context(comparison)
        findings = await _run(comparison, told=options.jsonl != "-")
        if write_line is not None:
            await _write_lines(comparison, output, write_line, options.limit)
        if output.as_json:
            write(json.dumps({"then": then.label, "now": now.label, **_data(comparison, findings)}))
        elif options.jsonl != "-":
            wanted = Wanted(rows=options.rows, limit=options.limit)
            write(await comparison_text(comparison, then.label, now.label, findings, wanted))
        return 1 if comparison.different or not comparison.complete else 0


def _check(options: Namespace) -> None:
    if options.json and options.jsonl == "-":
        raise UsageError("--json and --jsonl - would both write to stdout.", hint="Give --jsonl a file.")
    if options.json and options.rows:
        raise UsageError("--rows prints rows for people.", hint="For programs: --jsonl FILE")
    if options.schema_only and options.jsonl is not None:
        raise UsageError("--schema-only compares no rows, so --jsonl would get none.")
    if options.schema_only and (options.where is not None or options.method is not None):
        raise UsageError("--schema-only compares no rows: --where and --method are about rows.")


async def _run(comparison: DatabaseDiff, *, told: bool) -> Findings:
    """Compares; what the differing rows have in common, unless nobody will be told."""
    with ProgressLine() as line:
        await comparison.run(on_progress=line.show)
        if not told:
            return {}
        line.say("Looking for what the rows that differ have in common")
        return await comparison.findings(by_damage(comparison.tables))


@contextmanager
def _line_writer(destination: str) -> Iterator[WriteLine]:
    """Writes lines to stdout, or to a new 0600 file: rows may be confidential, and nothing is overwritten."""
    if destination == "-":
        yield write
        return
    with new_private_file(Path(destination)) as file:

        def write_line(line: str) -> None:
            file.write(f"{line}\n")

        yield write_line


async def _write_lines(
    comparison: DatabaseDiff, output: Output, write_line: WriteLine, limit: int | None
) -> None:
    for one in comparison.tables:
        async for row in kept_rows(comparison, one, limit):
            write_line(json.dumps(row.to_json()))
        if one.partial:
            output.note(f"Of {one.table}, only {one.kept} of {one.total} rows were kept for reading.")


def _data(comparison: DatabaseDiff, findings: Findings) -> dict[str, object]:
    tables = [
        one.to_json()
        | {"findings": [finding.to_json() for finding in findings.get((one.schema, one.table), ())]}
        for one in comparison.tables
    ]
    return comparison.to_json() | {"tables": tables}
