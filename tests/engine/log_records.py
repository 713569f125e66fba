"""The write-ahead log as PostgreSQL's own extension pg_walinspect reads it: an oracle beside pg_waldump."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg


@dataclass(frozen=True)
class TransactionEnd:
    """The record that ends a transaction; `end` is where PostgreSQL's reader went on after it."""

    start: int
    end: int
    length: int
    xid: int
    time: datetime
    committed: bool


_END = re.compile(r"(?:(?P<prepared>\d+): )?(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\+00")


def transaction_ends(session: psycopg.Connection, start: str) -> list[TransactionEnd]:
    """Every commit and abort from `start` to the end of the log, in its order."""
    session.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
    found = session.execute(
        "SELECT start_lsn - '0/0'::pg_lsn, end_lsn - '0/0'::pg_lsn, record_length, xid::text, record_type,"
        " description FROM pg_get_wal_records_info(%s, pg_current_wal_flush_lsn())"
        " WHERE resource_manager = 'Transaction'"
        " AND record_type IN ('COMMIT', 'ABORT', 'COMMIT_PREPARED', 'ABORT_PREPARED') ORDER BY start_lsn",
        (start,),
    )
    ends = []
    for first, end, length, xid, kind, description in found:
        match = _END.match(description)
        assert match is not None, description
        time = datetime.fromisoformat(match["time"]).replace(tzinfo=UTC)
        whose = int(match["prepared"] or xid)
        ends.append(TransactionEnd(int(first), int(end), length, whose, time, kind.startswith("COMMIT")))
    return ends


def state_at(ends: Sequence[TransactionEnd], time: datetime) -> set[int]:
    """Transactions in the state at `time`: those committed, in log order, before the first end after it."""
    state = set()
    for end in ends:
        if end.time > time:
            break
        if end.committed:
            state.add(end.xid)
    return state
