"""A branch's life on the real engine, over HTTP: every route, each exchange judged by Neon's document."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from tests.conftest import RunningEngine
from tests.engine.api.neon_document import NeonDocument
from warubi_tui.engine.api.app import ROUTES

Json = dict[str, Any]


class Walk:
    """Sends requests, waits for what they start, and remembers which routes were taken."""

    def __init__(self, client: httpx.AsyncClient, project_id: str, taken: set[tuple[str, str]]) -> None:
        self.client = client
        self.project = f"/projects/{project_id}"
        self.taken = taken

    async def __call__(
        self, method: str, path: str, body: Json | None = None, *, status: int = 200, **query: str
    ) -> Json:
        """The answer, once all its operations have finished."""
        response = await self.client.request(method, path, json=body, params=query)
        assert response.status_code == status, response.text
        answer: Json = response.json() if response.content else {}
        if response.is_success and method != "GET":
            await self.finish(answer.get("operations", ()))
        return answer

    async def finish(self, operations: Sequence[Json]) -> None:
        async with asyncio.timeout(60):
            for operation in operations:
                path = f"{self.project}/operations/{operation['id']}"
                state = operation
                while state["status"] in ("scheduling", "running"):
                    state = (await self("GET", path))["operation"]
                assert state["status"] == "finished", state


@pytest.fixture
async def walk(engine: RunningEngine, document: NeonDocument) -> AsyncIterator[Walk]:
    taken: set[tuple[str, str]] = set()

    async def judge(response: httpx.Response) -> None:
        await response.aread()
        template = document.check(response)
        if response.is_success:
            taken.add((response.request.method, template))

    async with httpx.AsyncClient(
        base_url=engine.host,
        headers={"authorization": f"Bearer {engine.key.reveal()}"},
        event_hooks={"response": [judge]},
        trust_env=False,
        timeout=60,
    ) as client:
        yield Walk(client, engine.project_id, taken)


async def test_every_route_on_the_real_engine(walk: Walk) -> None:
    main = await _look_around(walk)
    branch = f"{walk.project}/branches/{await _make_branch(walk, main)}"
    await _use_compute(walk, branch)
    await _use_databases_and_roles(walk, branch)
    await _read_schemas(walk, branch)
    await _read_history(walk, branch)
    await _restore_and_delete(walk, branch, main)
    await _keep_and_bring_back(walk, main)
    assert walk.taken == {(served.method, served.path.replace(":path}", "}")) for served in ROUTES}


async def _look_around(walk: Walk) -> str:
    """Reads what there is and changes the project there and back; returns the default branch's id."""
    for path in ("/users/me", "/users/me/organizations", "/auth", "/regions", "/projects/shared"):
        await walk("GET", path)
    (listed,) = (await walk("GET", "/projects", limit="100"))["projects"]
    project = (await walk("GET", walk.project))["project"]
    assert listed["id"] == project["id"]
    for name in ("of the walk", project["name"]):
        changed = await walk("PATCH", walk.project, {"project": {"name": name}})
        assert changed["project"]["name"] == name
    branches = (await walk("GET", walk.project + "/branches"))["branches"]
    assert (await walk("GET", walk.project + "/branches/count"))["count"] == len(branches)
    (main,) = [branch["id"] for branch in branches if branch["default"]]
    return str(main)


async def _make_branch(walk: Walk, main: str) -> str:
    """A branch of the default branch as it was a moment ago, with a compute; returns its id."""
    window = await walk("GET", f"/warubi{walk.project}/branches/{main}/window")
    wishes = {"name": "walk", "parent_id": main, "parent_timestamp": window["to"]}
    body = {"branch": wishes, "endpoints": [{"type": "read_write"}]}
    created = await walk("POST", walk.project + "/branches", body, status=201)
    identity = str(created["branch"]["id"])
    branch = (await walk("GET", f"{walk.project}/branches/{identity}"))["branch"]
    assert (branch["parent_id"], branch["current_state"]) == (main, "ready")
    early = wishes | {"name": "too early", "parent_timestamp": "2001-01-01T00:00:00Z"}
    message = (await walk("POST", walk.project + "/branches", {"branch": early}, status=422))["message"]
    assert window["from"][:10] in message
    await walk("GET", f"{walk.project}/branches/br-not-here-0000", status=404)
    return identity


