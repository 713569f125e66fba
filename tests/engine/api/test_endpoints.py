"""Computes over the API."""

from typing import Any

import httpx
import pytest

from tests.engine.api.fake_engine import ENDPOINT_ID, MAIN_ID, PROJECT_ID, FakeEngine, branch_row

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
        ({"branch_id": MAIN_ID, "type": "read_only"}, 422),
        ({"branch_id": MAIN_ID, "type": "read_write", "disabled": True}, 422),
        ({"branch_id": MAIN_ID, "type": "read_write", "passwordless_access": True}, 422),
        ({"branch_id": MAIN_ID, "type": "write_only"}, 400),
        ({"branch_id": MAIN_ID}, 400),
        ({"type": "read_write"}, 400),
        ({"branch_id": MAIN_ID, "type": "read_write", "autoscaling_limit_min_cu": 0.1}, 400),
        ({"branch_id": MAIN_ID, "type": "read_write", "autoscaling_limit_max_cu": "big"}, 400),
        ({"branch_id": MAIN_ID, "type": "read_write", "suspend_timeout_seconds": 604801}, 400),
        ({"branch_id": MAIN_ID, "type": "read_write", "name": "n" * 65}, 400),
    ],
)
async def test_computes_that_cannot_be_had(
    client: httpx.AsyncClient, fake_engine: FakeEngine, wishes: Any, status: int
) -> None:
    response = await client.post(_ENDPOINTS, json={"endpoint": wishes})
    assert response.status_code == status
    assert fake_engine.calls == []


async def test_read_only_is_refused_in_words(client: httpx.AsyncClient) -> None:
    body = {"endpoint": {"branch_id": MAIN_ID, "type": "read_only"}}
    message = (await client.post(_ENDPOINTS, json=body)).json()["message"]
    assert message == "this engine offers read_write computes only"


@pytest.mark.parametrize(
    ("wishes", "status"),
    [
        ({}, 200),
        ({"disabled": False, "autoscaling_limit_min_cu": 0.25, "branch_id": MAIN_ID}, 200),
        ({"disabled": True}, 422),
        ({"branch_id": "br-other"}, 422),
        ({"suspend_timeout_seconds": 300}, 422),
        ({"name": "reporting"}, 422),
        ({"disabled": "no"}, 400),
    ],
)
async def test_a_compute_grants_only_what_is_so_already(
    client: httpx.AsyncClient, wishes: Any, status: int
) -> None:
    response = await client.patch(_ENDPOINT, json={"endpoint": wishes})
    assert response.status_code == status
    if status == 200:
        assert response.json()["operations"] == []
