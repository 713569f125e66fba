"""The API over the fake engine, reached as a client on this machine would reach it."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from tests.engine.api import extra_routes
from tests.engine.api.fake_engine import FakeEngine
from tests.engine.api.neon_document import PATH, NeonDocument
from warubi_tui.engine.api.app import create_app
from warubi_tui.secret import Secret

KEY = Secret("napi_the key of the tests")


def _read_document() -> NeonDocument | None:
    if not PATH.exists():
        return None
    document = json.loads(PATH.read_text())
    document["paths"] |= extra_routes.PATHS
    return NeonDocument(document)


@pytest.fixture(scope="session")
def document_if_there() -> NeonDocument | None:
    return _read_document()


@pytest.fixture
def document(document_if_there: NeonDocument | None) -> NeonDocument:
    """Neon's document with the contract of our own routes."""
    if document_if_there is None:
        pytest.skip(f"Neon's OpenAPI document is not at {PATH}")
    return document_if_there


@pytest.fixture
def fake_engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def app(fake_engine: FakeEngine) -> Starlette:
    return create_app(fake_engine, KEY)


@pytest.fixture
async def client(app: Starlette, document_if_there: NeonDocument | None) -> AsyncIterator[httpx.AsyncClient]:
    """Carries the key. Where Neon's document is there, it judges every answer that arrives here."""

    async def judge(response: httpx.Response) -> None:
        await response.aread()
        if document_if_there is not None:
            document_if_there.check(response)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://127.0.0.1/api/v2",
        headers={"authorization": f"Bearer {KEY.reveal()}"},
        event_hooks={"response": [judge]},
    ) as client:
        yield client
