"""Lists, page by page."""

from base64 import urlsafe_b64encode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.api.fake_engine import PROJECT_ID, START, FakeEngine, branch_row, operation_row
from warubi_tui.engine.api.routes.branch_list import Cursor, Order

_BRANCHES = f"/projects/{PROJECT_ID}/branches"
_OPERATIONS = f"/projects/{PROJECT_ID}/operations"
Params = dict[str, str]


@pytest.fixture
def many_branches(fake_engine: FakeEngine) -> FakeEngine:
    """Seven branches; three of them were changed in the same microsecond."""
    updated = [5, 3, 3, 3, 9, 1, 7]
    fake_engine.branch_rows = {
        f"br-a-b-{n}": branch_row(
            f"br-a-b-{n}", f"Branch {6 - n}", updated_at=START + time, created_at=START + n
        )
        for n, time in enumerate(updated)
    }
    return fake_engine


async def _walk(client: httpx.AsyncClient, params: Params) -> list[list[str]]:
    pages: list[list[str]] = []
    while len(pages) < 50:
        answer = (await client.get(_BRANCHES, params=params)).json()
        if not answer["branches"]:
            assert "pagination" not in answer
            return pages
        pages.append([branch["id"].removeprefix("br-a-b-") for branch in answer["branches"]])
        params = params | {"cursor": answer["pagination"]["next"]}
    pytest.fail("the list has no end")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "4603215"),
        ({"sort_order": "asc"}, "5123064"),
        ({"sort_by": "created_at", "sort_order": "asc"}, "0123456"),
        ({"sort_by": "created_at"}, "6543210"),
        ({"sort_by": "name", "sort_order": "asc"}, "6543210"),
        ({"sort_by": "updated_at", "sort_order": "desc"}, "4603215"),
        ({"search": "BRANCH 5"}, "1"),
        ({"search": "a-b-3"}, "3"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_hold_every_branch_once_in_order(
    client: httpx.AsyncClient, many_branches: FakeEngine, params: Params, expected: str, limit: int
) -> None:
    pages = await _walk(client, params | {"limit": str(limit)})
    assert pages == [list(expected[i : i + limit]) for i in range(0, len(expected), limit)]


async def test_a_cursor_alone_keeps_the_order_of_its_list(
    client: httpx.AsyncClient, many_branches: FakeEngine
) -> None:
    params = {"sort_by": "name", "sort_order": "asc", "limit": "3"}
    first = (await client.get(_BRANCHES, params=params)).json()
    assert first["pagination"] | {"next": ""} == {"next": "", "sort_by": "name", "sort_order": "asc"}
    second = (await client.get(_BRANCHES, params={"cursor": first["pagination"]["next"]})).json()
    assert [branch["name"] for branch in second["branches"]] == [f"Branch {n}" for n in (3, 4, 5, 6)]


async def test_a_cursor_of_another_order_is_refused(
    client: httpx.AsyncClient, many_branches: FakeEngine
) -> None:
    first = (await client.get(_BRANCHES, params={"sort_by": "name"})).json()
    params = {"cursor": first["pagination"]["next"], "sort_by": "created_at"}
    response = await client.get(_BRANCHES, params=params)
    assert response.status_code == 400
    assert "by name, desc" in response.json()["message"]


async def test_branches_deleted_between_pages_hide_no_others(
    client: httpx.AsyncClient, many_branches: FakeEngine
) -> None:
    params = {"sort_by": "created_at", "sort_order": "asc", "limit": "3"}
    first = (await client.get(_BRANCHES, params=params)).json()
    for gone in ("br-a-b-0", "br-a-b-2"):
        del many_branches.branch_rows[gone]
    params["cursor"] = first["pagination"]["next"]
    second = (await client.get(_BRANCHES, params=params)).json()
    assert [branch["id"] for branch in second["branches"]] == ["br-a-b-3", "br-a-b-4", "br-a-b-5"]


async def test_the_count_counts_what_the_search_finds(
    client: httpx.AsyncClient, many_branches: FakeEngine
) -> None:
    assert (await client.get(_BRANCHES + "/count")).json() == {"count": 7}
    assert (await client.get(_BRANCHES + "/count", params={"search": "branch 1"})).json() == {"count": 1}


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(), st.sampled_from(["asc", "desc"]))
def test_a_cursor_survives_its_own_text(name: str, time: int, direction: str) -> None:
    for cursor in (
        Cursor(Order("name", direction), (name, "br-a-b-1")),
        Cursor(Order("created_at", direction), (time, "br-a-b-1")),
    ):
        assert Cursor.parse(cursor.text()) == cursor


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "[]",
        "{}",
        '{"branch_id":"b","sort_by":"id","sort_by_value":1,"sort_order":"asc"}',
        '{"branch_id":"b","sort_by":["name"],"sort_by_value":1,"sort_order":"asc"}',
        '{"branch_id":"b","sort_by":"name","sort_by_value":1,"sort_order":"asc"}',
        '{"branch_id":"b","sort_by":"created_at","sort_by_value":"1","sort_order":"asc"}',
        '{"branch_id":1,"sort_by":"name","sort_by_value":"n","sort_order":"asc"}',
        '{"branch_id":"b","sort_by":"name","sort_by_value":"n","sort_order":[]}',
        "[" * 5000,
    ],
)
async def test_a_forged_cursor_is_refused(client: httpx.AsyncClient, inside: str) -> None:
    cursor = urlsafe_b64encode(inside.encode()).decode() or "%"
    response = await client.get(_BRANCHES, params={"cursor": cursor})
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (_BRANCHES, {"limit": "0"}),
        (_BRANCHES, {"limit": "10001"}),
        (_BRANCHES, {"limit": "ten"}),
        (_BRANCHES, {"limit": "1_0"}),
        (_BRANCHES, {"limit": "9" * 5000}),
        (_BRANCHES, {"limit": ["1", "2"]}),
        (_BRANCHES, {"sort_by": "id"}),
        (_BRANCHES, {"sort_order": "up"}),
        (_BRANCHES, {"include_deleted": "1"}),
        (_BRANCHES, {"search": "\0"}),
        (_OPERATIONS, {"limit": "1001"}),
        (_OPERATIONS, {"cursor": "soon"}),
        ("/projects", {"limit": "401"}),
        ("/projects", {"timeout": "99"}),
        ("/projects", {"recoverable": "yes"}),
        ("/projects/shared", {"limit": "0"}),
    ],
)
async def test_a_wrong_parameter_is_refused_and_named(
    client: httpx.AsyncClient, path: str, params: dict[str, str | list[str]]
) -> None:
    response = await client.get(path, params=params)
    assert response.status_code == 400
    assert f'query: "{next(iter(params))}"' in response.json()["message"]


