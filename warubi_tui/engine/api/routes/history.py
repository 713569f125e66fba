"""Beyond Neon: what the write-ahead log tells about a branch's past. Below `/api/v2/warubi`."""

from typing import Final

from starlette.responses import JSONResponse

from warubi_tui.engine.api.served import BRANCH, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.api.times import write_time
from warubi_tui.lsn import Lsn

HISTORY: Final = "/warubi" + BRANCH


def window(engine: EngineService, request: Incoming) -> JSONResponse:
    """The points a branch can be restored to: `{from, to, from_lsn, to_lsn}`."""
    found = engine.window(request.path["branch_id"])
    return JSONResponse(
        {
            "from": write_time(found.start),
            "to": write_time(found.end),
            "from_lsn": str(Lsn(found.start_lsn)),
            "to_lsn": str(Lsn(found.end_lsn)),
        }
    )


def moment(engine: EngineService, request: Incoming) -> JSONResponse:
    """What a restore to `timestamp` or `lsn` would hold: `{lsn, time, next_lsn, next_time}`.

    The first two are the last commit included, the others the first one left out; null where there is none.
    """
    at, lsn = request.query.target("timestamp", "lsn")
    if at is None and lsn is None:
        request.query.refuse("timestamp", "either timestamp or lsn expected")
    found = engine.moment(request.path["branch_id"], at=at, lsn=lsn)
    return JSONResponse(
        {
            "lsn": str(Lsn(found.lsn)),
            "time": None if found.time is None else write_time(found.time),
            "next_lsn": None if found.next_lsn is None else str(Lsn(found.next_lsn)),
            "next_time": None if found.next_time is None else write_time(found.next_time),
        }
    )


def lineage(engine: EngineService, request: Incoming) -> JSONResponse:
    """The timelines a branch's data came through, its own first: `{timelines: [{id, fork_lsn, fork_xid}]}`.

    A timeline left the next one of the list at `fork_lsn`, where `fork_xid` was the next transaction id
    (64 bit) to assign; both are null for the root.
    """
    found = engine.lineage(request.path["branch_id"])
    return JSONResponse(
        {
            "timelines": [
                {
                    "id": row.id,
                    "fork_lsn": None if row.fork_lsn is None else str(Lsn(row.fork_lsn)),
                    "fork_xid": row.fork_xid,
                }
                for row in found
            ]
        }
    )


ROUTES = (
    Served("GET", HISTORY + "/window", window),
    Served("GET", HISTORY + "/moment", moment),
    Served("GET", HISTORY + "/lineage", lineage),
)
