"""`warubi diff THEN NOW`: what differs between two branches, two points in time, or two databases."""

import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from warubi_tui.commands.diff_sides import open_side, wishes
from warubi_tui.commands.diff_text import Findings, Wanted, comparison_text, kept_rows
from warubi_tui.commands.output import Output, write
from warubi_tui.commands.progress import ProgressLine
from warubi_tui.commands.session import Session, open_session
from warubi_tui.config import Target
from warubi_tui.diff.damage import by_damage
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.lineage import Lineage, branch_lineage
from warubi_tui.diff.report.page import ROWS, About, report
from warubi_tui.errors import UsageError
from warubi_tui.neon.models import Branch
from warubi_tui.paths import new_private_file

WriteLine = Callable[[str], None]


@dataclass(frozen=True)
class _Compared:
    """What there is to tell."""

    comparison: DatabaseDiff
    then: str
    now: str
    findings: Findings

    def to_json(self) -> dict[str, object]:
        tables = [
            one.to_json()
            | {"findings": [finding.to_json() for finding in self.findings.get((one.schema, one.table), ())]}
            for one in self.comparison.tables
        ]
        return {"then": self.then, "now": self.now, **self.comparison.to_json(), "tables": tables}


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
        page = stack.enter_context(new_private_file(options.html)) if options.html else None
        session = None
        if not (first.is_uri and second.is_uri):
            session = await stack.enter_async_context(open_session(find_target(), output))
        then = await stack.enter_async_context(open_side(session, first, options.database))
        now = await stack.enter_async_context(open_side(session, second, options.database))
        comparison = DatabaseDiff(
            then.uri,
            now.uri,
            tables=options.table,
            rows=not (options.schema_only or options.schema_text),
            lineage=await _lineage(session, then.branch, now.branch),
            where=options.where,
            method=options.method,
        )
        await stack.enter_async_context(comparison)
        findings = await _run(comparison, told=page is not None or options.jsonl != "-")
        compared = _Compared(comparison, then.label, now.label, findings)
        if write_line is not None:
            await _write_lines(comparison, output, write_line, options.limit)
        if page is not None:
            await _write_page(compared, page, options)
        if options.jsonl != "-":
            await _print(compared, options)
        return 1 if comparison.different or not comparison.complete else 0


async def _lineage(session: Session | None, then: Branch | None, now: Branch | None) -> Lineage | None:
    """Where the histories of both sides part; None where one is a URL."""
    if session is None or then is None or now is None:
        return None
    return await branch_lineage(session.client, then, now)


def _check(options: Namespace) -> None:
    if options.json and options.jsonl == "-":
        raise UsageError("--json and --jsonl - would both write to stdout.", hint="Give --jsonl a file.")
    if options.json and options.rows:
        raise UsageError("--rows prints rows for people.", hint="For programs: --jsonl FILE")
    if options.schema_only or options.schema_text:
        about_rows = {"--jsonl": options.jsonl, "--where": options.where, "--method": options.method}
        for name, value in about_rows.items():
            if value is not None:
                raise UsageError(f"{name} is about rows, and without rows nothing would come of it.")


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


async def _write_page(compared: _Compared, page: TextIO, options: Namespace) -> None:
    about = About(compared.then, compared.now, datetime.now(UTC), options.where)
    rows = ROWS if options.limit is None else options.limit
    async for piece in report(compared.comparison, about, compared.findings, rows=rows):
        page.write(piece)


async def _print(compared: _Compared, options: Namespace) -> None:
    comparison = compared.comparison
    if options.json:
        more = {"schema_text": comparison.schema_text()} if options.schema_text else {}
        write(json.dumps(compared.to_json() | more))
    elif options.schema_text:
        write(comparison.schema_text().removesuffix("\n") or "No difference.")
    else:
        wanted = Wanted(rows=options.rows, limit=options.limit)
        write(await comparison_text(comparison, compared.then, compared.now, compared.findings, wanted))
