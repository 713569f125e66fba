"""Databases, roles and passwords over the API."""

from dataclasses import replace
from urllib.parse import quote

import httpx
import pytest

from tests.engine.api.fake_engine import MAIN_ID, PASSWORD, PROJECT_ID, FakeEngine

_BRANCH = f"/projects/{PROJECT_ID}/branches/{MAIN_ID}"


async def test_a_password_is_shown_where_it_is_asked_for_or_just_made(client: httpx.AsyncClient) -> None:
    revealed = await client.get(f"{_BRANCH}/roles/owner/reveal_password")
    created = await client.post(f"{_BRANCH}/roles", json={"role": {"name": "reader"}})
    reset = await client.post(f"{_BRANCH}/roles/owner/reset_password")
    assert revealed.json() == {"password": PASSWORD}
    assert created.json()["role"]["password"] == PASSWORD
    assert reset.json()["role"]["password"] == PASSWORD


async def test_a_password_that_is_not_stored_cannot_be_revealed(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    fake_engine.role_rows["owner"] = replace(fake_engine.role_rows["owner"], password="")
    response = await client.get(f"{_BRANCH}/roles/owner/reveal_password")
    assert response.status_code == 412


@pytest.mark.parametrize("path", ["roles", "roles/owner", "databases", "databases/shop", "endpoints", ""])
async def test_a_password_is_shown_nowhere_else(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"{_BRANCH}/{path}".rstrip("/"))
    assert response.status_code == 200
    assert PASSWORD not in response.text


async def test_names_are_taken_as_they_are(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    name = '"; DROP TABLE x; -- [/] %2F ñ'
    await client.post(f"{_BRANCH}/databases", json={"database": {"name": name, "owner_name": "owner"}})
    await client.post(f"{_BRANCH}/roles", json={"role": {"name": name}})
    path = quote(name, safe="")
    assert (await client.get(f"{_BRANCH}/databases/{path}")).json()["database"]["name"] == name
    assert (await client.get(f"{_BRANCH}/roles/{path}")).json()["role"]["name"] == name
    assert (await client.get(f"{_BRANCH}/roles/{path}/reveal_password")).json() == {"password": PASSWORD}
    assert (await client.delete(f"{_BRANCH}/databases/{path}")).status_code == 200
    assert name not in fake_engine.database_rows


@pytest.mark.parametrize("path", ["databases/none", "roles/none", "roles/none/reveal_password"])
async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"{_BRANCH}/{path}")
    assert response.status_code == 404
    assert "'none' not found" in response.json()["message"]


async def test_roles_that_cannot_log_in_are_not_offered(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    response = await client.post(f"{_BRANCH}/roles", json={"role": {"name": "r", "no_login": True}})
    assert response.status_code == 422
    assert fake_engine.calls == []


async def test_a_connection_uri_of_the_default_branch(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    params = {"database_name": "shop", "role_name": "owner"}
    response = await client.get(f"/projects/{PROJECT_ID}/connection_uri", params=params)
    assert response.json() == {"uri": f"postgresql://owner:{PASSWORD}@127.0.0.1:55999/shop"}
    assert fake_engine.calls == [
        ("connection_uri", {"branch_id": None, "endpoint_id": None, "database": "shop", "role": "owner"})
    ]


@pytest.mark.parametrize("missing", ["database_name", "role_name"])
async def test_a_connection_uri_needs_both_names(client: httpx.AsyncClient, missing: str) -> None:
    params = {"database_name": "shop", "role_name": "owner"}
    del params[missing]
    response = await client.get(f"/projects/{PROJECT_ID}/connection_uri", params=params)
    assert response.status_code == 400
    assert missing in response.json()["message"]
