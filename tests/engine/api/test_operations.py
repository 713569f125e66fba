"""One operation over the API."""

from typing import Any

import httpx
import pytest

from tests.engine.api.fake_engine import PROJECT_ID, START, FakeEngine, operation_row


async def _operation(client: httpx.AsyncClient, engine: FakeEngine, **changes: Any) -> Any:
    row = operation_row(7, **changes)
    engine.operation_rows = [row]
    return (await client.get(f"/projects/{PROJECT_ID}/operations/{row.id}")).json()["operation"]


async def test_a_finished_operation(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    operation = await _operation(client, fake_engine)
    assert operation["status"] == "finished"
    assert operation["total_duration_ms"] == 1500
    assert operation["failures_count"] == 0
    assert {"error", "endpoint_id"}.isdisjoint(operation)


@pytest.mark.parametrize("status", ["failed", "error"])
async def test_a_failed_operation_says_why(
    client: httpx.AsyncClient, fake_engine: FakeEngine, status: str
) -> None:
    operation = await _operation(client, fake_engine, status=status, error="the archive has a gap")
    assert (operation["failures_count"], operation["error"]) == (1, "the archive has a gap")


@pytest.mark.parametrize(
    ("times", "milliseconds"),
    [
        ({"started_at": None, "finished_at": None}, 0),
        ({"started_at": START, "finished_at": None, "updated_at": START + 250_999}, 250),
        ({"started_at": START, "finished_at": START - 1}, 0),
    ],
)
async def test_durations(
    client: httpx.AsyncClient, fake_engine: FakeEngine, times: dict[str, int | None], milliseconds: int
) -> None:
    operation = await _operation(client, fake_engine, **times)
    assert operation["total_duration_ms"] == milliseconds


async def test_an_unknown_operation_is_not_found(client: httpx.AsyncClient) -> None:
    response = await client.get(f"/projects/{PROJECT_ID}/operations/none")
    assert response.status_code == 404
