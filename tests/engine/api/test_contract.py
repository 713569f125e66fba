"""Every route that is served, against Neon's document; the client fixture judges each exchange."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.engine.api.fake_engine import (
    ENDPOINT_ID,
    MAIN_ID,
    PROJECT_ID,
    SNAPSHOT_ID,
    FakeEngine,
    operation_row,
)
from tests.engine.api.neon_document import NeonDocument
from warubi_tui.engine.api.app import ROUTES, create_app
from warubi_tui.engine.api.served import PREFIX
from warubi_tui.engine.failures import ApiError
from warubi_tui.secret import Secret

_VALUES = {
    "project_id": PROJECT_ID,
    "branch_id": MAIN_ID,
    "endpoint_id": ENDPOINT_ID,
    "database_name": "shop",
    "role_name": "owner",
    "operation_id": operation_row(0).id,
    "snapshot_id": SNAPSHOT_ID,
}
_P = "/projects/{project_id}"
_B = _P + "/branches/{branch_id}"
_E = _P + "/endpoints/{endpoint_id}"
_S = _P + "/snapshots/{snapshot_id}"
_TIME = "2026-11-22T14:07:58.123456Z"


@dataclass(frozen=True)
class Example:
    """A request the document allows, as full as it gets, and the status of its answer."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 200

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        return self.path.format(**_VALUES)


