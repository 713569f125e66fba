"""A small Neon over real HTTP: it keeps branches, and says what was sent to it."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.neon.wire import PROJECT_ID, branch_json, operation_json, project_json

Reply = tuple[int, object]


class NeonServer:
    """The state of one project. Every operation has finished when it is first asked for."""

    def __init__(self) -> None:
        long_ago = (datetime.now(UTC) - timedelta(days=3)).isoformat()
        self.branches: dict[str, dict[str, object]] = {
            "br-main-1": branch_json(default=True, created_at=long_ago, logical_size=31457280)
        }
        self.uris: dict[str, str] = {}
        """Connection strings by branch; `preview` is for branches made meanwhile."""
        self.asked_roles: list[str] = []
        """For whom connection strings were asked."""
        self.changes: list[tuple[str, object]] = []
        """Method and path, and body, of every request that changes something."""
        self.answer: Callable[[str, str], Reply | None] = lambda method, path: None
        """Takes a request's place when it returns something."""
        self.status = "finished"
        """How operations end."""
        self.url = ""

    def handle(self, method: str, target: str, body: object) -> Reply:
        path = urlsplit(target).path.removeprefix("/api/v2")
        if method != "GET":
            self.changes.append((f"{method} {path}", body))
        special = self.answer(method, path)
        if special is not None:
            return special
        query = {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}
        inside = path.removeprefix(f"/projects/{PROJECT_ID}")
        match = re.fullmatch(r"/branches/([^/]+)(/\w+)?", inside)
        if match and not path.startswith("/warubi"):
            return self.one_branch(method, match[1], match[2] or "", body)
        return self.project(method, path, inside, query, body)

    def project(self, method: str, path: str, inside: str, query: dict[str, str], body: object) -> Reply:
        if inside == "/connection_uri":
            self.asked_roles.append(query.get("role_name", ""))
        if method == "POST" and inside == "/branches":
            assert isinstance(body, dict)
            return 201, self.created(body["branch"])
        operation = operation_json("op-1", self.status, error="no space left")
        replies: dict[str, object] = {
            "/projects": {"projects": [project_json()]},
            "": {"project": project_json()},
            "/branches": {"branches": list(self.branches.values())},
            "/operations": {"operations": []},
            "/operations/op-1": {"operation": operation},
            "/connection_uri": {"uri": self.uris.get(query.get("branch_id", ""), self.uris.get("preview"))},
        }
        found = replies.get(inside)
        return (200, found) if found else (404, {"code": "", "message": f"this route does not exist: {path}"})

    def one_branch(self, method: str, identity: str, action: str, body: object) -> Reply:
        branch = self.branches.get(identity)
        if branch is None:
            return 404, {"code": "", "message": "branch not found"}
        if action == "/databases":
            database = {"id": 1, "branch_id": identity, "name": "shop", "owner_name": "owner"}
            return 200, {"databases": [database]}
        if action == "/endpoints":
            endpoint = {
                "id": "ep-1",
                "host": "h",
                "type": "read_write",
                "branch_id": identity,
                "current_state": "idle",
            }
            return 200, {"endpoints": [endpoint] if identity in self.uris else []}
        operations = [operation_json("op-1", "running", action="apply_config")]
        if method == "DELETE":
            del self.branches[identity]
        elif action == "/set_as_default":
            branch["default"] = True
        elif action == "/restore":
            assert isinstance(body, dict)
            self.created({"name": body["preserve_under_name"]})
        elif method == "PATCH":
            assert isinstance(body, dict)
            branch.update(body["branch"])
        return 200, {"branch": branch, "operations": [] if method == "GET" else operations}

    def created(self, sent: dict[str, object]) -> dict[str, object]:
        identity = f"br-new-{len(self.branches)}"
        self.branches[identity] = branch_json(identity, "", **sent)
        return {
            "branch": self.branches[identity],
            "endpoints": [],
            "operations": [operation_json("op-1", "running")],
        }


@contextmanager
def serving(neon: NeonServer) -> Iterator[NeonServer]:
    """`neon` on a free port of loopback, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.close_connection = True
            self.raw_requestline = self.rfile.readline()
            if self.raw_requestline and self.parse_request():
                self.reply()

        def reply(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = neon.handle(self.command, self.path, json.loads(content) if content else None)
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, *_: object) -> None:
            """Keeps the tests' stderr empty."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    neon.url = f"http://127.0.0.1:{server.server_port}/api/v2"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield neon
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
