"""What reaches the engine of a request about a branch, and what is refused before."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.engine.api.fake_engine import MAIN_ID, PASSWORD, PROJECT_ID, START, FakeEngine, branch_row
from warubi_tui.engine.computes import ComputeWish
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.points import Point
from warubi_tui.engine.store import RoleRow
from warubi_tui.lsn import Lsn

_BRANCHES = f"/projects/{PROJECT_ID}/branches"
_MAIN = f"{_BRANCHES}/{MAIN_ID}"
_INSTANT = datetime(2026, 11, 22, 14, 7, 58, 123456, UTC)


def _call(engine: FakeEngine, method: str) -> Any:
    """The arguments of the only call of this method."""
    (arguments,) = [arguments for name, arguments in engine.calls if name == method]
    return arguments


async def test_a_branch_without_wishes(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    answer = (await client.post(_BRANCHES)).json()
    assert _call(fake_engine, "create_branch") == {
        "parent_id": None,
        "name": None,
        "at": None,
        "lsn": None,
        "computes": [],
        "protected": False,
        "expires_at": None,
        "init_source": "parent-data",
        "annotation": {},
    }
    assert answer["endpoints"] == []
    assert "connection_uris" not in answer


async def test_a_branch_with_every_wish(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    wishes = {
        "name": "rec [/] ñ",
        "parent_id": MAIN_ID,
        "parent_timestamp": "2026-11-22T19:37:58.123456+05:30",
        "protected": True,
        "expires_at": "2026-11-22T14:07:58.123456Z",
        "init_source": "schema-only",
    }
    compute = {
        "type": "read_write",
        "autoscaling_limit_min_cu": 0.5,
        "autoscaling_limit_max_cu": 3,
        "suspend_timeout_seconds": 60,
    }
    body = {"branch": wishes, "endpoints": [compute], "annotation_value": {"anonymized": "true"}}
    answer = (await client.post(_BRANCHES, json=body)).json()
    assert _call(fake_engine, "create_branch") == {
        "parent_id": MAIN_ID,
        "name": "rec [/] ñ",
        "at": _INSTANT,
        "lsn": None,
        "computes": [ComputeWish(min_cu=0.5, max_cu=3, suspend_timeout_seconds=60)],
        "protected": True,
        "expires_at": _INSTANT,
        "init_source": "schema-only",
        "annotation": {"anonymized": "true"},
    }
    assert answer["branch"]["init_source"] == "schema-only"
    listed = (await client.get(_BRANCHES)).json()["annotations"]
    assert listed[answer["branch"]["id"]]["value"] == {"anonymized": "true"}
    assert MAIN_ID not in listed
    (connection,) = answer["connection_uris"]
    host = answer["endpoints"][0]["host"]
    assert host.startswith("127.0.0.1:")
    assert connection["connection_parameters"] == {
        "database": "shop",
        "role": "owner",
        "password": PASSWORD,
        "host": host,
        "pooler_host": host,
    }
    assert _call(fake_engine, "connection_uri")["endpoint_id"] == answer["endpoints"][0]["id"]


async def test_an_lsn_reaches_the_engine(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    await client.post(_BRANCHES, json={"branch": {"parent_lsn": "1/de2850"}})
    assert _call(fake_engine, "create_branch")["lsn"] == Lsn(0x1_00DE_2850)


async def test_with_two_databases_no_connection_is_the_right_one(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    fake_engine.create_database(MAIN_ID, "second", "owner")
    answer = (await client.post(_BRANCHES, json={"endpoints": [{"type": "read_write"}]})).json()
    assert "connection_uris" not in answer


async def test_without_a_stored_password_there_is_no_connection(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    fake_engine.role_rows["owner"] = replace(fake_engine.role_rows["owner"], password="")
    response = await client.post(_BRANCHES, json={"endpoints": [{"type": "read_write"}]})
    assert response.status_code == 201
    assert "connection_uris" not in response.json()


class HastyEngine(FakeEngine):
    """The making of its branches fails before anybody can look at them."""

    def roles(self, branch_id: str) -> list[RoleRow]:
        raise ApiError(404, "branch not found")


class TestWhoseBranchesFailAtOnce:
    @pytest.fixture
    def fake_engine(self) -> FakeEngine:
        return HastyEngine()

    async def test_a_creation_is_still_answered_with_its_operations(self, client: httpx.AsyncClient) -> None:
        response = await client.post(_BRANCHES, json={"endpoints": [{"type": "read_write"}]})
        assert response.status_code == 201
        assert len(response.json()["operations"]) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"endpoints": [{"type": "read_write"}] * 2}, "one read_write endpoint"),
        ({"endpoints": [{"type": "read_write", "pooler_enabled": True}]}, "no pooler"),
        ({"endpoints": [{"type": "read_write", "settings": {"pg_settings": {"a": "b"}}}]}, "no settings"),
        ({"branch": {"archived": True}}, "no archived"),
    ],
)
async def test_what_this_engine_does_not_offer_is_refused(
    client: httpx.AsyncClient, fake_engine: FakeEngine, body: Any, words: str
) -> None:
    response = await client.post(_BRANCHES, json=body)
    assert response.status_code == 422
    assert words in response.json()["message"]
    assert fake_engine.calls == []


_BOTH = {"parent_timestamp": "2026-11-22T14:07:58Z", "parent_lsn": "0/1"}


@pytest.mark.parametrize(
    ("wishes", "named"),
    [
        (_BOTH, "not both"),
        ({"parent_timestamp": "2026-11-22T14:07:58"}, "branch.parent_timestamp"),
        ({"parent_timestamp": "2026-11-22 14:07:58Z"}, "branch.parent_timestamp"),
        ({"parent_timestamp": None}, "branch.parent_timestamp"),
        ({"parent_lsn": "1DE2850"}, "branch.parent_lsn"),
        ({"parent_lsn": "0/100000000"}, "branch.parent_lsn"),
        ({"parent_id": "br_1"}, "branch.parent_id"),
        ({"parent_id": "a" * 61}, "branch.parent_id"),
        ({"name": ""}, "branch.name"),
        ({"name": "n" * 257}, "branch.name"),
        ({"name": "nul\0"}, "branch.name"),
        ({"protected": 1}, "branch.protected"),
        ({"expires_at": "tomorrow"}, "branch.expires_at"),
        ({"init_source": "thin air"}, "branch.init_source"),
    ],
)
async def test_what_cannot_be_read_is_refused_and_named(
    client: httpx.AsyncClient, fake_engine: FakeEngine, wishes: Any, named: str
) -> None:
    response = await client.post(_BRANCHES, json={"branch": wishes})
    assert response.status_code == 400
    assert named in response.json()["message"]
    assert fake_engine.calls == []


async def test_a_name_that_no_encoding_holds_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(_BRANCHES, content=rb'{"branch": {"name": "\ud800"}}')
    assert response.status_code == 400
    assert "branch.name" in response.json()["message"]


@pytest.mark.parametrize(
    ("wishes", "changes"),
    [
        ({}, {}),
        ({"name": "new"}, {"name": "new"}),
        ({"protected": False}, {"protected": False}),
        ({"expires_at": None}, {"expires_at": None}),
        ({"expires_at": "2026-11-22T14:07:58.123456Z"}, {"expires_at": _INSTANT}),
    ],
)
async def test_only_what_is_named_is_changed(
    client: httpx.AsyncClient, fake_engine: FakeEngine, wishes: Any, changes: Any
) -> None:
    response = await client.patch(_MAIN, json={"branch": wishes})
    assert response.status_code == 200
    assert _call(fake_engine, "change_branch") == {"branch_id": MAIN_ID, "changes": changes}


@pytest.mark.parametrize(
    ("target", "at", "lsn"),
    [
        ({}, None, None),
        ({"source_timestamp": "2026-11-22T14:07:58.123456Z"}, _INSTANT, None),
        ({"source_lsn": "0/1DE2850"}, None, Lsn(0x1DE2850)),
    ],
)
async def test_a_restore_reaches_the_engine(
    client: httpx.AsyncClient,
    fake_engine: FakeEngine,
    target: Any,
    at: datetime | None,
    lsn: Lsn | None,
) -> None:
    body = {"source_branch_id": "br-other", "preserve_under_name": "main_old"} | target
    answer = (await client.post(_MAIN + "/restore", json=body)).json()
    assert _call(fake_engine, "restore_branch") == {
        "branch_id": MAIN_ID,
        "source_id": "br-other",
        "at": at,
        "lsn": lsn,
        "preserve_under_name": "main_old",
    }
    assert (answer["branch"]["current_state"], answer["branch"]["pending_state"]) == ("resetting", "ready")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"source_branch_id": MAIN_ID, "source_lsn": "0/1", "source_timestamp": "2026-11-22T14:07:58Z"},
        {"source_branch_id": MAIN_ID, "source_timestamp": "2026-11-22 14:07:58Z"},
        {"source_branch_id": MAIN_ID, "preserve_under_name": "n" * 257},
        {"source_branch_id": None},
    ],
)
async def test_a_restore_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, fake_engine: FakeEngine, body: Any
) -> None:
    response = await client.post(_MAIN + "/restore", json=body)
    assert response.status_code == 400
    assert fake_engine.calls == []


async def test_a_branch_shows_what_is_known_and_nothing_else(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    row = branch_row(
        "br-known",
        "known",
        parent=MAIN_ID,
        parent_lsn=0x1_0000_00FF,
        parent_timestamp=START,
        expires_at=START + 544,
        last_reset_at=START - 456,
        protected=1,
    )
    fake_engine.branch_rows[row.id] = row
    known = (await client.get(f"{_BRANCHES}/br-known")).json()["branch"]
    assert known["parent_id"] == MAIN_ID
    assert known["parent_lsn"] == "1/FF"
    assert known["parent_timestamp"] == "2026-11-22T14:07:58.123456Z"
    assert known["expires_at"] == "2026-11-22T14:07:58.124000Z"
    assert known["last_reset_at"] == "2026-11-22T14:07:58.123000Z"
    assert (known["default"], known["primary"], known["protected"]) == (False, False, True)
    main = (await client.get(_MAIN)).json()["branch"]
    assert (main["default"], main["primary"], main["protected"]) == (True, True, False)
    unknown = {"parent_id", "parent_lsn", "parent_timestamp", "expires_at", "last_reset_at", "pending_state"}
    assert unknown.isdisjoint(main)
    assert None not in main.values()


async def test_a_deleted_branch_is_listed_where_that_is_asked_for_and_comes_back(
    client: httpx.AsyncClient,
) -> None:
    await client.delete(_MAIN)
    assert (await client.get(_BRANCHES)).json()["branches"] == []
    assert (await client.get(_BRANCHES + "/count")).json() == {"count": 0}
    (deleted,) = (await client.get(_BRANCHES, params={"include_deleted": "true"})).json()["branches"]
    assert deleted["recovery"] == {
        "deleted_at": "2026-11-22T14:07:58.123461Z",
        "recoverable_until": "2026-11-29T14:07:58.123461Z",
        "deletion_method": "user",
    }
    answer = (await client.post(_MAIN + "/recover")).json()
    assert "recovery" not in answer["branch"]
    assert [endpoint["host"] for endpoint in answer["endpoints"]] == ["127.0.0.1:55999"]


@pytest.mark.parametrize(
    ("query", "hard"), [({}, False), ({"hard_delete": "false"}, False), ({"hard_delete": "true"}, True)]
)
async def test_only_a_hard_delete_is_for_good(
    client: httpx.AsyncClient, fake_engine: FakeEngine, query: Any, hard: bool
) -> None:
    await client.delete(_MAIN, params=query)
    assert _call(fake_engine, "delete_branch") == {"branch_id": MAIN_ID, "hard": hard}


async def test_a_restore_may_keep_nothing_by_name(client: httpx.AsyncClient, fake_engine: FakeEngine) -> None:
    body = {"source_branch_id": "br-other", "preserve_under_name": ""}
    await client.post(_MAIN + "/restore", json=body)
    assert _call(fake_engine, "restore_branch")["preserve_under_name"] is None


async def test_a_schema_is_told_as_sql_and_as_json(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    query = {"db_name": "shop", "timestamp": "2026-11-22T14:07:58.123456Z"}
    assert (await client.get(_MAIN + "/schema", params=query)).json() == {"sql": "CREATE TABLE log ();\n"}
    assert _call(fake_engine, "schema")["point"] == Point(MAIN_ID, at=_INSTANT)
    told = (await client.get(_MAIN + "/schema", params=query | {"format": "json"})).json()["json"]
    assert [table["name"] for table in told["tables"]] == ["log"]


async def test_schemas_are_compared_with_the_parent_unless_another_base_is_named(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    fake_engine.branch_rows["br-child"] = branch_row("br-child", "child", parent=MAIN_ID)
    for branch, query, base in (
        ("br-child", {}, Point(MAIN_ID)),
        (MAIN_ID, {"base_lsn": "0/1"}, Point(MAIN_ID, lsn=Lsn(1))),
        (MAIN_ID, {"base_branch_id": "br-child"}, Point("br-child")),
    ):
        fake_engine.calls.clear()
        await client.get(f"{_BRANCHES}/{branch}/compare_schema", params={"db_name": "shop"} | query)
        asked = {"point": Point(branch), "base": base, "database": "shop"}
        assert _call(fake_engine, "compare_schema") == asked
