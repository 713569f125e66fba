import asyncio

import httpx
import pytest

from tests.history.past import MAIN, PROJECT
from tests.neon.wire import NOW, branch_json, client_of, refusal
from warubi_tui.errors import RefusedError
from warubi_tui.history.moment import RestorePoint
from warubi_tui.history.preview import preview

POINT = RestorePoint("-1h", NOW, None, None)


class Server:
    """Keeps a list of branches."""

    def __init__(self) -> None:
        self.branches = {"br-main-1": branch_json()}
        self.created: list[dict[str, object]] = []
        self.refuse_to_delete = False
        self.lose_the_answer = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            sent = httpx.Response(200, content=request.content).json()
            self.created.append(sent)
            self.branches["br-past-1"] = branch_json("br-past-1", sent["branch"]["name"])
            if self.lose_the_answer:
                return refusal(504, "timeout")
            return httpx.Response(201, json={"branch": self.branches["br-past-1"], "operations": []})
        if request.method == "DELETE":
            if self.refuse_to_delete:
                return refusal(422, "no")
            assert request.url.params.get("hard_delete") == "true"
            del self.branches[request.url.path.rpartition("/")[2]]
            return httpx.Response(204)
        branch = self.branches.get(request.url.path.rpartition("/")[2])
        every = list(self.branches.values())
        return httpx.Response(200, json={"branch": branch, "branches": every, "operations": []})


async def look(server: Server, notes: list[str], inside: Exception | None = None) -> None:
    client = client_of(server)
    async with preview(client, PROJECT, MAIN, POINT, now=NOW, notice=notes.append) as past:
        assert past.id == "br-past-1"
        assert "br-past-1" in server.branches
        if inside is not None:
            raise inside


async def test_it_is_made_with_a_compute_and_an_end_and_deleted() -> None:
    server, notes = Server(), list[str]()
    await look(server, notes)
    assert list(server.branches) == ["br-main-1"]
    assert notes == []
    (sent,) = server.created
    assert sent == {
        "branch": {
            "name": "main_preview_20261122T140000Z",
            "parent_id": "br-main-1",
            "parent_timestamp": "2026-11-22T14:00:00.000000Z",
            "expires_at": "2026-11-22T16:00:00.000000Z",
        },
        "endpoints": [{"type": "read_write"}],
    }


async def test_it_is_deleted_after_an_error() -> None:
    server = Server()
    with pytest.raises(ZeroDivisionError):
        await look(server, [], ZeroDivisionError())
    assert list(server.branches) == ["br-main-1"]


async def test_it_is_deleted_after_an_interruption() -> None:
    server, entered = Server(), asyncio.Event()

    async def work() -> None:
        async with preview(client_of(server), PROJECT, MAIN, POINT, now=NOW, notice=lambda _: None):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(server.branches) == ["br-main-1"]


async def test_it_is_found_again_and_deleted_when_the_answer_was_lost() -> None:
    server = Server()
    server.lose_the_answer = True
    await look(server, [])
    assert list(server.branches) == ["br-main-1"]
    assert len(server.created) == 1


async def test_what_could_not_be_deleted_is_named() -> None:
    server, notes = Server(), list[str]()
    server.refuse_to_delete = True
    await look(server, notes)
    assert "main_preview_20261122T140000Z" in notes[0]


async def test_the_error_inside_is_not_hidden_by_one_of_deleting() -> None:
    server = Server()
    server.refuse_to_delete = True
    with pytest.raises(RefusedError, match="inside"):
        await look(server, [], RefusedError("inside"))