async def _use_compute(walk: Walk, branch: str) -> None:
    (endpoint,) = (await walk("GET", branch + "/endpoints"))["endpoints"]
    path = f"{walk.project}/endpoints/{endpoint['id']}"
    assert endpoint["current_state"] == "active"
    await walk("POST", path + "/suspend")
    assert (await walk("GET", path))["endpoint"]["current_state"] == "idle"
    await walk("POST", path + "/start")
    await walk("POST", path + "/restart")
    await walk("PATCH", path, {"endpoint": {"disabled": False}})
    assert endpoint["id"] in [
        one["id"] for one in (await walk("GET", walk.project + "/endpoints"))["endpoints"]
    ]
    await walk("DELETE", path)
    await walk("DELETE", path, status=204)
    body = {"endpoint": {"branch_id": endpoint["branch_id"], "type": "read_write"}}
    created = await walk("POST", walk.project + "/endpoints", body, status=201)
    assert created["endpoint"]["id"] != endpoint["id"]


async def _use_databases_and_roles(walk: Walk, branch: str) -> None:
    (role,) = (await walk("GET", branch + "/roles"))["roles"]
    (database,) = (await walk("GET", branch + "/databases"))["databases"]
    names = {"database_name": database["name"], "role_name": role["name"]}
    identity = branch.rpartition("/")[2]
    before = await walk("GET", walk.project + "/connection_uri", branch_id=identity, **names)
    await walk("GET", f"{branch}/roles/{role['name']}")
    reset = await walk("POST", f"{branch}/roles/{role['name']}/reset_password")
    revealed = await walk("GET", f"{branch}/roles/{role['name']}/reveal_password")
    assert revealed["password"] == reset["role"]["password"]
    after = await walk("GET", walk.project + "/connection_uri", branch_id=identity, **names)
    assert after["uri"] != before["uri"]
    await walk("POST", branch + "/roles", {"role": {"name": "reader/[b]"}}, status=201)
    body = {"database": {"name": 'a "b"/ñ', "owner_name": "reader/[b]"}}
    await walk("POST", branch + "/databases", body, status=201)
    path = f"{branch}/databases/a%20%22b%22%2F%C3%B1"
    assert (await walk("GET", path))["database"]["owner_name"] == "reader/[b]"
    changes = {"name": "second", "owner_name": role["name"]}
    await walk("PATCH", path, {"database": changes})
    listed = {
        one["name"]: one["owner_name"] for one in (await walk("GET", branch + "/databases"))["databases"]
    }
    assert listed["second"] == role["name"]
    await walk("PATCH", path, {"database": changes}, status=404)
    await walk("PATCH", f"{branch}/databases/second", {"database": {"name": database["name"]}}, status=409)
    for things in ("buckets", "functions", "credentials"):
        assert (await walk("GET", f"{branch}/{things}"))[things] == []
    path = f"{branch}/databases/second"
    for thing in (path, f"{branch}/roles/reader%2F%5Bb%5D"):
        await walk("DELETE", thing)
        await walk("DELETE", thing, status=204)


async def _read_schemas(walk: Walk, branch: str) -> None:
    (database,) = (await walk("GET", branch + "/databases"))["databases"]
    name = {"db_name": database["name"]}
    assert "PostgreSQL database dump" in (await walk("GET", branch + "/schema", **name))["sql"]
    assert (await walk("GET", branch + "/schema", format="json", **name))["json"] == {"tables": []}
    assert (await walk("GET", branch + "/compare_schema", **name))["diff"] == ""
    message = await walk("GET", branch + "/schema", None, status=404, db_name="nowhere")
    assert "nowhere" in message["message"]


