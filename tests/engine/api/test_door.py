"""Who is let in."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from tests.engine.api.conftest import KEY
from tests.engine.api.fake_engine import FakeEngine
from warubi_tui.engine.api.app import create_app
from warubi_tui.engine.api.door import is_loopback
from warubi_tui.engine.api.problems import REQUEST_ID_HEADER
from warubi_tui.engine.api.served import LARGEST_BODY
from warubi_tui.secret import Secret


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8123", "localhost", "LocalHost:1", "[::1]", "[::1]:65535", "127.9.9.9"]
)
def test_loopback_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "127.0.0.1@evil.example",
        "0.0.0.0",
        "10.0.0.1",
        "[::]",
        "::1",
        "127.0.0.1:8123:1",
        "127.0.0.1:",
        "127.0.0.1\n",
        "localhost, evil.example",
    ],
)
def test_other_names(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8123", ""])
async def test_a_foreign_host_is_refused_even_with_the_key(
    client: httpx.AsyncClient, fake_engine: FakeEngine, host: str
) -> None:
    response = await client.get("/projects", headers={"host": host})
    assert response.status_code == 400
    assert "Host" in response.json()["message"]
    assert fake_engine.calls == []


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {KEY.reveal()}x",
        f"Bearer {KEY.reveal()[:-1]}",
        f"Bearer  {KEY.reveal()}",
        f"Basic {KEY.reveal()}",
        KEY.reveal(),
        "Bearer \xff",
    ],
)
async def test_a_wrong_key_is_refused_and_not_repeated(client: httpx.AsyncClient, authorization: str) -> None:
    response = await client.get("/users/me", headers={b"authorization": authorization.encode("latin-1")})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert KEY.reveal() not in response.text


async def test_two_keys_are_refused(client: httpx.AsyncClient) -> None:
    value = client.headers.pop("authorization")
    response = await client.get("/users/me", headers=[("authorization", value), ("authorization", value)])
    assert response.status_code == 401


async def test_the_scheme_has_no_case(client: httpx.AsyncClient) -> None:
    response = await client.get("/users/me", headers={"authorization": f"bEARER {KEY.reveal()}"})
    assert response.status_code == 200


def test_an_engine_without_a_key_serves_nobody() -> None:
    app = create_app(FakeEngine(), Secret(""))
    with pytest.raises(ValueError, match="without a key"):
        app.build_middleware_stack()


async def test_answers_carry_the_callers_request_id_and_are_not_cached(client: httpx.AsyncClient) -> None:
    response = await client.get("/users/me", headers={"x-request-id": "drill-7"})
    assert response.headers[REQUEST_ID_HEADER] == "drill-7"
    assert response.headers["cache-control"] == "no-store"


async def test_a_request_id_that_is_no_word_is_replaced(client: httpx.AsyncClient) -> None:
    first = await client.get("/users/me", headers={"x-request-id": "a" * 65})
    second = await client.get("/nothing", headers={"x-request-id": "<b>"})
    assert len(first.headers[REQUEST_ID_HEADER]) == 36
    assert second.json()["request_id"] == second.headers[REQUEST_ID_HEADER] != "<b>"


@pytest.mark.parametrize("path", ["/", "/projects/", "/projects/x/y", "/warubi"])
async def test_an_unknown_route_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["message"].startswith("this engine has no route /api/v2")


async def test_a_wrong_method_is_told_the_right_ones(client: httpx.AsyncClient) -> None:
    response = await client.put("/projects/misty-leaf-05eed16a/branches")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


async def test_a_body_may_fill_the_limit_and_not_a_byte_more(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    url = f"/projects/{fake_engine.project_row.id}"
    fitting = b'{"project": {}}'.ljust(LARGEST_BODY)
    assert (await client.patch(url, content=fitting)).status_code == 200
    assert (await client.patch(url, content=fitting + b" ")).status_code == 413


async def test_reading_stops_at_the_limit(app: Starlette, client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100:
            sent += 1
            yield b" " * LARGEST_BODY

    response = await client.patch("/projects/misty-leaf-05eed16a", content=endless())
    assert response.status_code == 413
