"""Computes over the API."""

from typing import Any

import httpx
import pytest

from tests.engine.api.fake_engine import ENDPOINT_ID, MAIN_ID, PROJECT_ID, FakeEngine, branch_row
from warubi_tui.engine.computes import ComputeWish

_ENDPOINTS = f"/projects/{PROJECT_ID}/endpoints"
_ENDPOINT = f"{_ENDPOINTS}/{ENDPOINT_ID}"


async def test_the_host_names_the_port(client: httpx.AsyncClient) -> None:
    endpoint = (await client.get(_ENDPOINT)).json()["endpoint"]
    assert endpoint["host"] == "127.0.0.1:55999"
    assert endpoint["current_state"] == "active"
    assert "pending_state" not in endpoint
    assert "suspended_at" not in endpoint


async def test_a_branch_shows_its_own_computes(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    fake_engine.branch_rows["br-bare"] = branch_row("br-bare", "bare")
    branches = f"/projects/{PROJECT_ID}/branches"
    assert (await client.get(f"{branches}/br-bare/endpoints")).json() == {"endpoints": []}
    (endpoint,) = (await client.get(f"{branches}/{MAIN_ID}/endpoints")).json()["endpoints"]
    assert endpoint["id"] == ENDPOINT_ID
    assert (await client.get(f"{branches}/br-none/endpoints")).status_code == 404


async def test_a_suspended_compute_says_so(client: httpx.AsyncClient) -> None:
    endpoint = (await client.post(_ENDPOINT + "/suspend")).json()["endpoint"]
    assert endpoint["current_state"] == "idle"
    assert endpoint["suspended_at"] == "2026-11-22T14:07:58.123456Z"


@pytest.mark.parametrize(
    ("wishes", "status"),
    [
        ({"branch_id": MAIN_ID, "type": "read_write", "pooler_enabled": True}, 422),
        ({"branch_id": MAIN_ID, "type": "read_write", "passwordless_access": True}, 422),
        ({"branch_id": MAIN_ID, "type": "write_only"}, 400),
        ({"branch_id": MAIN_ID}, 400),
        ({"type": "read_write"}, 400),
        ({"branch_id": MAIN_ID, "type": "read_write", "autoscaling_limit_min_cu": 0.1}, 400),
        ({"branch_id": MAIN_ID, "type": "read_write", "autoscaling_limit_max_cu": "big"}, 400),
        ({"branch_id": MAIN_ID, "type": "read_write", "suspend_timeout_seconds": 604801}, 400),
        ({"branch_id": MAIN_ID, "type": "read_write", "name": "n" * 65}, 400),
        (
            {
                "branch_id": MAIN_ID,
                "type": "read_write",
                "autoscaling_limit_min_cu": 2,
                "autoscaling_limit_max_cu": 1,
            },
            400,
        ),
    ],
)
async def test_computes_that_cannot_be_had(
    client: httpx.AsyncClient, fake_engine: FakeEngine, wishes: Any, status: int
) -> None:
    response = await client.post(_ENDPOINTS, json={"endpoint": wishes})
    assert response.status_code == status
    assert fake_engine.calls == []


@pytest.mark.parametrize(
    ("wishes", "wish"),
    [
        ({"type": "read_only", "name": "main"}, ComputeWish(type="read_only", name="main")),
        ({"type": "read_write", "disabled": True}, ComputeWish(disabled=True)),
        ({"type": "read_write", "autoscaling_limit_max_cu": 2}, ComputeWish(max_cu=2)),
        ({"type": "read_write", "autoscaling_limit_min_cu": 2}, ComputeWish(min_cu=2, max_cu=2)),
    ],
)
async def test_a_compute_is_what_was_asked_for(
    client: httpx.AsyncClient, fake_engine: FakeEngine, wishes: Any, wish: ComputeWish
) -> None:
    body = {"endpoint": wishes | {"branch_id": MAIN_ID}}
    endpoint = (await client.post(_ENDPOINTS, json=body)).json()["endpoint"]
    assert fake_engine.calls[0] == ("create_endpoint", {"branch_id": MAIN_ID, "wish": wish})
    assert (endpoint["type"], endpoint.get("name"), endpoint["disabled"]) == (
        wish.type,
        wish.name,
        wish.disabled,
    )
    limits = endpoint["autoscaling_limit_min_cu"], endpoint["autoscaling_limit_max_cu"]
    assert limits == (wish.min_cu, wish.max_cu)


@pytest.mark.parametrize(
    ("wishes", "changes"),
    [
        ({}, {}),
        ({"disabled": True, "settings": {}}, {"disabled": True}),
        (
            {"autoscaling_limit_min_cu": 0.5, "autoscaling_limit_max_cu": 1},
            {"min_cu": 0.5, "max_cu": 1},
        ),
        ({"suspend_timeout_seconds": 0, "name": "n"}, {"suspend_timeout_seconds": 0, "name": "n"}),
    ],
)
async def test_what_is_named_of_a_compute_is_changed(
    client: httpx.AsyncClient, fake_engine: FakeEngine, wishes: Any, changes: Any
) -> None:
    response = await client.patch(_ENDPOINT, json={"endpoint": wishes})
    assert response.status_code == 200
    assert ("change_endpoint", {"endpoint_id": ENDPOINT_ID, "changes": changes}) in fake_engine.calls


@pytest.mark.parametrize(
    ("wishes", "status"),
    [
        ({"branch_id": "br-other"}, 422),
        ({"settings": {"pg_settings": {"a": "b"}}}, 422),
        ({"disabled": "no"}, 400),
        ({"suspend_timeout_seconds": -2}, 400),
    ],
)
async def test_changes_that_cannot_be_had(
    client: httpx.AsyncClient, fake_engine: FakeEngine, wishes: Any, status: int
) -> None:
    assert (await client.patch(_ENDPOINT, json={"endpoint": wishes})).status_code == status
    assert fake_engine.calls == []