async def _read_history(walk: Walk, branch: str) -> None:
    window = await walk("GET", f"/warubi{branch}/window")
    child, root = (await walk("GET", f"/warubi{branch}/lineage"))["timelines"]
    assert (child["fork_xid"] or 0) > 0
    assert root["fork_lsn"] is None
    moment = await walk("GET", f"/warubi{branch}/moment", timestamp=window["to"])
    again = await walk("GET", f"/warubi{branch}/moment", lsn=moment["lsn"])
    assert again["lsn"] == moment["lsn"]
    span = {"from": window["from"], "to": window["to"]}
    activity = await walk("GET", f"/warubi{branch}/activity", **span, buckets="20")
    assert len(activity["buckets"]) == 20
    assert sum(bucket["commits"] for bucket in activity["buckets"]) > 0
    page = await walk("GET", f"/warubi{branch}/transactions", **span, limit="1")
    assert len(page["transactions"]) == 1


async def _restore_and_delete(walk: Walk, branch: str, main: str) -> None:
    body = {"source_branch_id": main, "preserve_under_name": "walk before"}
    restored = (await walk("POST", branch + "/restore", body))["branch"]
    assert branch.endswith(restored["id"])
    await walk("PATCH", branch, {"branch": {"name": "walk again", "expires_at": None}})
    await walk("POST", branch + "/set_as_default")
    await walk("DELETE", branch, status=422)
    await walk("POST", f"{walk.project}/branches/{main}/set_as_default")
    kept = (await walk("GET", walk.project + "/branches", search="walk before"))["branches"]
    await walk("DELETE", branch)
    listed = await walk("GET", walk.project + "/branches", include_deleted="true", search="walk again")
    assert [one["recovery"]["deletion_method"] for one in listed["branches"]] == ["user"]
    assert (await walk("POST", branch + "/recover"))["branch"]["name"] == "walk again"
    for path in (branch, f"{walk.project}/branches/{kept[0]['id']}"):
        await walk("DELETE", path, hard_delete="true")
        await walk("DELETE", path, status=204)
    first = await walk("GET", walk.project + "/operations", limit="1")
    second = await walk("GET", walk.project + "/operations", limit="1", **first["pagination"])
    assert first["operations"] != second["operations"]


async def _keep_and_bring_back(walk: Walk, main: str) -> None:
    wishes = {"name": "kept", "parent_id": main, "init_source": "schema-only"}
    body = {"branch": wishes, "endpoints": [{"type": "read_write"}]}
    kept = (await walk("POST", walk.project + "/branches", body, status=201))["branch"]["id"]
    branch = f"{walk.project}/branches/{kept}"
    taken = (await walk("POST", branch + "/snapshot", name="a", expires_at="2999-01-01T00:00:00Z"))[
        "snapshot"
    ]
    snapshot = f"{walk.project}/snapshots/{taken['id']}"
    renamed = (await walk("PATCH", snapshot, {"snapshot": {"name": "b"}}))["snapshot"]
    assert (await walk("GET", walk.project + "/snapshots"))["snapshots"] == [renamed]
    rules = [{"frequency": "weekly", "day": 7, "hour": 23, "retention_seconds": 86_400}]
    await walk("PUT", branch + "/backup_schedule", {"schedule": rules})
    restored = (await walk("POST", snapshot + "/restore", {"name": "look"}))["branch"]
    look = f"{walk.project}/branches/{restored['id']}"
    assert (await walk("GET", look))["branch"]["restore_status"] == "restored"
    await walk("POST", look + "/finalize_restore")
    finalized = (await walk("GET", look))["branch"]
    assert (finalized["name"], finalized["restored_as"]) == ("kept", kept)
    assert (await walk("GET", look + "/backup_schedule"))["schedule"] == rules
    await walk("DELETE", snapshot, status=202)
    await walk("DELETE", snapshot, status=404)
    for path in (look, branch):
        await walk("DELETE", path)
