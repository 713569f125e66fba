"""Short ways to ask an engine what happened."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import psycopg

from tests.engine.lab import Lab
from warubi_tui.engine.activity.chronicle import Transaction
from warubi_tui.engine.activity.judging import Deeds
from warubi_tui.engine.store import BranchRow

EVER = datetime(2000, 1, 1, tzinfo=UTC)


def later() -> datetime:
    """A time behind everything that has happened."""
    return datetime.now(UTC) + timedelta(hours=1)


def told(deeds: Deeds) -> dict[str, dict[str, int]]:
    """Counts that are not zero, by `schema.table`, or by number where the name is not known."""
    return {
        f"{table.schema}.{table.name}" if table.name else str(table.number): {
            name: number for name, number in asdict(counts).items() if number
        }
        for table, counts in deeds.tables.values()
    }


def transactions(
    lab: Lab, branch: BranchRow, *, since: datetime = EVER, table: str | None = None
) -> list[Transaction]:
    """All of them, oldest first."""
    page = lab.engine.transactions(
        branch.id, start=since, end=later(), table=table, after=None, limit=1_000_000
    )
    assert not page.more
    return list(page.transactions)


def totals(
    lab: Lab, branch: BranchRow, *, buckets: int = 1, since: datetime = EVER
) -> dict[str, dict[str, int]]:
    """The whole history's counts by table."""
    sums = Deeds()
    for bucket in lab.engine.activity(branch.id, start=since, end=later(), buckets=buckets):
        sums.add(bucket.deeds)
    return told(sums)


@contextmanager
def transaction(session: psycopg.Connection) -> Iterator[int]:
    """Runs the block in one transaction and gives its xid."""
    with session.transaction():
        row = session.execute("SELECT pg_current_xact_id()::text").fetchone()
        assert row is not None
        yield int(row[0])
