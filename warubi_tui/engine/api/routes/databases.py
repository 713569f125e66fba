"""Databases of a branch, and how to connect to them."""

from collections.abc import Sequence

from starlette.responses import JSONResponse, Response

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.served import BRANCH, PROJECT, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import DatabaseRow, OperationRow

DATABASE = BRANCH + "/databases/{database_name:path}"


def list_databases(engine: EngineService, request: Incoming) -> JSONResponse:
    rows = engine.databases(request.path["branch_id"])
    return JSONResponse({"databases": [rendering.database(row) for row in rows]})


def create_database(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    wanted = body.need("database", body.fields("database"))
    name = wanted.need("name", wanted.text("name", shortest=1))
    owner_name = wanted.need("owner_name", wanted.text("owner_name", shortest=1))
    return _changed(engine.create_database(request.path["branch_id"], name, owner_name), 201)


def get_database(engine: EngineService, request: Incoming) -> JSONResponse:
    name = request.path["database_name"]
    for row in engine.databases(request.path["branch_id"]):
        if row.name == name:
            return JSONResponse({"database": rendering.database(row)})
    raise ApiError(404, f"database {name!r} not found")


def change_database(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    wanted = body.need("database", body.fields("database"))
    return _changed(
        engine.change_database(
            request.path["branch_id"],
            request.path["database_name"],
            new_name=wanted.text("name", shortest=1),
            owner_name=wanted.text("owner_name", shortest=1),
        )
    )


def delete_database(engine: EngineService, request: Incoming) -> Response:
    deleted = engine.delete_database(request.path["branch_id"], request.path["database_name"])
    return Response(status_code=204) if deleted is None else _changed(deleted)


def connection_uri(engine: EngineService, request: Incoming) -> JSONResponse:
    """`pooled` makes no difference: there is no pooler."""
    query = request.query
    query.flag("pooled")
    uri = engine.connection_uri(
        branch_id=query.identifier("branch_id"),
        endpoint_id=query.identifier("endpoint_id"),
        database=query.need("database_name", query.text("database_name")),
        role=query.need("role_name", query.text("role_name")),
    )
    return JSONResponse({"uri": uri})


def _changed(change: tuple[DatabaseRow, Sequence[OperationRow]], status: int = 200) -> JSONResponse:
    row, operations = change
    return JSONResponse({"database": rendering.database(row), **rendering.operations(operations)}, status)


ROUTES = (
    Served("GET", PROJECT + "/connection_uri", connection_uri),
    Served("GET", BRANCH + "/databases", list_databases),
    Served("POST", BRANCH + "/databases", create_database),
    Served("GET", DATABASE, get_database),
    Served("PATCH", DATABASE, change_database),
    Served("DELETE", DATABASE, delete_database),
)
