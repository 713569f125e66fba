from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.neon.wire import PROJECT_ID, Naps, operation_json
from warubi_tui.errors import UnreachableError, WarubiError
from warubi_tui.neon.models import Operation
from warubi_tui.neon.operations import wait


def operation(identity: str, status: str, **more: object) -> Operation:
    return Operation.from_json(operation_json(identity, status, **more))


class Polls:
    """Answers each operation's statuses one after the other; the last one for ever."""

    def __init__(self, **statuses: list[str]) -> None:
        self.left = statuses
        self.asked: list[str] = []

    async def operation(self, project_id: str, operation_id: str) -> Operation:
        assert project_id == PROJECT_ID
        self.asked.append(operation_id)
        left = self.left[operation_id]
        return operation(operation_id, left.pop(0) if len(left) > 1 else left[0], error="disk full")


async def test_returns_the_last_states_in_order() -> None:
    polls = Polls(a=["running", "finished"], b=["finished"])
    ended = await wait(
        polls, PROJECT_ID, [operation("a", "scheduling"), operation("b", "running")], sleep=Naps()
    )
    assert [(one.id, one.status) for one in ended] == [("a", "finished"), ("b", "finished")]
    assert polls.asked == ["a", "b", "a"]


async def test_nothing_to_wait_for_is_not_asked_for() -> None:
    naps = Naps()
    assert await wait(Polls(), PROJECT_ID, [], sleep=naps) == []
    assert await wait(Polls(), PROJECT_ID, [operation("a", "skipped")], sleep=naps)
    assert naps.taken == []


async def test_tells_every_round() -> None:
    seen: list[list[str]] = []

    def note(operations: Sequence[Operation]) -> None:
        seen.append([one.status for one in operations])

    polls = Polls(a=["running", "finished"])
    await wait(polls, PROJECT_ID, [operation("a", "scheduling")], progress=note, sleep=Naps())
    assert seen == [["scheduling"], ["running"], ["finished"]]


@pytest.mark.parametrize("status", ["failed", "error", "cancelled"])
async def test_a_failure_names_the_operation_and_the_servers_reason(status: str) -> None:
    operations = [operation("a", "running"), operation("b", "running", action="start_compute")]
    with pytest.raises(WarubiError) as caught:
        await wait(Polls(a=["finished"], b=[status]), PROJECT_ID, operations, sleep=Naps())
    assert "disk full" in caught.value.detail
    assert "Operation b" in caught.value.detail
    assert not isinstance(caught.value, UnreachableError)


async def test_a_failure_is_told_while_others_still_run() -> None:
    operations = [operation("a", "running"), operation("b", "failed", error="no space")]
    with pytest.raises(WarubiError, match="no space"):
        await wait(Polls(), PROJECT_ID, operations, sleep=Naps())


@pytest.mark.parametrize("status", ["running", "hovering"])
async def test_what_does_not_end_is_no_success(status: str) -> None:
    naps = Naps()
    with pytest.raises(UnreachableError, match="within 30 s"):
        await wait(
            Polls(a=[status]), PROJECT_ID, [operation("a", status)], budget=timedelta(seconds=30), sleep=naps
        )
    assert 30 <= sum(naps.taken) < 32
