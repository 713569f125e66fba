"""Snapshots and schedules over the API."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.engine.api.conftest import KEY
from tests.engine.api.fake_engine import MAIN_ID, PROJECT_ID, SNAPSHOT_ID, FakeEngine, snapshot_row
from warubi_tui.engine.rules import Rule

_P = f"/projects/{PROJECT_ID}"
_B = f"{_P}/branches/{MAIN_ID}"
_S = f"{_P}/snapshots/{SNAPSHOT_ID}"


@pytest.fixture
async def newer(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A client that Neon's document does not judge: it knows neither `slug` nor a change of the expiry."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://127.0.0.1/api/v2",
        headers={"authorization": f"Bearer {KEY.reveal()}"},
    ) as client:
        yield client


async def test_a_snapshot_says_what_is_known(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    rows = [
        snapshot_row(expires_at=1_000_000),
        snapshot_row(manual=0, full_size=None, diff_size=7),
    ]
    fake_engine.snapshot_rows = {str(position): row for position, row in enumerate(rows)}
    manual, scheduled = (await client.get(_P + "/snapshots")).json()["snapshots"]
    assert manual == {
        "id": SNAPSHOT_ID,
        "name": "before the migration",
        "lsn": "0/1DE2850",
        "timestamp": "2026-11-22T14:07:58.123456Z",
        "source_branch_id": MAIN_ID,
        "created_at": "2026-11-22T14:07:58.123456Z",
        "expires_at": "1970-01-01T00:00:01Z",
        "manual": True,
        "full_size": 30_000_000,
    }
    assert (scheduled["manual"], scheduled["diff_size"]) == (False, 7)
    assert not {"full_size", "expires_at", "slug"} & scheduled.keys()


async def test_a_slug_is_taken_and_shown(newer: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    for slug in ("a", "before-migration-2", "a" * 63):
        answer = (await newer.post(_B + "/snapshot", params={"slug": slug})).json()
        assert answer["snapshot"]["slug"] == slug
        assert answer["operations"] == []
    made = len(fake_engine.calls)
    for wrong in ("", "2nd", "Before", "a-", "a_b", "a" * 64):
        response = await newer.post(_B + "/snapshot", params={"slug": wrong})
        assert response.status_code == 400
        assert '"slug"' in response.json()["message"]
    assert len(fake_engine.calls) == made


async def test_an_expiry_is_set_kept_or_cleared(newer: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    for wishes in ({"expires_at": "2026-12-01T00:00:00Z"}, {"name": "b"}, {"expires_at": None}, {}):
        assert (await newer.patch(_S, json={"snapshot": wishes})).status_code == 200
    changes: list[Any] = [call["changes"] for name, call in fake_engine.calls if name == "change_snapshot"]
    assert [set(change) for change in changes] == [{"expires_at"}, {"name"}, {"expires_at"}, set()]
    assert changes[0]["expires_at"].isoformat() == "2026-12-01T00:00:00+00:00"
    assert changes[2]["expires_at"] is None


async def test_a_time_and_a_position_at_once_are_refused(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    both = {"lsn": "0/1DE2850", "timestamp": "2026-11-22T14:07:58Z"}
    assert (await client.post(_B + "/snapshot", params=both)).status_code == 400
    assert fake_engine.calls == []


async def test_the_body_wins_over_the_deprecated_name(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    await client.post(_S + "/restore", params={"name": "query"}, json={"name": "body"})
    answer = (await client.post(_S + "/restore", params={"name": "query"})).json()
    names = [call["name"] for method, call in fake_engine.calls if method == "restore_snapshot"]
    assert names == ["body", "query"]
    branch = answer["branch"]
    assert (branch["restore_status"], branch["restored_from"]) == ("restored", SNAPSHOT_ID)
    assert [action["name"] for action in branch["restricted_actions"]] == ["restore"]
    assert "restored_as" not in branch
    assert [endpoint["branch_id"] for endpoint in answer["endpoints"]] == [branch["id"]]


async def test_a_finalized_branch_says_whom_it_replaced(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    row = fake_engine.branch_rows[MAIN_ID]
    finalized = replace(row, restore_status="finalized", restored_from="snap-a", restore_target="br-old")
    fake_engine.branch_rows[MAIN_ID] = finalized
    branch = (await client.get(_B)).json()["branch"]
    assert (branch["restored_as"], branch["restored_from"]) == ("br-old", "snap-a")
    assert "restricted_actions" not in branch


async def test_a_schedule_is_read_back(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    rules = [
        {"frequency": "weekly", "day": 7, "hour": 0},
        {"frequency": "monthly", "retention_seconds": 3600},
    ]
    assert (await client.put(_B + "/backup_schedule", json={"schedule": rules})).json() == {}
    assert fake_engine.rules == [Rule("weekly", hour=0, day=7), Rule("monthly", retention_seconds=3600)]
    assert (await client.get(_B + "/backup_schedule")).json() == {"schedule": rules}
    await client.put(_B + "/backup_schedule", json={"schedule": []})
    assert fake_engine.rules == []


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({}, "frequency"),
        ({"frequency": "minutely"}, "frequency"),
        ({"frequency": "daily", "hour": 24}, "hour"),
        ({"frequency": "daily", "hour": -1}, "hour"),
        ({"frequency": "weekly", "day": 8}, "day"),
        ({"frequency": "monthly", "day": 0}, "day"),
        ({"frequency": "yearly", "month": 13}, "month"),
        ({"frequency": "daily", "retention_seconds": 3599}, "retention_seconds"),
        ({"frequency": "daily", "retention_seconds": 10**18}, "retention_seconds"),
    ],
)
async def test_a_rule_nobody_could_keep_is_refused(
    client: httpx.AsyncClient, fake_engine: FakeEngine, rule: dict[str, object], named: str
) -> None:
    response = await client.put(_B + "/backup_schedule", json={"schedule": [rule]})
    assert response.status_code == 400
    assert f"schedule[0].{named} " in response.json()["message"]
    response = await client.put(_B + "/backup_schedule", json={"schedule": [{"frequency": "daily"}] * 21})
    assert response.status_code == 400
    assert fake_engine.calls == []