EXAMPLES = [
    Example("GET", "/users/me"),
    Example("GET", "/users/me/organizations"),
    Example("GET", "/auth"),
    Example("GET", "/regions"),
    Example("GET", "/projects", {"limit": "2", "search": "SHOP", "timeout": "1000"}),
    Example("GET", "/projects", {"recoverable": "true"}),
    Example("GET", "/projects/shared", {"limit": "100"}),
    Example("GET", _P),
    Example("PATCH", _P, body={"project": {"name": "a shop", "history_retention_seconds": 86400}}),
    Example(
        "GET",
        _P + "/branches",
        {"search": "MAI", "sort_by": "name", "sort_order": "asc", "limit": "1", "include_deleted": "true"},
    ),
    Example("GET", _P + "/branches/count", {"search": "main"}),
    Example("POST", _P + "/branches", status=201),
    Example(
        "POST",
        _P + "/branches",
        body={
            "branch": {
                "name": "rec1",
                "parent_id": MAIN_ID,
                "parent_timestamp": _TIME,
                "protected": True,
                "archived": False,
                "init_source": "schema-only",
                "expires_at": "2026-12-01T00:00:00.000Z",
            },
            "endpoints": [
                {
                    "type": "read_write",
                    "autoscaling_limit_min_cu": 0.25,
                    "autoscaling_limit_max_cu": 1,
                    "suspend_timeout_seconds": 0,
                    "settings": {},
                }
            ],
            "annotation_value": {"github-commit-ref": "main"},
        },
        status=201,
    ),
    Example("GET", _B),
    Example("PATCH", _B, body={"branch": {"name": "Haupt/[/]", "protected": True, "expires_at": _TIME}}),
    Example("PATCH", _B, body={"branch": {"expires_at": None}}),
    Example("DELETE", _B, {"hard_delete": "true"}),
    Example("POST", _B + "/recover"),
    Example("GET", _B + "/schema", {"db_name": "shop", "timestamp": _TIME, "format": "sql"}),
    Example("GET", _B + "/schema", {"db_name": "shop", "lsn": "0/1DE2850", "format": "json"}),
    Example(
        "GET",
        _B + "/compare_schema",
        {"db_name": "shop", "base_branch_id": MAIN_ID, "lsn": "0/1DE2850", "base_timestamp": _TIME},
    ),
    Example(
        "POST",
        _B + "/restore",
        body={"source_branch_id": MAIN_ID, "source_lsn": "0/1DE2850", "preserve_under_name": "main_old"},
    ),
    Example("POST", _B + "/set_as_default"),
    Example("GET", _B + "/endpoints"),
    Example("GET", _P + "/endpoints"),
    Example(
        "POST",
        _P + "/endpoints",
        body={"endpoint": {"branch_id": MAIN_ID, "type": "read_write", "name": "main", "disabled": False}},
        status=201,
    ),
    Example("GET", _E),
    Example("PATCH", _E, body={"endpoint": {"name": "n", "disabled": True, "suspend_timeout_seconds": -1}}),
    Example("DELETE", _E),
    Example("POST", _E + "/start"),
    Example("POST", _E + "/suspend"),
    Example("POST", _E + "/restart"),
    Example(
        "GET",
        _P + "/connection_uri",
        {
            "database_name": "shop",
            "role_name": "owner",
            "branch_id": MAIN_ID,
            "endpoint_id": ENDPOINT_ID,
            "pooled": "true",
        },
    ),
    Example("GET", _B + "/databases"),
    Example(
        "POST", _B + "/databases", body={"database": {"name": 'a "b" ñ', "owner_name": "owner"}}, status=201
    ),
    Example("GET", _B + "/databases/{database_name}"),
    Example("PATCH", _B + "/databases/{database_name}", body={"database": {"name": "n", "owner_name": "o"}}),
    Example("DELETE", _B + "/databases/{database_name}"),
    Example("GET", _B + "/roles"),
    Example("POST", _B + "/roles", body={"role": {"name": "reader", "no_login": False}}, status=201),
    Example("GET", _B + "/roles/{role_name}"),
    Example("DELETE", _B + "/roles/{role_name}"),
    Example("GET", _B + "/roles/{role_name}/reveal_password"),
    Example("POST", _B + "/roles/{role_name}/reset_password"),
    Example("GET", _B + "/buckets"),
    Example("GET", _B + "/functions"),
    Example("GET", _B + "/credentials"),
    Example("GET", _P + "/operations", {"limit": "5"}),
    Example("GET", _P + "/operations/{operation_id}"),
    Example(
        "POST",
        _B + "/snapshot",
        {"name": "vor dem Umzug/[/]", "timestamp": _TIME, "expires_at": "2026-12-01T00:00:00.000Z"},
    ),
    Example("POST", _B + "/snapshot", {"lsn": "0/1DE2850"}),
    Example("GET", _P + "/snapshots"),
    Example("PATCH", _S, body={"snapshot": {"name": "kept"}}),
    Example("DELETE", _S, status=202),
    Example("POST", _S + "/restore", {"name": "look"}),
    Example(
        "POST",
        _S + "/restore",
        body={"name": "look", "target_branch_id": MAIN_ID, "finalize_restore": True},
    ),
    Example("POST", _B + "/finalize_restore"),
    Example("POST", _B + "/finalize_restore", body={"name": "main (old)"}),
    Example("GET", _B + "/backup_schedule"),
    Example(
        "PUT",
        _B + "/backup_schedule",
        body={
            "schedule": [
                {"frequency": "yearly", "hour": 23, "day": 31, "month": 12, "retention_seconds": 3600},
                {"frequency": "hourly"},
            ]
        },
    ),
    Example("GET", "/warubi" + _B + "/window"),
    Example("GET", "/warubi" + _B + "/moment", {"timestamp": _TIME}),
    Example("GET", "/warubi" + _B + "/moment", {"lsn": "0/1DE2850"}),
    Example("GET", "/warubi" + _B + "/lineage"),
    Example(
        "GET",
        "/warubi" + _B + "/activity",
        {"from": "2026-11-22T14:00:00Z", "to": "2026-11-22T17:00:00+01:00", "buckets": "10"},
    ),
    Example(
        "GET",
        "/warubi" + _B + "/transactions",
        {
            "from": "2026-11-22T14:00:00Z",
            "to": "2026-11-22T17:00:00+01:00",
            "table": "public.orders",
            "cursor": "0/1DE2850",
            "limit": "1",
        },
    ),
]
_OF_A_PROJECT = [example for example in EXAMPLES if "{project_id}" in example.path]
_WITH_BODY = [example for example in EXAMPLES if example.body is not None]
_WITHOUT_BODY_TOO = {one.path for one in EXAMPLES if one.method == "POST" and one.body is None}
_DELETES = [example for example in EXAMPLES if example.method == "DELETE" and example.status == 200]


async def _send(client: httpx.AsyncClient, example: Example, **changes: Any) -> httpx.Response:
    request = {"params": example.query, "json": example.body} | changes
    return await client.request(example.method, changes.pop("url", example.url), **request)


def test_every_served_route_has_an_example() -> None:
    app = create_app(FakeEngine(), Secret("key"))
    served = {
        (method, getattr(route, "path_format", "").removeprefix(PREFIX))
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method != "HEAD"
    }
    assert {(example.method, example.path) for example in EXAMPLES} == served
    assert len(ROUTES) == len(served)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
