"""JSON as Neon writes it, clients on a scripted server, and clocks that do not take time."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from warubi_tui.neon.client import NeonClient, Retries
from warubi_tui.secret import Secret

HOST = "https://neon.test/api/v2"
KEY = Secret("napi_verysecretkey")
NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
PROJECT_ID = "shop-1"

Answer = httpx.Response | Exception


def branch_json(identity: str = "br-main-1", name: str = "main", /, **more: object) -> dict[str, object]:
    """A branch; `more` replaces and adds fields."""
    return {
        "id": identity,
        "project_id": PROJECT_ID,
        "name": name,
        "current_state": "ready",
        "default": False,
        "protected": False,
        "created_at": "2026-11-20T08:00:00Z",
        "updated_at": "2026-11-22T08:00:00Z",
        **more,
    }


def operation_json(identity: str = "op-1", status: str = "running", /, **more: object) -> dict[str, object]:
    """An operation; `more` replaces and adds fields."""
    return {
        "id": identity,
        "project_id": PROJECT_ID,
        "branch_id": "br-main-1",
        "action": "create_branch",
        "status": status,
        "failures_count": 0,
        "created_at": "2026-11-22T13:59:00.123456Z",
        "updated_at": "2026-11-22T13:59:01Z",
        "total_duration_ms": 1500,
        **more,
    }


def project_json(**more: object) -> dict[str, object]:
    """A project that retains six hours."""
    return {
        "id": PROJECT_ID,
        "name": "Shop",
        "pg_version": 18,
        "region_id": "aws-eu-central-1",
        "history_retention_seconds": 21600,
        "created_at": "2026-11-01T00:00:00Z",
        "owner": {"email": "a@b.c", "name": "A", "branches_limit": 10, "subscription_type": "free_v3"},
        **more,
    }


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """An error in Neon's shape."""
    return httpx.Response(status, json={"code": "", "message": message}, headers=headers)


@dataclass
class Script:
    """Answers requests one after the other, and remembers them."""

    answers: list[Answer]
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def body(self) -> object:
        """The JSON of the last request."""
        return json.loads(self.requests[-1].content)


@dataclass
class Naps:
    """Sleeps that take no time and are remembered, in seconds."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def client_of(handler: Callable[[httpx.Request], httpx.Response], naps: Naps | None = None) -> NeonClient:
    """A client whose network is `handler`."""
    retries = Retries(sleep=naps or Naps(), jitter=lambda: 0.0)
    return NeonClient(HOST, KEY, transport=httpx.MockTransport(handler), retries=retries)
