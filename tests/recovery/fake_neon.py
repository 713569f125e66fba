"""A Neon that lives in memory behind `httpx.MockTransport`: branches, operations, and faults on demand.

It keeps no rows; a branch's data is the LSN it stands at, so that a test can say what a restore would hold.
"""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from warubi_tui.lsn import Lsn
from warubi_tui.neon.client import NeonClient, Retries
from warubi_tui.secret import Secret

HOST = "https://neon.test/api/v2"
PROJECT = "prj"
NOW = datetime(2026, 11, 22, 14, 7, 58, tzinfo=UTC)
BORN = NOW - timedelta(hours=2)

GOOD = (Lsn.parse("0/2000000"), datetime(2026, 11, 22, 14, 5, 3, tzinfo=UTC))
"""The last good commit of `main`."""
BAD = (Lsn.parse("0/2000100"), datetime(2026, 11, 22, 14, 5, 4, tzinfo=UTC))
"""The commit that did the harm."""

Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@dataclass
class Fault:
    """What goes wrong with the next call that matches."""

    method: str
    path: str
    """Regular expression, found anywhere in the path."""
    happens: bool
    """Whether the call is carried out before its answer is lost."""


@dataclass
class FakeNeon:
    """The server. `requests` is every call that came in, as `METHOD path`."""

    knows_moments: bool = True
    """As warubi's engine does; Neon answers 404."""
    requests: list[str] = field(default_factory=list)
    branches: dict[str, Json] = field(default_factory=dict)
    operations: dict[str, Json] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    endings: dict[str, str] = field(default_factory=dict)
    """The status in which operations of an action end; `finished` unless given."""
    window_start: datetime = BORN
    keeps_late: bool = False
    """Whether the branch that keeps an overwritten state appears only when the restore has ended."""
    at_once: bool = False
    """Whether operations have ended when the answer comes."""
    down: bool = False
    on_request: Callable[[str], None] = lambda _: None
    """Called with every call that comes in, before anything else."""

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._late: list[Json] = []
        self.add_branch("main", default=True)

    def client(self) -> NeonClient:
        async def no_pause(_: float) -> None: ...

        retries = Retries(sleep=no_pause, connecting_seconds=0, jitter=lambda: 0)
        transport = httpx.MockTransport(self.handle)
        return NeonClient(HOST, Secret("napi_key"), transport=transport, retries=retries)

    def add_branch(self, name: str, **changes: object) -> Json:
        branch = {
            "id": f"br-{name}" if f"br-{name}" not in self.branches else f"br-{name}-{next(self._numbers)}",
            "project_id": PROJECT,
            "name": name,
            "current_state": "ready",
            "default": False,
            "protected": False,
            "created_at": stamp(BORN),
            "updated_at": stamp(BORN),
        } | changes
        self.branches[str(branch["id"])] = branch
        return branch

    def named(self, name: str) -> Json | None:
        return next((branch for branch in self.branches.values() if branch["name"] == name), None)

    def lose(self, method: str, path: str, *, happens: bool) -> None:
        """Loses the answer of the next call that matches."""
        self.faults.append(Fault(method, path, happens))

    def sent(self, method: str) -> list[str]:
        """The changing calls that came in."""
        return [request for request in self.requests if request.startswith(f"{method} ")]

    async def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2")
        self.requests.append(f"{request.method} {path}")
        self.on_request(self.requests[-1])
        if self.down:
            raise httpx.ConnectError("connection refused", request=request)
        fault = next((f for f in self.faults if f.method == request.method and re.search(f.path, path)), None)
        if fault is not None:
            self.faults.remove(fault)
            if fault.happens:
                self._route(request, path)
            raise httpx.ReadError("connection reset", request=request)
        return self._route(request, path)

    def _route(self, request: httpx.Request, path: str) -> httpx.Response:
        body: Json = json.loads(request.content) if request.content else {}
        routes: list[tuple[str, str, Callable[..., httpx.Response]]] = [
            ("GET", rf"/projects/{PROJECT}", self._project),
            ("GET", rf"/projects/{PROJECT}/branches", self._list),
            ("POST", rf"/projects/{PROJECT}/branches", lambda: self._create(body)),
            ("GET", rf"/projects/{PROJECT}/branches/([^/]+)", self._show),
            ("PATCH", rf"/projects/{PROJECT}/branches/([^/]+)", lambda bid: self._patch(bid, body)),
            ("POST", rf"/projects/{PROJECT}/branches/([^/]+)/restore", lambda bid: self._restore(bid, body)),
            ("POST", rf"/projects/{PROJECT}/branches/([^/]+)/set_as_default", self._default),
            ("GET", rf"/projects/{PROJECT}/branches/([^/]+)/databases", self._databases),
            ("GET", rf"/projects/{PROJECT}/operations", self._operations),
            ("GET", rf"/projects/{PROJECT}/operations/([^/]+)", self._operation),
            ("GET", rf"/projects/{PROJECT}/connection_uri", self._uri),
            ("GET", rf"/warubi/projects/{PROJECT}/branches/([^/]+)/window", self._window),
            ("GET", rf"/warubi/projects/{PROJECT}/branches/([^/]+)/moment", self._moment),
        ]
        for method, pattern, answer in routes:
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                return answer(*found.groups())
        return self._error(404, f"no route {request.method} {path}")

    def _error(self, status: int, message: str) -> httpx.Response:
        return httpx.Response(status, json={"code": "", "message": message})

    def _project(self) -> httpx.Response:
        project = {
            "id": PROJECT,
            "name": "shop",
            "pg_version": 18,
            "history_retention_seconds": 86400,
            "created_at": stamp(BORN),
            "region_id": "local",
        }
        return httpx.Response(200, json={"project": project})

    def _list(self) -> httpx.Response:
        return httpx.Response(200, json={"branches": list(self.branches.values()), "annotations": {}})

    def _show(self, branch_id: str) -> httpx.Response:
        if branch_id not in self.branches:
            return self._error(404, "branch not found")
        return httpx.Response(200, json={"branch": self.branches[branch_id], "annotation": {}})

    def _create(self, body: Json) -> httpx.Response:
        wanted = body["branch"]
        lsn = wanted.get("parent_lsn") or str(GOOD[0])
        made = self.add_branch(
            wanted["name"], parent_id=wanted["parent_id"], parent_lsn=lsn, created_at=stamp(NOW)
        )
        operations = [self._run("create_branch", made["id"]), self._run("start_compute", made["id"])]
        return httpx.Response(201, json={"branch": made, "endpoints": [], "operations": operations})

    def _restore(self, branch_id: str, body: Json) -> httpx.Response:
        target = self.branches[branch_id]
        kept = self.add_branch(body["preserve_under_name"], created_at=stamp(NOW))
        if self.keeps_late:
            self._late.append(self.branches.pop(kept["id"]))
        target |= {"last_reset_at": stamp(NOW), "parent_id": kept["id"], "restored_from": body}
        operations = [self._run("create_timeline", branch_id), self._run("start_compute", branch_id)]
        return httpx.Response(200, json={"branch": target, "operations": operations})

    def _patch(self, branch_id: str, body: Json) -> httpx.Response:
        self.branches[branch_id] |= body["branch"]
        return httpx.Response(200, json={"branch": self.branches[branch_id], "operations": []})

    def _default(self, branch_id: str) -> httpx.Response:
        for branch in self.branches.values():
            branch["default"] = branch["id"] == branch_id
        return httpx.Response(200, json={"branch": self.branches[branch_id], "operations": []})

    def _databases(self, branch_id: str) -> httpx.Response:
        database = {"id": 1, "branch_id": branch_id, "name": "shop", "owner_name": "shop_owner"}
        return httpx.Response(200, json={"databases": [database]})

    def _uri(self) -> httpx.Response:
        return httpx.Response(200, json={"uri": "postgresql://shop_owner:pw@127.0.0.1:1/shop"})

    def _run(self, action: str, branch_id: str) -> Json:
        operation = {
            "id": f"op-{next(self._numbers)}",
            "project_id": PROJECT,
            "branch_id": branch_id,
            "action": action,
            "status": "finished" if self.at_once else "running",
            "failures_count": 0,
            "created_at": stamp(NOW),
            "updated_at": stamp(NOW),
            "total_duration_ms": 0,
        }
        self.operations[str(operation["id"])] = operation
        return dict(operation)

    def _operation(self, operation_id: str) -> httpx.Response:
        operation = self.operations[operation_id]
        self.branches |= {kept["id"]: kept for kept in self._late}
        operation["status"] = self.endings.get(operation["action"], "finished")
        if operation["status"] != "finished":
            operation["error"] = "the disk is full"
        return httpx.Response(200, json={"operation": operation})

    def _operations(self) -> httpx.Response:
        return httpx.Response(200, json={"operations": list(reversed(self.operations.values()))})

    def _window(self, branch_id: str) -> httpx.Response:
        if not self.knows_moments:
            return self._error(404, "not offered")
        ends = {
            "from": stamp(self.window_start),
            "to": stamp(NOW),
            "from_lsn": "0/1000000",
            "to_lsn": "0/3000000",
        }
        return httpx.Response(200, json=ends)

    def _moment(self, branch_id: str) -> httpx.Response:
        if not self.knows_moments:
            return self._error(404, "not offered")
        (lsn, at), (next_lsn, next_at) = GOOD, BAD
        moment = {"lsn": str(lsn), "time": stamp(at), "next_lsn": str(next_lsn), "next_time": stamp(next_at)}
        return httpx.Response(200, json=moment)
