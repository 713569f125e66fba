"""From a table of methods, paths and plain functions to Starlette's routes."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from warubi_tui.engine.api.body import Fields, read_body
from warubi_tui.engine.api.query import Query
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.failures import ApiError

PREFIX: Final = "/api/v2"
PROJECT: Final = "/projects/{project_id}"
BRANCH: Final = PROJECT + "/branches/{branch_id}"
LARGEST_BODY: Final = 64 * 1024
"""Bytes. The largest request of Neon's that we serve is far below one kilobyte."""


@dataclass(frozen=True)
class Incoming:
    """A request: the values in its path, its query, and its body as it came."""

    path: Mapping[str, str]
    query: Query
    raw_body: bytes

    def body(self) -> Fields:
        """The JSON object in the body. Raises ApiError 400 where there is none."""
        return read_body(self.raw_body)

    def optional_body(self) -> Fields:
        """Like `body`; an empty body is an empty object."""
        return self.body() if self.raw_body else Fields({})


Handler = Callable[[EngineService, Incoming], Response]


@dataclass(frozen=True)
class Served:
    """One method on one path below `/api/v2`, and the function that answers it, in a thread.

    A part like `{role_name:path}` may hold slashes; paths that go on behind it stand before it in a table.
    """

    method: str
    path: str
    handler: Handler


def routes(engine: EngineService, table: Iterable[Served]) -> list[Route]:
    """One route per path, so that a wrong method is told all the right ones."""
    by_path: dict[str, dict[str, Handler]] = {}
    for served in table:
        by_path.setdefault(served.path, {})[served.method] = served.handler
    return [
        Route(PREFIX + path, _endpoint(engine, handlers), methods=list(handlers))
        for path, handlers in by_path.items()
    ]


def _endpoint(
    engine: EngineService, handlers: Mapping[str, Handler]
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        incoming = Incoming(request.path_params, Query(request.query_params), await _whole_body(request))
        return await run_in_threadpool(_answer_for_project, engine, handler, incoming)

    return answer


def _answer_for_project(engine: EngineService, handler: Handler, incoming: Incoming) -> Response:
    wanted = incoming.path.get("project_id")
    if wanted is not None and wanted != engine.project().id:
        raise ApiError(404, f"project {wanted!r} not found; this engine has one, {engine.project().id!r}")
    return handler(engine, incoming)


async def _whole_body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                raise ApiError(413, f"the request is larger than {LARGEST_BODY} bytes")
    except ClientDisconnect as error:
        raise ApiError(400, "the request ended before it was whole") from error
    return bytes(body)
