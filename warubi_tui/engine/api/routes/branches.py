"""One branch: create, read, change, restore, delete."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import JSONResponse, Response

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.body import Fields
from warubi_tui.engine.api.rendering import Json
from warubi_tui.engine.api.routes.endpoints import read_compute, render_endpoints
from warubi_tui.engine.api.served import BRANCH, PROJECT, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.computes import ComputeWish
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import BranchRow, DatabaseRow, EndpointRow, OperationRow, RoleRow

MOST_ANNOTATIONS: Final = 50


def create_branch(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.optional_body()
    wanted = body.fields("branch") or Fields({})
    computes = [read_compute(compute) for compute in body.list_of_fields("endpoints")]
    at, lsn = wanted.target("parent_timestamp", "parent_lsn")
    parent_id, name = wanted.identifier("parent_id"), wanted.title("name")
    protected, expires_at = wanted.flag("protected") or False, wanted.time("expires_at")
    init_source = wanted.choice("init_source", ("parent-data", "schema-only")) or "parent-data"
    annotation = _annotation(body)
    _refuse_unoffered(wanted, computes)
    row, endpoints, operations = engine.create_branch(
        parent_id=parent_id,
        name=name,
        at=at,
        lsn=lsn,
        computes=computes,
        protected=protected,
        expires_at=expires_at,
        init_source=init_source,
        annotation=annotation,
    )
    return JSONResponse(_created(engine, row, endpoints, operations), 201)


def _annotation(body: Fields) -> dict[str, str]:
    values = body.fields("annotation_value") or Fields({})
    if len(list(values)) > MOST_ANNOTATIONS:
        body.refuse("annotation_value", f"at most {MOST_ANNOTATIONS} values expected")
    return {name: values.need(name, values.text(name)) for name in values}


def _refuse_unoffered(wanted: Fields, computes: list[ComputeWish]) -> None:
    """Refuses what this engine would otherwise leave out without a word."""
    if wanted.flag("archived"):
        raise ApiError(422, "this engine has no archived branches")
    if sum(compute.type == "read_write" for compute in computes) > 1:
        raise ApiError(422, "a branch has one read_write endpoint at most")


def _created(
    engine: EngineService,
    row: BranchRow,
    endpoints: Sequence[EndpointRow],
    operations: Sequence[OperationRow],
) -> Json:
    """The answer to a creation that is under way: nothing below may turn it into a refusal.

    Where the branch is gone again because it could not be made, its operations tell.
    """
    try:
        contents = _contents(engine, row, endpoints)
    except ApiError:
        contents = {"endpoints": [], "roles": [], "databases": []}
    return {"branch": rendering.branch(row), **contents, **rendering.operations(operations)}


def _contents(engine: EngineService, row: BranchRow, endpoints: Sequence[EndpointRow]) -> Json:
    """What is in a new branch, and how to connect to it where there is one way and its password is known."""
    roles, databases = engine.roles(row.id), engine.databases(row.id)
    contents: Json = {
        "endpoints": render_endpoints(engine, endpoints),
        "roles": [rendering.role(role) for role in roles],
        "databases": [rendering.database(database) for database in databases],
    }
    if len(roles) == len(databases) == len(endpoints) == 1 and roles[0].password:
        contents["connection_uris"] = [_connection(engine, endpoints[0], roles[0], databases[0])]
    return contents


def _connection(engine: EngineService, endpoint: EndpointRow, role: RoleRow, database: DatabaseRow) -> Json:
    """A `ConnectionDetails`. There is no pooler, so its host is the compute's own."""
    host = rendering.host(endpoint)
    uri = engine.connection_uri(
        branch_id=endpoint.branch, endpoint_id=endpoint.id, database=database.name, role=role.name
    )
    return {
        "connection_uri": uri,
        "connection_parameters": {
            "database": database.name,
            "role": role.name,
            "password": role.password,
            "host": host,
            "pooler_host": host,
        },
    }


def get_branch(engine: EngineService, request: Incoming) -> JSONResponse:
    row = engine.branch(request.path["branch_id"])
    return JSONResponse({"branch": rendering.branch(row), "annotation": rendering.annotation(row)})


def change_branch(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    wanted = body.need("branch", body.fields("branch"))
    changes: dict[str, object] = {}
    if (name := wanted.title("name")) is not None:
        changes["name"] = name
    if (protected := wanted.flag("protected")) is not None:
        changes["protected"] = protected
    if "expires_at" in wanted:
        changes["expires_at"] = None if wanted["expires_at"] is None else wanted.time("expires_at")
    return _changed(engine.change_branch(request.path["branch_id"], changes))


def restore_branch(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    source_id = body.need("source_branch_id", body.identifier("source_branch_id"))
    at, lsn = body.target("source_timestamp", "source_lsn")
    return _changed(
        engine.restore_branch(
            request.path["branch_id"],
            source_id=source_id,
            at=at,
            lsn=lsn,
            preserve_under_name=body.text("preserve_under_name", longest=256) or None,
        )
    )


def set_default(engine: EngineService, request: Incoming) -> JSONResponse:
    return _changed(engine.set_default(request.path["branch_id"]))


def delete_branch(engine: EngineService, request: Incoming) -> Response:
    hard = request.query.flag("hard_delete")
    deleted = engine.delete_branch(request.path["branch_id"], hard=hard)
    return Response(status_code=204) if deleted is None else _changed(deleted)


def recover_branch(engine: EngineService, request: Incoming) -> JSONResponse:
    row, endpoints = engine.recover_branch(request.path["branch_id"])
    return JSONResponse({"branch": rendering.branch(row), "endpoints": render_endpoints(engine, endpoints)})


def _changed(change: tuple[BranchRow, Sequence[OperationRow]]) -> JSONResponse:
    row, operations = change
    return JSONResponse({"branch": rendering.branch(row), **rendering.operations(operations)})


ROUTES = (
    Served("POST", PROJECT + "/branches", create_branch),
    Served("GET", BRANCH, get_branch),
    Served("PATCH", BRANCH, change_branch),
    Served("DELETE", BRANCH, delete_branch),
    Served("POST", BRANCH + "/recover", recover_branch),
    Served("POST", BRANCH + "/restore", restore_branch),
    Served("POST", BRANCH + "/set_as_default", set_default),
)
