"""What the engine has done and is doing."""

from collections.abc import Sequence

from starlette.responses import JSONResponse

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.query import Query
from warubi_tui.engine.api.served import PROJECT, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.api.times import microseconds, read_time, write_exact_time
from warubi_tui.engine.store import OperationRow


def list_operations(engine: EngineService, request: Incoming) -> JSONResponse:
    """Newest first. An empty page has no `pagination`."""
    rows = engine.operations()
    start = _start(rows, request.query)
    limit = request.query.whole("limit", 1, 1000) or 1000
    page = rows[start : start + limit]
    answer = rendering.operations(page)
    if page:
        answer["pagination"] = {"cursor": _cursor(page[-1], rows[start + limit : start + limit + 1])}
    return JSONResponse(answer)


def _cursor(last: OperationRow, following: Sequence[OperationRow]) -> str:
    """As on Neon the time of the page's last operation, to the microsecond.

    Where the next page begins at the very same microsecond, the operation's id is added.
    """
    time = write_exact_time(last.created_at)
    shared = any(row.created_at == last.created_at for row in following)
    return f"{time}/{last.id}" if shared else time


def _start(rows: Sequence[OperationRow], query: Query) -> int:
    """Where the page begins that a cursor asks for."""
    text = query.text("cursor")
    if not text:
        return 0
    time_text, _, last_id = text.partition("/")
    try:
        time = microseconds(read_time(time_text))
    except ValueError:
        query.refuse("cursor", "a cursor from an earlier page expected")
    for index, row in enumerate(rows):
        if row.id == last_id:
            return index + 1
        if row.created_at < time:
            return index
    return len(rows)


def get_operation(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"operation": rendering.operation(engine.operation(request.path["operation_id"]))})


ROUTES = (
    Served("GET", PROJECT + "/operations", list_operations),
    Served("GET", PROJECT + "/operations/{operation_id}", get_operation),
)
