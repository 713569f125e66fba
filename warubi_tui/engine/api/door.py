"""Who may come in: requests to this machine's own address that carry the engine's key.

The Host header is checked because a page in a browser can reach a loopback port under a name that its
author points at 127.0.0.1 (DNS rebinding).
"""

import hmac
import re
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warubi_tui.engine.api.problems import REQUEST_ID_HEADER, problem, request_id
from warubi_tui.secret import Secret

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::[0-9]{1,5})?")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine by a loopback address or as `localhost`."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match[1].strip("[]")
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


class Door:
    """ASGI middleware: gives every request an id, and lets in who may come in."""

    def __init__(self, app: ASGIApp, key: Secret) -> None:
        if not key:
            raise ValueError("an engine without a key would let everybody in")
        self._app = app
        self._key = key.reveal().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if _REQUEST_ID.fullmatch(wanted := headers.get("x-request-id", "")):
            scope.setdefault("state", {})["request_id"] = wanted

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                marked = MutableHeaders(scope=message)
                marked[REQUEST_ID_HEADER] = request_id(scope)
                marked["cache-control"] = "no-store"
            await send(message)

        await (self._refusal(scope, headers) or self._app)(scope, receive, send_marked)

    def _refusal(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not is_loopback(hosts[0]):
            return problem(scope, 400, "invalid request: the Host header names no loopback address")
        if not self._knows(headers.getlist("authorization")):
            return problem(
                scope,
                401,
                "the key is missing or wrong: send it as Authorization: Bearer KEY",
                headers={"www-authenticate": "Bearer"},
            )
        return None

    def _knows(self, authorizations: list[str]) -> bool:
        """Compares in constant time; exactly one bearer token must be given."""
        if len(authorizations) != 1:
            return False
        scheme, _, token = authorizations[0].partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.encode("latin-1"), self._key)
