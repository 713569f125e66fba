"""The demo's recovery without the console: the same services, printed step by step."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from warubi_tui import timefmt
from warubi_tui.config import Target
from warubi_tui.demo.shop import Accident, cause_accident, changed_tables, create_shop, do_business
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.lineage import Lineage, branch_lineage
from warubi_tui.diff.model import TableDiff
from warubi_tui.errors import WarubiError
from warubi_tui.history.moment import RestorePoint, resolve_point
from warubi_tui.neon.connections import branch_uri
from warubi_tui.neon.models import Branch, Project
from warubi_tui.neon.projects import choose_project
from warubi_tui.recovery.restore import perform, plan_copy, plan_in_place
from warubi_tui.recovery.verify import Digests, database_digests
from warubi_tui.secret import Secret

if TYPE_CHECKING:
    from warubi_tui.neon.client import NeonClient

Say = Callable[[str], None]

_SELLERS: Final = 2


@dataclass
class Outcome:
    """What the story found out. `tables` is what the accident did to each table, `equal` the final proof."""

    accident_at: datetime | None = None
    restored_lsn: str | None = None
    copy: str | None = None
    kept_as: str | None = None
    tables: list[TableDiff] = field(default_factory=list)
    equal: Mapping[str, bool] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every table of main equals its state before the accident."""
        return bool(self.equal) and all(self.equal.values())

    def to_json(self) -> dict[str, object]:
        """The object `warubi demo --headless --json` prints."""
        return {
            "accident_at": timefmt.rfc3339(self.accident_at) if self.accident_at else None,
            "resolved_lsn": self.restored_lsn,
            "copy": self.copy,
            "kept_as": self.kept_as,
            "tables": [table.to_json() for table in self.tables],
            "equal": dict(self.equal),
            "passed": self.passed,
        }


async def open_shop(client: "NeonClient", target: Target) -> tuple[Project, Branch, Secret]:
    """The project, its default branch, and that one's connection string."""
    project = await choose_project(client, target.project_id)
    main = next(branch for branch in await client.branches(project.id) if branch.default)
    return project, main, await branch_uri(client, project.id, main, "neondb")


def live_through_it(uri: Secret, seconds: float, say: Say) -> Accident:
    """Builds the shop if need be, trades for some seconds, has the accident, and trades on a little."""
    if create_shop(uri):
        say("a shop was built: 8 tables, about 20,000 rows")
    stop = threading.Event()
    with ThreadPoolExecutor(_SELLERS) as sellers, ExitStack() as closing:
        closing.callback(stop.set)
        trading = [sellers.submit(do_business, uri, stop) for _ in range(_SELLERS)]
        stop.wait(seconds)
        accident = cause_accident(uri)
        stop.wait(seconds / 4)
        stop.set()
        say(f"{sum(trade.result() for trade in trading):,} transactions of daily business")
    return accident


async def recover(target: Target, accident: Accident, say: Say) -> Outcome:
    """Restores a copy to the commit before the accident, counts the loss, restores main in place, proves it.

    Raises:
        WarubiError: a step failed.
    """
    from warubi_tui.neon.client import NeonClient

    outcome = Outcome(accident.committed_at)
    async with NeonClient(target.host, target.key, engine=target.engine) as client:
        project, main, uri = await open_shop(client, target)
        point = await _moment_before(client, project, main, accident, say)
        outcome.restored_lsn = str(point.resolved.lsn) if point.resolved else None
        now = datetime.now(UTC)
        copy = await perform(client, await plan_copy(client, project, main, point, now=now, zone=UTC))
        outcome.copy = copy.branch.name
        if copy.connection_uri is None:
            raise WarubiError("The restored copy has no connection string")
        say(f"restored copy {copy.branch.name} in {copy.seconds:.1f} s; main is untouched")
        parted = await branch_lineage(client, copy.branch, main)
        outcome.tables = await _count_loss(copy.connection_uri, uri, parted, say)
        plan = await plan_in_place(client, project, main, point, now=datetime.now(UTC), zone=UTC)
        done = await perform(client, plan, confirmation=main.name)
        outcome.kept_as = done.kept_as.name if done.kept_as else None
        say(
            f"restored main in place in {done.seconds:.1f} s; its state until then is kept: {outcome.kept_as}"
        )
        outcome.equal = _equality(accident, await database_digests(uri))
    for line in _proof(outcome):
        say(line)
    return outcome


async def _moment_before(
    client: "NeonClient", project: Project, main: Branch, accident: Accident, say: Say
) -> RestorePoint:
    wish = accident.committed_at - timedelta(microseconds=1)
    point = await resolve_point(client, project, main, wish, now=datetime.now(UTC), zone=UTC)
    if point.resolved is not None and point.resolved.time is not None:
        last = timefmt.utc(point.resolved.time)
        say(f"the last commit before it was at {last}, LSN {point.resolved.lsn}")
    return point


async def _count_loss(then: Secret, now: Secret, parted: Lineage | None, say: Say) -> list[TableDiff]:
    async with DatabaseDiff(then, now, lineage=parted) as diff:
        await diff.run()
        say("what differs between the copy and main (lost, new since, changed):")
        for table in diff.tables:
            say(f"  {table.table:<16}{table.removed:>8} -{table.added:>8} +{table.changed:>8} ~")
        return list(diff.tables)


def _equality(accident: Accident, after: Digests) -> Mapping[str, bool]:
    return {name: not changed for name, changed in changed_tables(accident.before, after).items()}


def _proof(outcome: Outcome) -> Sequence[str]:
    different = [name for name, equal in outcome.equal.items() if not equal]
    if outcome.passed:
        return [f"proved: all {len(outcome.equal)} tables of main equal their state before the accident"]
    return [f"NOT proved: {', '.join(different) or 'no table could be read'}"]
