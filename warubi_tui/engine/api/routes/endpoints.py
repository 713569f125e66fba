"""Computes. This engine gives a branch one, which reads and writes and has no size."""

from collections.abc import Iterable, Sequence

from starlette.responses import JSONResponse, Response

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.body import Fields
from warubi_tui.engine.api.rendering import Json
from warubi_tui.engine.api.served import BRANCH, PROJECT, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import EndpointRow, OperationRow

ENDPOINT = PROJECT + "/endpoints/{endpoint_id}"


def read_compute(wanted: Fields) -> None:
    """Checks the compute a request asks for. Raises ApiError 400 or 422.

    Sizes and time-outs are read and have no effect here; the answer shows what there is instead.
    """
    kind = wanted.need("type", wanted.choice("type", ("read_only", "read_write")))
    if kind == "read_only":
        raise ApiError(422, "this engine offers read_write computes only")
    _check_types(wanted)
    if wanted.flag("disabled") or wanted.flag("passwordless_access"):
        raise ApiError(422, "this engine has no disabled and no passwordless computes")
    settings = wanted.fields("settings")
    if settings is not None and list(settings):
        raise ApiError(422, "this engine's computes have no settings")


def _check_types(wanted: Fields) -> None:
    for name in ("autoscaling_limit_min_cu", "autoscaling_limit_max_cu"):
        size = wanted.number(name)
        if size is not None and size < 0.25:
            wanted.refuse(name, "0.25 or more expected")
    timeout = wanted.whole("suspend_timeout_seconds")
    if timeout is not None and not -1 <= timeout <= 604_800:
        wanted.refuse("suspend_timeout_seconds", "-1 to 604800 seconds expected")
    wanted.flag("disabled")
    wanted.flag("passwordless_access")
    wanted.flag("pooler_enabled")
    wanted.text("name", shortest=1, longest=64)
    wanted.fields("settings")


def render_endpoint(engine: EngineService, row: EndpointRow) -> Json:
    """An `Endpoint` with its state of this moment."""
    return rendering.endpoint(row, engine.endpoint_state(row), engine.project().id)


def render_endpoints(engine: EngineService, rows: Iterable[EndpointRow]) -> list[Json]:
    """`Endpoint`s with their states of this moment."""
    return [render_endpoint(engine, row) for row in rows]


def list_endpoints(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"endpoints": render_endpoints(engine, engine.endpoints())})


def list_branch_endpoints(engine: EngineService, request: Incoming) -> JSONResponse:
    row = engine.branch(request.path["branch_id"])
    return JSONResponse({"endpoints": render_endpoints(engine, engine.endpoints(row.id))})


def create_endpoint(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    wanted = body.need("endpoint", body.fields("endpoint"))
    branch_id = wanted.need("branch_id", wanted.identifier("branch_id"))
    read_compute(wanted)
    return _changed(engine, engine.create_endpoint(branch_id), 201)


def get_endpoint(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"endpoint": render_endpoint(engine, engine.endpoint(request.path["endpoint_id"]))})


def change_endpoint(engine: EngineService, request: Incoming) -> JSONResponse:
    """Nothing about a compute can be changed here, so only what is so already is granted."""
    body = request.body()
    wanted = body.need("endpoint", body.fields("endpoint"))
    _check_types(wanted)
    row = engine.endpoint(request.path["endpoint_id"])
    present = render_endpoint(engine, row)
    for name in wanted:
        if name not in present or wanted[name] != present[name]:
            raise ApiError(422, f"this engine's computes cannot be changed: {name}")
    return _changed(engine, (row, ()))


def delete_endpoint(engine: EngineService, request: Incoming) -> Response:
    deleted = engine.delete_endpoint(request.path["endpoint_id"])
    return Response(status_code=204) if deleted is None else _changed(engine, deleted)


def start_endpoint(engine: EngineService, request: Incoming) -> JSONResponse:
    return _changed(engine, engine.start_endpoint(request.path["endpoint_id"]))


def suspend_endpoint(engine: EngineService, request: Incoming) -> JSONResponse:
    return _changed(engine, engine.suspend_endpoint(request.path["endpoint_id"]))


def restart_endpoint(engine: EngineService, request: Incoming) -> JSONResponse:
    return _changed(engine, engine.restart_endpoint(request.path["endpoint_id"]))


def _changed(
    engine: EngineService, change: tuple[EndpointRow, Sequence[OperationRow]], status: int = 200
) -> JSONResponse:
    row, operations = change
    return JSONResponse(
        {"endpoint": render_endpoint(engine, row), **rendering.operations(operations)}, status
    )


ROUTES = (
    Served("GET", PROJECT + "/endpoints", list_endpoints),
    Served("POST", PROJECT + "/endpoints", create_endpoint),
    Served("GET", ENDPOINT, get_endpoint),
    Served("PATCH", ENDPOINT, change_endpoint),
    Served("DELETE", ENDPOINT, delete_endpoint),
    Served("POST", ENDPOINT + "/start", start_endpoint),
    Served("POST", ENDPOINT + "/suspend", suspend_endpoint),
    Served("POST", ENDPOINT + "/restart", restart_endpoint),
    Served("GET", BRANCH + "/endpoints", list_branch_endpoints),
)
