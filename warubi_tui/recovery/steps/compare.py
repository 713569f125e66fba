"""Looking at what differs between the copy and the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from warubi_tui.recovery.check import Check
from warubi_tui.recovery.steps.kind import Context, Outcome, Prepared
from warubi_tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warubi_tui.recovery.inspector import Comparison, Report, TableDifference
    from warubi_tui.recovery.scenarios.scenario import Step


_LISTED: Final = 20


class Compare:
    """Counts, table by table, the rows lost since the copy's moment and those written since."""

    async def prepare(self, context: Context, step: Step, answer: str) -> Prepared:
        copy = await context.copy()

        async def act(typed: str | None, report: Report) -> Outcome:
            found = await context.inspector.compare(context.project.id, copy, context.branch, report)
            summary = _summary(found)
            return Outcome(summary, [_in_short(context, found, summary), *_checks(context, found)])

        lines = [f"Then: {copy.name} ({copy.id})", f"Now: {context.branch.name} ({context.branch.id})"]
        return Prepared(step, answer, act, lines=lines)


def _summary(found: Comparison) -> str:
    removed, added, changed = (
        (sum(counts) for counts in zip(*((t.removed, t.added, t.changed) for t in found.tables), strict=True))
        if found.tables
        else (0, 0, 0)
    )
    return (
        f"{removed} rows removed, {added} added, {changed} changed since the copy's moment;"
        f" {_schema_count(found)}"
    )


def _schema_count(found: Comparison) -> str:
    count = len(found.schema_changes)
    return f"{count} schema {'change' if count == 1 else 'changes'}"


def _differs(table: TableDifference) -> bool:
    return table.not_compared is None and bool(table.removed or table.added or table.changed)


def _in_short(context: Context, found: Comparison, summary: str) -> Check:
    """What has to be seen on the smallest terminal, above the tables."""
    nothing = not found.schema_changes and not any(map(_differs, found.tables))
    sure = not found.left_out and all(table.not_compared is None for table in found.tables)
    return context.check("In short", "warn" if not nothing else "pass" if sure else "unknown", summary)


def _checks(context: Context, found: Comparison) -> list[Check]:
    differing = [table for table in found.tables if _differs(table)]
    skipped = [t for t in found.tables if t.not_compared is not None]
    checks = [context.check(f"Table {_name(table)}", "warn", _counts(table)) for table in differing]
    checks += [
        context.check(f"Table {_name(table)}", "unknown", f"not compared: {clean(table.not_compared or '')}")
        for table in skipped
    ]
    if found.schema_changes:
        checks.append(
            context.check(
                "Schema",
                "warn",
                f"{_schema_count(found)}: {_listed(found.schema_changes)}",
            )
        )
    elif not found.left_out:
        checks.append(context.check("Schema", "pass", "the same on both sides"))
    if found.left_out:
        checks.append(context.check("Left out", "unknown", f"not compared: {_listed(found.left_out)}"))
    same = len(found.tables) - len(differing) - len(skipped)
    checks.append(context.check("Tables without a difference", "pass", str(same)))
    if not differing and not skipped and not found.schema_changes and not found.left_out:
        checks.append(
            context.check(
                "Something differs",
                "warn",
                "nothing does: the moment may be too late, or the harm is elsewhere",
            )
        )
    return checks


def _listed(lines: Sequence[str]) -> str:
    more = f"; and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
    return "; ".join(clean(line) for line in lines[:_LISTED]) + more


def _name(table: TableDifference) -> str:
    return clean(f"{table.database}: {table.table}")


def _counts(table: TableDifference) -> str:
    return f"{table.removed} removed, {table.added} added, {table.changed} changed"
