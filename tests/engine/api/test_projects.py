"""The project over the API."""

from typing import Any

import httpx
import pytest

from tests.engine.api.fake_engine import PROJECT_ID, FakeEngine

_PROJECT = f"/projects/{PROJECT_ID}"


async def test_a_longer_retention_is_kept(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    body = {"project": {"history_retention_seconds": 2_592_000}}
    answer = (await client.patch(_PROJECT, json=body)).json()
    assert answer["project"]["history_retention_seconds"] == 2_592_000
    assert fake_engine.calls == [("change_project", {"name": None, "history_retention_seconds": 2_592_000})]


async def test_too_long_a_retention_is_refused_as_neon_does(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    body = {"project": {"name": "x", "history_retention_seconds": 2_592_001}}
    response = await client.patch(_PROJECT, json=body)
    assert response.status_code == 400
    assert response.json()["code"] == ""
    assert response.json()["message"] == (
        "requested history retention seconds exceeds allowed maximum; "
        'requested_history_retention_seconds:"2592001", max:"2592000"'
    )
    assert fake_engine.calls == []


@pytest.mark.parametrize(
    ("wishes", "status"),
    [
        ({}, 200),
        ({"history_retention_seconds": 0}, 200),
        ({"settings": {}}, 200),
        ({"history_retention_seconds": -1}, 400),
        ({"history_retention_seconds": 1.5}, 400),
        ({"history_retention_seconds": True}, 400),
        ({"name": ""}, 400),
        ({"settings": {"hipaa": True}}, 422),
        ({"default_endpoint_settings": {"suspend_timeout_seconds": 60}}, 422),
    ],
)
async def test_changes(client: httpx.AsyncClient, wishes: Any, status: int) -> None:
    assert (await client.patch(_PROJECT, json={"project": wishes})).status_code == status


async def test_neons_own_words_for_a_missing_field(client: httpx.AsyncClient) -> None:
    message = (await client.patch(_PROJECT, json={})).json()["message"]
    assert message == "invalid request: decode application/json: invalid: project (field required)"
