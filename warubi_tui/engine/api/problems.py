"""How the API says no: Neon's error object, with the request's id in the body and in a header."""

import logging
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Scope

from warubi_tui.engine.failures import ApiError

REQUEST_ID_HEADER: Final = "x-neon-ret-request-id"

_log = logging.getLogger("warubi.engine")


def request_id(scope: Scope) -> str:
    """The id this request is known by, in answers and in the log."""
    state = scope.setdefault("state", {})
    return str(state.setdefault("request_id", str(uuid4())))


def problem(
    scope: Scope, status: int, message: str, *, code: str = "", headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error answer. `code` is usually empty, as on Neon."""
    identifier = request_id(scope)
    return JSONResponse(
        {"request_id": identifier, "code": code, "message": message},
        status,
        {REQUEST_ID_HEADER: identifier} | (headers or {}),
    )


async def on_refusal(request: Request, error: Exception) -> JSONResponse:
    """Answers an ApiError with what it says."""
    assert isinstance(error, ApiError)
    return problem(request.scope, error.status, error.message, code=error.code)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answers what Starlette refuses: unknown routes and methods."""
    assert isinstance(error, HTTPException)
    words = {
        HTTPStatus.NOT_FOUND: f"this engine has no route {request.url.path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.url.path} does not take {request.method}",
    }
    message = words.get(HTTPStatus(error.status_code), error.detail)
    return problem(request.scope, error.status_code, message, headers=dict(error.headers or {}))


async def on_crash(request: Request, error: Exception) -> JSONResponse:
    """Answers an unexpected exception without its text. The server logs the traceback after this answer."""
    identifier = request_id(request.scope)
    _log.error("request %s: %s %s: %s", identifier, request.method, request.url.path, type(error).__name__)
    return problem(request.scope, 500, f"internal error, see request {identifier} in the engine's log")
