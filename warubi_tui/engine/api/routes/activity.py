"""Beyond Neon: what was written on a branch, over time and by transaction. Below `/api/v2/warubi`."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from starlette.responses import JSONResponse

from warubi_tui.engine.activity.chronicle import Transaction
from warubi_tui.engine.activity.judging import Counts, Key
from warubi_tui.engine.activity.names import Table
from warubi_tui.engine.api.query import Query
from warubi_tui.engine.api.routes.history import HISTORY
from warubi_tui.engine.api.served import Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.api.times import microseconds, write_exact_time, write_time
from warubi_tui.lsn import Lsn

MOST_BUCKETS: Final = 2000
MOST_TRANSACTIONS: Final = 1000
_USUAL_TRANSACTIONS: Final = 100


def activity(engine: EngineService, request: Incoming) -> JSONResponse:
    """What happened over time, in at most 2000 equal buckets.

    `{from, to, tables: [table…], buckets: [{start, end, commits, rollbacks, ddl, tables: [counts…]}]}`. Each
    of a bucket's `tables` says by the number `table` which one of the list it is about, and those counts of
    it that are not zero: `inserts`, `updates`, `deletes`, `truncates`, `drops`, `ddl`.
    """
    start, end = _span(request.query)
    buckets = request.query.need("buckets", request.query.whole("buckets", 1, MOST_BUCKETS))
    found = engine.activity(request.path["branch_id"], start=start, end=end, buckets=buckets)
    tables: dict[Key, Table] = {}
    for bucket in found:
        tables |= {key: table for key, (table, _) in bucket.deeds.tables.items()}
    numbers = {key: number for number, key in enumerate(tables)}
    return JSONResponse(
        {
            "from": write_time(microseconds(start)),
            "to": write_time(microseconds(end)),
            "tables": [_table(table) for table in tables.values()],
            "buckets": [
                {
                    "start": write_time(bucket.start),
                    "end": write_time(bucket.end),
                    "commits": bucket.commits,
                    "rollbacks": bucket.rollbacks,
                    "ddl": bucket.ddl,
                    "tables": [
                        {"table": numbers[key]} | _counts(counts)
                        for key, (_, counts) in bucket.deeds.tables.items()
                    ],
                }
                for bucket in found
            ],
        }
    )


def transactions(engine: EngineService, request: Incoming) -> JSONResponse:
    """Commits that wrote something, oldest first: `{transactions: […], pagination: {cursor}}`.

    `pagination` is there where more follow. `before_lsn` is what to restore to for the state just before.
    """
    query = request.query
    start, end = _span(query)
    limit = query.whole("limit", 1, MOST_TRANSACTIONS) or _USUAL_TRANSACTIONS
    page = engine.transactions(
        request.path["branch_id"],
        start=start,
        end=end,
        table=query.text("table"),
        after=query.lsn("cursor"),
        limit=limit,
    )
    answer: dict[str, Any] = {"transactions": [_transaction(one) for one in page.transactions]}
    if page.more:
        answer["pagination"] = {"cursor": str(Lsn(page.transactions[-1].lsn))}
    return JSONResponse(answer)


def _span(query: Query) -> tuple[datetime, datetime]:
    start = query.need("from", query.time("from"))
    end = query.need("to", query.time("to"))
    if start >= end:
        query.refuse("to", "a time after from expected")
    return start, end


def _transaction(one: Transaction) -> dict[str, Any]:
    return {
        "time": write_exact_time(one.time),
        "lsn": str(Lsn(one.lsn)),
        "before_lsn": str(Lsn(one.before_lsn)),
        "xid": one.xid,
        "kind": one.kind,
        "application_name": None,
        "tables": [_table(table) | _counts(counts) for table, counts in one.deeds.tables.values()],
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "database": table.database,
        "schema": table.schema,
        "name": table.name,
        "oid": table.oid,
        "number": table.number,
        "partition_of": table.partition_of,
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {name: number for name, number in asdict(counts).items() if number}


ROUTES = (
    Served("GET", HISTORY + "/activity", activity),
    Served("GET", HISTORY + "/transactions", transactions),
)
