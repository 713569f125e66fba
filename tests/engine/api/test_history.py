"""Our own routes: what the write-ahead log tells."""

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest

from tests.engine.api.fake_engine import MAIN_ID, PROJECT_ID, START, FakeEngine, FakeMoment, instant
from warubi_tui.lsn import Lsn

_HISTORY = f"/warubi/projects/{PROJECT_ID}/branches/{MAIN_ID}"
_HOUR = {"from": "2026-11-22T14:00:00Z", "to": "2026-11-22T16:00:00+01:00"}


async def test_the_window(client: httpx.AsyncClient) -> None:
    assert (await client.get(_HISTORY + "/window")).json() == {
        "from": "2026-11-22T13:07:58.123456Z",
        "to": "2026-11-22T14:07:58.123456Z",
        "from_lsn": "0/1000000",
        "to_lsn": "1/2850",
    }


async def test_the_moment_of_a_time(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    params = {"timestamp": "2026-11-22T15:07:58.123456+01:00"}
    assert (await client.get(_HISTORY + "/moment", params=params)).json() == {
        "lsn": "0/1DE2850",
        "time": "2026-11-22T14:07:58.123455Z",
        "next_lsn": "0/1DE2900",
        "next_time": "2026-11-22T14:07:58.123456Z",
    }
    assert fake_engine.calls == [("moment", {"branch_id": MAIN_ID, "at": instant(START), "lsn": None})]


async def test_the_moment_of_an_lsn(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    await client.get(_HISTORY + "/moment", params={"lsn": "0/1DE2850"})
    assert fake_engine.calls == [("moment", {"branch_id": MAIN_ID, "at": None, "lsn": Lsn(0x1DE2850)})]


@dataclass
class HeadEngine(FakeEngine):
    """Asked for a moment after which nothing was committed."""

    def moment(self, branch_id: str, *, at: datetime | None, lsn: Lsn | None) -> FakeMoment:
        return FakeMoment(time=None, next_lsn=None, next_time=None)


class TestAtTheHead:
    @pytest.fixture
    def fake_engine(self) -> FakeEngine:
        return HeadEngine()

    async def test_what_there_is_not_is_null(self, client: httpx.AsyncClient) -> None:
        answer = (await client.get(_HISTORY + "/moment", params={"lsn": "0/1"})).json()
        assert answer == {"lsn": "0/1DE2850", "time": None, "next_lsn": None, "next_time": None}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"timestamp": "2026-11-22T14:07:58Z", "lsn": "0/1"},
        {"timestamp": "2026-11-22T14:07:58"},
        {"timestamp": "2026-11-22 14:07:58Z"},
        {"lsn": "1"},
    ],
)
async def test_a_moment_needs_one_target(
    client: httpx.AsyncClient, fake_engine: FakeEngine, params: dict[str, str]
) -> None:
    assert (await client.get(_HISTORY + "/moment", params=params)).status_code == 400
    assert fake_engine.calls == []


async def test_a_plus_that_became_a_space_is_explained(client: httpx.AsyncClient) -> None:
    response = await client.get(_HISTORY + "/moment?timestamp=2026-11-22T14:07:58+01:00")
    assert response.status_code == 400
    assert "%2B" in response.json()["message"]


async def test_activity(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    answer = (await client.get(_HISTORY + "/activity", params=_HOUR | {"buckets": "2"})).json()
    assert (answer["from"], answer["to"]) == ("2026-11-22T14:00:00Z", "2026-11-22T15:00:00Z")
    assert [(table["name"], table["number"]) for table in answer["tables"]] == [
        ("orders", 16391),
        (None, 16400),
    ]
    assert answer["buckets"][1] == {
        "start": "2026-11-22T14:07:58.123457Z",
        "end": "2026-11-22T14:07:58.123458Z",
        "commits": 1,
        "rollbacks": 1,
        "ddl": 1,
        "tables": [{"table": 0, "deletes": 3}, {"table": 1, "inserts": 1}],
    }
    start, end = datetime(2026, 11, 22, 14, tzinfo=UTC), datetime(2026, 11, 22, 15, tzinfo=UTC)
    arguments = {"branch_id": MAIN_ID, "start": start, "end": end, "buckets": 2}
    assert fake_engine.calls == [("activity", arguments)]


async def test_transactions(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    answer = (await client.get(_HISTORY + "/transactions", params=_HOUR)).json()
    assert answer == {
        "transactions": [
            {
                "time": "2026-11-22T14:07:58.123456Z",
                "lsn": "0/1DE2900",
                "before_lsn": "0/1DE2850",
                "xid": 744,
                "kind": "DELETE",
                "application_name": None,
                "tables": [
                    {
                        "database": "shop",
                        "schema": "public",
                        "name": "orders",
                        "oid": 16390,
                        "number": 16391,
                        "partition_of": "public.all",
                        "deletes": 3,
                    },
                    {
                        "database": None,
                        "schema": None,
                        "name": None,
                        "oid": None,
                        "number": 16400,
                        "partition_of": None,
                        "inserts": 1,
                    },
                ],
            }
        ]
    }
    start, end = datetime(2026, 11, 22, 14, tzinfo=UTC), datetime(2026, 11, 22, 15, tzinfo=UTC)
    wanted = {"branch_id": MAIN_ID, "start": start, "end": end, "table": None, "after": None, "limit": 100}
    assert fake_engine.calls == [("transactions", wanted)]


async def test_more_transactions_follow_behind_the_cursor(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    params = _HOUR | {"limit": "1", "table": "orders", "cursor": "0/1DE2850"}
    answer = (await client.get(_HISTORY + "/transactions", params=params)).json()
    assert answer["pagination"] == {"cursor": "0/1DE2900"}
    arguments = fake_engine.calls[0][1]
    assert (arguments["table"], arguments["after"], arguments["limit"]) == ("orders", Lsn(0x1DE2850), 1)


@pytest.mark.parametrize("changes", [{"limit": "1001"}, {"cursor": "x"}, {"to": "2026-11-22T14:00:00Z"}])
async def test_transactions_refuse_what_makes_no_sense(
    client: httpx.AsyncClient, fake_engine: FakeEngine, changes: dict[str, str]
) -> None:
    assert (await client.get(_HISTORY + "/transactions", params=_HOUR | changes)).status_code == 400
    assert fake_engine.calls == []


@pytest.mark.parametrize(
    "changes",
    [
        {"buckets": "0"},
        {"buckets": "2001"},
        {"buckets": ""},
        {"to": "2026-11-22T14:00:00Z"},
        {"from": "soon"},
    ],
)
async def test_activity_needs_a_span_and_a_sane_number(
    client: httpx.AsyncClient, fake_engine: FakeEngine, changes: dict[str, str]
) -> None:
    params = _HOUR | {"buckets": "2"} | changes
    assert (await client.get(_HISTORY + "/activity", params=params)).status_code == 400
    assert fake_engine.calls == []


async def test_the_lineage(client: httpx.AsyncClient) -> None:
    assert (await client.get(_HISTORY + "/lineage")).json() == {
        "timelines": [
            {"id": "5af", "fork_lsn": "0/1DE2850", "fork_xid": 1 << 33},
            {"id": "4ae", "fork_lsn": None, "fork_xid": None},
        ]
    }
