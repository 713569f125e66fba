from collections.abc import Callable, Coroutine

import httpx
import pytest

from tests.neon.wire import NOW, PROJECT_ID, Naps, branch_json, client_of, operation_json, refusal
from warubi_tui.errors import RefusedError, UnknownOutcomeError, WarubiError
from warubi_tui.neon.changes import BranchChanges, LookUp
from warubi_tui.neon.models import Branch

LOST = httpx.ReadError("reset")
MAIN = Branch.from_json(branch_json())


class Server:
    """One project; a change may get lost before it is done (`deaf`) or after (`mute`)."""

    def __init__(self, trouble: str = "none", seen_after: int = 0) -> None:
        self.branches = {"br-main-1": branch_json()}
        self.trouble = trouble
        self.seen_after = seen_after
        self.changes: list[str] = []
        self.operation = operation_json("op-1", "finished")

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(f"/api/v2/projects/{PROJECT_ID}")
        if request.method != "GET":
            return self.change(request, path)
        if path.startswith("/operations/"):
            return httpx.Response(200, json={"operation": self.operation})
        if path == "/operations":
            return httpx.Response(200, json={"operations": [self.operation]})
        if self.changes and self.seen_after > 0:
            self.seen_after -= 1
            return httpx.Response(200, json={"branches": [], "branch": branch_json()})
        if path == "/branches":
            return httpx.Response(200, json={"branches": list(self.branches.values())})
        found = self.branches.get(path.removeprefix("/branches/"))
        return httpx.Response(200, json={"branch": found}) if found else refusal(404, "no such branch")

    def change(self, request: httpx.Request, path: str) -> httpx.Response:
        self.changes.append(f"{request.method} {path}")
        if self.trouble == "deaf":
            raise LOST
        key = path.removeprefix("/branches").strip("/").removesuffix("/set_as_default") or "br-new-1"
        before = self.branches.get(key)
        after = self.apply(request, key)
        if self.trouble == "mute":
            raise LOST
        body = {"branch": after or before, "operations": [self.operation]}
        return httpx.Response(200, json=body)

    def apply(self, request: httpx.Request, key: str) -> dict[str, object] | None:
        if request.method == "DELETE":
            del self.branches[key]
            return None
        sent = httpx.Response(200, content=request.content).json()["branch"] if request.content else {}
        sent = sent if request.content else {"default": True}
        self.branches[key] = {**self.branches.get(key, branch_json(key)), **sent}
        return self.branches[key]


def changes_of(server: Server) -> BranchChanges:
    return BranchChanges(client_of(server), PROJECT_ID, look_up=LookUp(sleep=Naps()))


Change = Callable[[BranchChanges], Coroutine[object, object, Branch | None]]
EVERY: list[Change] = [
    lambda changes: changes.create("new", parent_id="br-main-1"),
    lambda changes: changes.rename(MAIN, "new"),
    lambda changes: changes.protect(MAIN, True),
    lambda changes: changes.set_default(MAIN),
    lambda changes: changes.delete(MAIN),
]


@pytest.mark.parametrize("change", EVERY)
async def test_every_change_is_sent_once_and_seen(change: Change) -> None:
    server = Server()
    branch = await change(changes_of(server))
    assert len(server.changes) == 1
    if branch is not None:
        assert "new" in branch.name or branch.protected or branch.default
    else:
        assert server.branches == {}


@pytest.mark.parametrize("change", EVERY)
@pytest.mark.parametrize("seen_after", [0, 3])
async def test_a_lost_answer_is_looked_up(change: Change, seen_after: int) -> None:
    server = Server("mute", seen_after)
    branch = await change(changes_of(server))
    assert len(server.changes) == 1
    assert branch is None or branch.name == "new" or branch.protected or branch.default


@pytest.mark.parametrize("change", EVERY)
async def test_a_change_that_is_not_seen_stays_unknown_and_is_not_sent_again(change: Change) -> None:
    server = Server("deaf")
    with pytest.raises(UnknownOutcomeError):
        await change(changes_of(server))
    assert len(server.changes) == 1


@pytest.mark.parametrize("change", EVERY[:4])
@pytest.mark.parametrize("trouble", ["none", "mute"])
async def test_an_operation_that_failed_is_a_failure(change: Change, trouble: str) -> None:
    server = Server(trouble)
    target = "br-new-1" if change is EVERY[0] else "br-main-1"
    server.operation = operation_json("op-1", "failed", error="no space", branch_id=target)
    with pytest.raises(WarubiError, match="no space"):
        await change(changes_of(server))


@pytest.mark.parametrize("name", ["main", "taken"])
async def test_a_name_is_given_once(name: str) -> None:
    server = Server()
    server.branches["br-2"] = branch_json("br-2", "taken")
    with pytest.raises(RefusedError):
        await changes_of(server).create(name, parent_id="br-main-1", at=NOW)
    with pytest.raises(RefusedError):
        await changes_of(server).rename(Branch.from_json(branch_json("br-3", "other")), name)
    assert server.changes == []
