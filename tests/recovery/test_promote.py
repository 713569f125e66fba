"""The three calls of rename and promote, one by one."""

from datetime import timedelta

import pytest

from tests.recovery.fake_neon import NOW, PROJECT, FakeNeon
from warubi_tui.errors import RefusedError, UnknownOutcomeError
from warubi_tui.neon.client import NeonClient
from warubi_tui.recovery.lookup import Patience
from warubi_tui.recovery.promote import CallResult, PromotePlan, make_call, plan_promote

ONCE = Patience(attempts=1, pause=timedelta(0))


async def planned(client: NeonClient) -> PromotePlan:
    project = await client.project(PROJECT)
    original, copy = await client.branch(PROJECT, "br-main"), await client.branch(PROJECT, "br-copy")
    return plan_promote(project, original, copy, now=NOW)


async def make(client: NeonClient, plan: PromotePlan, number: int, typed: str | None = None) -> CallResult:
    call = plan.calls[number]
    return await make_call(
        client, PROJECT, call, confirmation=call.before if typed is None else typed, patience=ONCE
    )


def neon_with_copy() -> FakeNeon:
    neon = FakeNeon()
    neon.add_branch("copy", parent_id="br-main")
    return neon


async def test_preview_names_the_calls_and_what_does_not_move() -> None:
    plan = await planned(neon_with_copy().client())
    text = "\n".join(plan.effects)
    assert "1. Rename main (br-main) to main_old_20261122T140758Z" in text
    assert "2. Rename copy (br-copy) to main" in text
    assert "3. Make br-copy the default branch" in text
    assert "the application has to be given the connection string" in text
    assert "Undo:" in text


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_call_that_is_done_already_is_not_sent(number: int) -> None:
    neon = neon_with_copy()
    client = neon.client()
    plan = await planned(client)
    for before in range(number + 1):
        assert (await make(client, plan, before)).sent
    sent = neon.sent("PATCH") + neon.sent("POST")
    again = await make(client, plan, number, typed="")
    assert not again.sent
    assert neon.sent("PATCH") + neon.sent("POST") == sent


@pytest.mark.parametrize("typed", ["", "Main", "main "])
async def test_call_needs_the_name_typed_exactly(typed: str) -> None:
    neon = neon_with_copy()
    client = neon.client()
    with pytest.raises(RefusedError, match="nothing was done"):
        await make(client, await planned(client), 0, typed)
    assert neon.sent("PATCH") == []


@pytest.mark.parametrize(
    ("number", "changes", "sent"),
    [
        (1, {}, True),
        (1, {"protected": True}, False),
        (1, {"default": True}, False),
        (2, {"name": "main"}, False),
    ],
    ids=["plain", "protected", "default", "set as default"],
)
async def test_only_the_name_of_a_plain_branch_changes_without_typing(
    number: int, changes: dict[str, object], sent: bool
) -> None:
    neon = neon_with_copy()
    client = neon.client()
    plan = await planned(client)
    neon.branches["br-copy"] |= changes
    if sent:
        assert (await make(client, plan, number, typed="")).sent
    else:
        with pytest.raises(RefusedError, match="Not confirmed"):
            await make(client, plan, number, typed="")
        assert neon.sent("PATCH") + neon.sent("POST") == []


async def test_branch_that_somebody_else_renamed_is_left_alone() -> None:
    neon = neon_with_copy()
    client = neon.client()
    plan = await planned(client)
    neon.branches["br-main"]["name"] = "theirs"
    with pytest.raises(RefusedError, match="now named theirs"):
        await make(client, plan, 0)
    assert neon.sent("PATCH") == []


@pytest.mark.parametrize("happens", [True, False])
async def test_lost_answer_is_looked_up(happens: bool) -> None:
    neon = neon_with_copy()
    client = neon.client()
    plan = await planned(client)
    neon.lose("PATCH", "br-main", happens=happens)
    if happens:
        assert (await make(client, plan, 0)).branch.name == plan.keep_as
    else:
        with pytest.raises(UnknownOutcomeError, match="Rename main to main_old"):
            await make(client, plan, 0)
    assert len(neon.sent("PATCH")) == 1


async def test_branch_cannot_take_its_own_place() -> None:
    client = FakeNeon().client()
    main = await client.branch(PROJECT, "br-main")
    with pytest.raises(RefusedError):
        plan_promote(await client.project(PROJECT), main, main, now=NOW)
