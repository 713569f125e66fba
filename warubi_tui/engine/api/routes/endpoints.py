"""Computes: one that reads and writes per branch, and any number that only read."""

from collections.abc import Iterable, Sequence
from typing import Final

from starlette.responses import JSONResponse, Response

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.body import Fields
from warubi_tui.engine.api.rendering import Json
from warubi_tui.engine.api.served import BRANCH, PROJECT, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.computes import ComputeWish
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import EndpointRow, OperationRow, Value

ENDPOINT = PROJECT + "/endpoints/{endpoint_id}"
SMALLEST_CU: Final = 0.25


def read_compute(wanted: Fields) -> ComputeWish:
    """The compute a request asks for. Raises ApiError 400 or 422."""
    kind = wanted.need("type", wanted.choice("type", ("read_only", "read_write")))
    smallest, largest = _sizes(wanted)
    least = smallest or min(SMALLEST_CU, largest or SMALLEST_CU)
    wish = ComputeWish(
        type=kind,
        name=_name(wanted),
        min_cu=least,
        max_cu=largest or least,
        suspend_timeout_seconds=_suspend_timeout(wanted) or 0,
        disabled=wanted.flag("disabled") or False,
    )
    _refuse_unoffered(wanted)
    return wish


def _read_changes(wanted: Fields) -> dict[str, Value]:
    """The columns a request changes. Raises ApiError 400 or 422."""
    smallest, largest = _sizes(wanted)
    given = {
        "name": _name(wanted),
        "min_cu": smallest,
        "max_cu": largest,
        "suspend_timeout_seconds": _suspend_timeout(wanted),
        "disabled": wanted.flag("disabled"),
    }
    _refuse_unoffered(wanted)
    if wanted.identifier("branch_id") is not None:
        raise ApiError(422, "this engine moves no computes between branches")
    return {name: value for name, value in given.items() if value is not None}


def _name(wanted: Fields) -> str | None:
    return wanted.text("name", shortest=1, longest=64)


def _sizes(wanted: Fields) -> tuple[float | None, float | None]:
    sizes = [wanted.number(name) for name in ("autoscaling_limit_min_cu", "autoscaling_limit_max_cu")]
    for name, size in zip(("autoscaling_limit_min_cu", "autoscaling_limit_max_cu"), sizes, strict=True):
        if size is not None and size < SMALLEST_CU:
            wanted.refuse(name, f"{SMALLEST_CU} or more expected")
    smallest, largest = sizes
    if smallest is not None and largest is not None and smallest > largest:
        wanted.refuse("autoscaling_limit_min_cu", "not more than autoscaling_limit_max_cu expected")
    return smallest, largest


def _suspend_timeout(wanted: Fields) -> int | None:
    timeout = wanted.whole("suspend_timeout_seconds")
    if timeout is not None and not -1 <= timeout <= 604_800:
        wanted.refuse("suspend_timeout_seconds", "-1 to 604800 seconds expected")
    return timeout


def _refuse_unoffered(wanted: Fields) -> None:
    """Refuses what this engine would otherwise leave out without a word."""
    if wanted.flag("passwordless_access"):
        raise ApiError(422, "this engine has no passwordless computes")
    if wanted.flag("pooler_enabled"):
        raise ApiError(422, "this engine has no pooler")
    settings = wanted.fields("settings")
    if settings is not None and list(settings):
        raise ApiError(422, "this engine's computes have no settings")


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
    return _changed(engine, engine.create_endpoint(branch_id, read_compute(wanted)), 201)


def get_endpoint(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"endpoint": render_endpoint(engine, engine.endpoint(request.path["endpoint_id"]))})


def change_endpoint(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    changes = _read_changes(body.need("endpoint", body.fields("endpoint")))
    return _changed(engine, engine.change_endpoint(request.path["endpoint_id"], changes))


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
