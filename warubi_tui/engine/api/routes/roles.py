"""Roles of a branch and their passwords."""

from collections.abc import Sequence

from starlette.responses import JSONResponse, Response

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.served import BRANCH, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import OperationRow, RoleRow

ROLE = BRANCH + "/roles/{role_name:path}"


def list_roles(engine: EngineService, request: Incoming) -> JSONResponse:
    rows = engine.roles(request.path["branch_id"])
    return JSONResponse({"roles": [rendering.role(row) for row in rows]})


def create_role(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    wanted = body.need("role", body.fields("role"))
    name = wanted.need("name", wanted.text("name", shortest=1))
    if wanted.flag("no_login"):
        raise ApiError(422, "this engine creates roles that can log in, only")
    row, operations = engine.create_role(request.path["branch_id"], name)
    return _with_operations(row, operations, with_password=True, status=201)


def get_role(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"role": rendering.role(_role(engine, request))})


def delete_role(engine: EngineService, request: Incoming) -> Response:
    deleted = engine.delete_role(request.path["branch_id"], request.path["role_name"])
    return Response(status_code=204) if deleted is None else _with_operations(*deleted)


def reveal_password(engine: EngineService, request: Incoming) -> JSONResponse:
    row = _role(engine, request)
    if not row.password:
        raise ApiError(412, f"the password of role {row.name!r} is not stored")
    return JSONResponse({"password": row.password})


def reset_password(engine: EngineService, request: Incoming) -> JSONResponse:
    row, operations = engine.reset_password(request.path["branch_id"], request.path["role_name"])
    return _with_operations(row, operations, with_password=True)


def _role(engine: EngineService, request: Incoming) -> RoleRow:
    name = request.path["role_name"]
    for row in engine.roles(request.path["branch_id"]):
        if row.name == name:
            return row
    raise ApiError(404, f"role {name!r} not found")


def _with_operations(
    row: RoleRow, operations: Sequence[OperationRow], *, with_password: bool = False, status: int = 200
) -> JSONResponse:
    role = rendering.role(row, with_password=with_password)
    return JSONResponse({"role": role, **rendering.operations(operations)}, status)


ROUTES = (
    Served("GET", BRANCH + "/roles", list_roles),
    Served("POST", BRANCH + "/roles", create_role),
    Served("GET", ROLE + "/reveal_password", reveal_password),
    Served("POST", ROLE + "/reset_password", reset_password),
    Served("GET", ROLE, get_role),
    Served("DELETE", ROLE, delete_role),
)