async def test_a_valid_request_gets_a_valid_answer(
    client: httpx.AsyncClient, document: NeonDocument, example: Example
) -> None:
    response = await _send(client, example)
    assert response.status_code == example.status, response.text


@pytest.mark.parametrize("example", _DELETES, ids=str)
async def test_what_is_gone_already_is_deleted_without_a_body(
    client: httpx.AsyncClient, document: NeonDocument, example: Example
) -> None:
    assert (await _send(client, example)).status_code == 200
    response = await _send(client, example)
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
async def test_without_the_key_nothing_is_answered(
    client: httpx.AsyncClient, document: NeonDocument, fake_engine: FakeEngine, example: Example
) -> None:
    del client.headers["authorization"]
    assert (await _send(client, example)).status_code == 401
    assert fake_engine.calls == []


@pytest.mark.parametrize("example", _OF_A_PROJECT, ids=str)
async def test_another_project_is_not_found(
    client: httpx.AsyncClient, document: NeonDocument, fake_engine: FakeEngine, example: Example
) -> None:
    url = example.path.format(**_VALUES | {"project_id": "other-leaf-05eed16a"})
    response = await client.request(example.method, url, params=example.query, json=example.body)
    assert response.status_code == 404
    assert fake_engine.calls == []


@pytest.mark.parametrize("example", _OF_A_PROJECT, ids=str)
async def test_a_refusal_of_the_engine_reaches_the_caller_word_for_word(
    client: httpx.AsyncClient, document: NeonDocument, fake_engine: FakeEngine, example: Example
) -> None:
    fake_engine.failure = ApiError(423, "the branch is busy", code="BUSY")
    response = await _send(client, example)
    assert response.status_code == 423
    assert (response.json()["message"], response.json()["code"]) == ("the branch is busy", "BUSY")


@pytest.mark.parametrize("example", _OF_A_PROJECT, ids=str)
async def test_a_crash_shows_nothing_of_the_inside(
    client: httpx.AsyncClient,
    document: NeonDocument,
    fake_engine: FakeEngine,
    caplog: pytest.LogCaptureFixture,
    example: Example,
) -> None:
    fake_engine.failure = RuntimeError("npg_secret in /var/lib/warubi")
    response = await _send(client, example)
    assert response.status_code == 500
    assert "npg_secret" not in response.text
    assert "Traceback" not in response.text
    assert response.json()["request_id"] in caplog.text


@pytest.mark.parametrize("raw", [b"{", b"[]", b"NaN", b'{"a": NaN}', b"\xff", b"[" * 60_000])
@pytest.mark.parametrize("example", _WITH_BODY, ids=str)
async def test_what_is_not_a_json_object_is_refused(
    client: httpx.AsyncClient, document: NeonDocument, fake_engine: FakeEngine, example: Example, raw: bytes
) -> None:
    response = await _send(client, example, json=None, content=raw)
    assert response.status_code == 400
    assert response.json()["message"].startswith("invalid request: decode application/json: ")
    assert fake_engine.calls == []


@pytest.mark.parametrize("example", [one for one in _WITH_BODY if one.path not in _WITHOUT_BODY_TOO], ids=str)
async def test_a_body_that_is_required_is_missed(
    client: httpx.AsyncClient, document: NeonDocument, fake_engine: FakeEngine, example: Example
) -> None:
    for content in (b"", b"{}"):
        response = await _send(client, example, json=None, content=content)
        assert response.status_code == 400
        assert "required" in response.json()["message"]
    assert fake_engine.calls == []


def _leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of everything in a body."""
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        yield (*path, key)
        yield from _leaves(child, (*path, key))


def _with_wrong_type(body: Any, path: tuple[str | int, ...]) -> Any:
    copy = json.loads(json.dumps(body))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = ["wrong"] if not isinstance(place[path[-1]], list) else "wrong"
    return copy


@pytest.mark.parametrize(
    ("example", "path"),
    [
        pytest.param(example, path, id=f"{example} {'.'.join(map(str, path))}")
        for example in _WITH_BODY
        for path in _leaves(example.body)
    ],
)
async def test_a_wrong_type_is_refused_and_named(
    client: httpx.AsyncClient,
    document: NeonDocument,
    fake_engine: FakeEngine,
    example: Example,
    path: tuple[str | int, ...],
) -> None:
    response = await _send(client, example, json=_with_wrong_type(example.body, path))
    assert response.status_code == 400
    assert str(path[-1]) in response.json()["message"]
    assert fake_engine.calls == []
