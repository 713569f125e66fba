"""Schemas of databases, and what differs between two of them."""

from starlette.responses import JSONResponse

from warubi_tui.engine.api.served import BRANCH, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.points import Point


def get_schema(engine: EngineService, request: Incoming) -> JSONResponse:
    query = request.query
    database = query.need("db_name", query.text("db_name"))
    form = query.choice("format", ("sql", "json"))
    at, lsn = query.target("timestamp", "lsn")
    point = Point(request.path["branch_id"], at, lsn)
    if form == "json":
        return JSONResponse({"json": {"tables": engine.tables(point, database)}})
    return JSONResponse({"sql": engine.schema(point, database)})


def compare_schema(engine: EngineService, request: Incoming) -> JSONResponse:
    """Without `base_branch_id` the base is the parent; a root is its own."""
    query = request.query
    database = query.need("db_name", query.text("db_name"))
    base_id = query.identifier("base_branch_id")
    at, lsn = query.target("timestamp", "lsn")
    base_at, base_lsn = query.target("base_timestamp", "base_lsn")
    branch = engine.branch(request.path["branch_id"])
    base = Point(base_id or branch.parent or branch.id, base_at, base_lsn)
    return JSONResponse({"diff": engine.compare_schema(Point(branch.id, at, lsn), base, database)})


ROUTES = (
    Served("GET", BRANCH + "/schema", get_schema),
    Served("GET", BRANCH + "/compare_schema", compare_schema),
)
