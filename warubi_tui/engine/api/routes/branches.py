"""One branch: create, read, change, restore, delete."""

from collections.abc import Sequence

from starlette.responses import JSONResponse, Response

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.body import Fields
from warubi_tui.engine.api.rendering import Json
from warubi_tui.engine.api.routes.endpoints import read_compute, render_endpoints
from warubi_tui.engine.api.served import BRANCH, PROJECT, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import BranchRow, DatabaseRow, EndpointRow, OperationRow, RoleRow


def create_branch(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.optional_body()
    wanted = body.fields("branch") or Fields({})
    computes = body.list_of_fields("endpoints")
    at, lsn = wanted.target("parent_timestamp", "parent_lsn")
    parent_id, name = wanted.identifier("parent_id"), wanted.title("name")
    protected, expires_at = wanted.flag("protected") or False, wanted.time("expires_at")
    _refuse_unoffered(body, wanted, computes)
    row, endpoints, operations = engine.create_branch(
        parent_id=parent_id,
        name=name,
        at=at,
        lsn=lsn,
        with_endpoint=bool(computes),
        protected=protected,
        expires_at=expires_at,
    )
    return JSONResponse(_created(engine, row, endpoints, operations), 201)


def _refuse_unoffered(body: Fields, wanted: Fields, computes: list[Fields]) -> None:
    """Refuses what this engine would otherwise leave out without a word."""
    annotations = body.fields("annotation_value")
    if annotations is not None and list(annotations):
        raise ApiError(422, "this engine keeps no annotations")
    if wanted.flag("archived"):
        raise ApiError(422, "this engine has no archived branches")
    if wanted.text("init_source") not in {None, "parent-data"}:
        raise ApiError(422, "this engine creates branches with their data only (init_source parent-data)")
    for compute in computes:
        read_compute(compute)
    if len(computes) > 1:
        raise ApiError(422, "a branch of this engine has one read_write compute at most")


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
            preserve_under_name=body.title("preserve_under_name"),
        )
    )


def set_default(engine: EngineService, request: Incoming) -> JSONResponse:
    return _changed(engine.set_default(request.path["branch_id"]))


def delete_branch(engine: EngineService, request: Incoming) -> Response:
    """Deletes for good, with and without `hard_delete`: this engine keeps no deleted branches."""
    request.query.flag("hard_delete")
    deleted = engine.delete_branch(request.path["branch_id"])
    return Response(status_code=204) if deleted is None else _changed(deleted)


def _changed(change: tuple[BranchRow, Sequence[OperationRow]]) -> JSONResponse:
    row, operations = change
    return JSONResponse({"branch": rendering.branch(row), **rendering.operations(operations)})


ROUTES = (
    Served("POST", PROJECT + "/branches", create_branch),
    Served("GET", BRANCH, get_branch),
    Served("PATCH", BRANCH, change_branch),
    Served("DELETE", BRANCH, delete_branch),
    Served("POST", BRANCH + "/restore", restore_branch),
    Served("POST", BRANCH + "/set_as_default", set_default),
)
