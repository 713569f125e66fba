"""The engine's verbs about activity."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final

import psycopg

from warubi_tui.engine import clock
from warubi_tui.engine.activity.chronicle import Bucket, Chronicle, Transaction
from warubi_tui.engine.activity.names import Table
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.computing import Computing
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.lineage import Span
from warubi_tui.engine.servers import open_session
from warubi_tui.engine.site import Site
from warubi_tui.engine.store import BranchRow, Store
from warubi_tui.lsn import Lsn

_LOOKS: Final = 2


@dataclass(frozen=True)
class Page:
    """Some transactions, oldest first, and whether more follow."""

    transactions: Sequence[Transaction]
    more: bool


class Telling(Computing):
    """What happened on a branch, from its log and its ancestors'."""

    def __init__(self, site: Site, store: Store) -> None:
        super().__init__(site, store)
        self.chronicle = Chronicle(site, store)
        self._looked_for: set[tuple[str, int]] = set()

    def activity(self, branch_id: str, *, start: datetime, end: datetime, buckets: int) -> list[Bucket]:
        """What happened in equal slices of [start, end): commits, rows per table, changes of the schema.

        Raises:
            ApiError: 404; 500 the log cannot be read; 503 the branch's server does not answer.
        """
        low, high = clock.to_microseconds(start), clock.to_microseconds(end)
        if high <= low or buckets < 1:
            raise ApiError(400, "`from` must be before `to`, with at least one bucket")
        with self._history(branch_id) as (_, spans):
            return self.chronicle.buckets(spans, low, high, buckets)

    def transactions(
        self,
        branch_id: str,
        *,
        start: datetime,
        end: datetime,
        table: str | None,
        after: Lsn | None,
        limit: int,
    ) -> Page:
        """Commits in [start, end) that wrote something, oldest first.

        Args:
            table: only those that touched it: `name`, `schema.name`, or `database.schema.name`; the name of
                a partitioned table stands for its partitions.
            after: only those whose commit begins behind this LSN.

        Raises:
            ApiError: 404; 500 the log cannot be read; 503 the branch's server does not answer.
        """
        low, high = clock.to_microseconds(start), clock.to_microseconds(end)
        with self._history(branch_id) as (branch, spans):
            read = partial(self._page, spans, (low, high), table, after or 0, limit)
            page = read()
            for _ in range(_LOOKS):
                if not self._look_back(branch, spans, page):
                    break
                page = read()
        return page

    def _page(
        self, spans: Sequence[Span], times: tuple[int, int], table: str | None, after: int, limit: int
    ) -> Page:
        found = self.chronicle.transactions(spans, *times, after)
        if table is not None:
            found = (one for one in found if any(_is(table, known) for known in _tables(one)))
        page = list(islice(found, limit + 1))
        return Page(page[:limit], len(page) > limit)

    def look_at_names(self, timeline: str) -> None:
        """Learns the names of a running server's tables, if there may be new ones."""
        self.chronicle.names.look(timeline, partial(self.servers.session, timeline))

    def _look_back(self, branch: BranchRow, spans: Sequence[Span], page: Page) -> bool:
        """Asks the past for the names of tables that no look ever saw; returns whether it was asked.

        A table is there before the last transaction that touched it, not before the first.
        """
        for one in reversed(page.transactions):
            numbers = {
                (branch.timeline, table.number)
                for table in _tables(one)
                if table.name is None and table.number
            }
            if not numbers <= self._looked_for:
                self._looked_for |= numbers
                span = next(span for span in spans if span.low <= one.before_lsn or span is spans[-1])
                try:
                    with self.time_travel.open(branch.id, at=None, lsn=Lsn(one.before_lsn)) as server:
                        socket = server.socket / f".s.PGSQL.{server.port}"
                        self.chronicle.names.look(span.timeline.id, partial(open_session, socket), server.lsn)
                except (ApiError, psycopg.Error):
                    continue
                return True
        return False

    @contextmanager
    def _history(self, branch_id: str) -> Iterator[tuple[BranchRow, list[Span]]]:
        branch = self.branch(branch_id)
        with self.pins.hold(branch.timeline):
            spans = self.history(branch_id)
            try:
                if self.servers.pid(branch.timeline) is not None:
                    self.look_at_names(branch.timeline)
                yield branch, spans
            except psycopg.Error as error:
                raise ApiError(503, f"the server of branch {branch.name} does not answer: {error}") from error
            except (ClusterError, OSError) as error:
                raise ApiError(500, f"the history of branch {branch.name} cannot be read: {error}") from error


def _tables(transaction: Transaction) -> list[Table]:
    return [table for table, _ in transaction.deeds.tables.values()]


def _is(wanted: str, table: Table) -> bool:
    whole = f"{table.schema}.{table.name}" if table.name else str(table.number)
    names = {whole, table.name, f"{table.database}.{whole}"}
    if table.partition_of:
        root = table.partition_of
        names |= {root, root.rpartition(".")[2], f"{table.database}.{root}"}
    return wanted in names