async def test_projects_end_after_the_one_there_is(client: httpx.AsyncClient) -> None:
    first = (await client.get("/projects", params={"limit": "2"})).json()
    assert [project["id"] for project in first["projects"]] == [PROJECT_ID]
    second = (await client.get("/projects", params=first["pagination"])).json()
    assert second == {"projects": [], "applications": {}, "integrations": {}}


@pytest.mark.parametrize("params", [{"search": "bakery"}, {"org_id": "org-a-b"}, {"recoverable": "true"}])
async def test_what_fits_no_project_finds_none(client: httpx.AsyncClient, params: Params) -> None:
    answer = (await client.get("/projects", params=params)).json()
    assert answer["projects"] == []
    assert "pagination" not in answer


async def test_shared_projects_are_none(client: httpx.AsyncClient) -> None:
    assert (await client.get("/projects/shared")).json() == {"projects": []}


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
async def test_pages_hold_every_operation_once(
    client: httpx.AsyncClient, fake_engine: FakeEngine, limit: int
) -> None:
    """Operations of one change begin in the same microsecond: no page boundary may swallow one."""
    times = [9, 8, 8, 8, 5, 5, 1]
    fake_engine.operation_rows = [
        operation_row(number, created_at=START + time) for number, time in enumerate(times)
    ]
    params = {"limit": str(limit)}
    found: list[str] = []
    while (answer := (await client.get(_OPERATIONS, params=params)).json())["operations"]:
        assert len(answer["operations"]) <= limit
        assert len(found) <= len(times), "the list has no end"
        found += [operation["id"] for operation in answer["operations"]]
        params["cursor"] = answer["pagination"]["cursor"]
    assert found == [row.id for row in fake_engine.operation_rows]
    assert "pagination" not in answer


async def test_the_cursor_of_operations_is_a_time_with_microseconds(client: httpx.AsyncClient) -> None:
    answer = (await client.get(_OPERATIONS)).json()
    assert answer["pagination"] == {"cursor": "2026-11-22T14:07:58.123456Z"}


async def test_operations_newer_than_the_first_page_repeat_none(
    client: httpx.AsyncClient, fake_engine: FakeEngine
) -> None:
    fake_engine.operation_rows = [operation_row(2), operation_row(1)]
    first = (await client.get(_OPERATIONS, params={"limit": "1"})).json()
    fake_engine.operation_rows.insert(0, operation_row(3))
    second = (await client.get(_OPERATIONS, params=first["pagination"])).json()
    assert [operation["id"] for operation in second["operations"]] == [operation_row(1).id]
