"""Planning and performing restores against a Neon in memory."""

from datetime import timedelta

import pytest

from tests.recovery.fake_neon import GOOD, NOW, PROJECT, FakeNeon
from warubi_tui.errors import RefusedError, UnknownOutcomeError, WarubiError
from warubi_tui.history.moment import RestorePoint, resolve_point
from warubi_tui.neon.client import NeonClient
from warubi_tui.neon.models import Branch, Project
from warubi_tui.recovery import restore
from warubi_tui.recovery.lookup import Patience
from warubi_tui.timefmt import local_zone

ONCE = Patience(attempts=1, pause=timedelta(0))
ZONE = local_zone()


async def main_of(client: NeonClient) -> tuple[Project, Branch, RestorePoint]:
    project, branch = await client.project(PROJECT), await client.branch(PROJECT, "br-main")
    point = await resolve_point(client, project, branch, "2026-11-22T14:05:03.5Z", now=NOW, zone=ZONE)
    return project, branch, point


async def copy_plan(client: NeonClient, name: str | None = None) -> restore.RestorePlan:
    project, branch, point = await main_of(client)
    return await restore.plan_copy(client, project, branch, point, name=name, now=NOW, zone=ZONE)


async def in_place_plan(client: NeonClient) -> restore.RestorePlan:
    project, branch, point = await main_of(client)
    return await restore.plan_in_place(client, project, branch, point, now=NOW, zone=ZONE)


async def test_preview_of_a_copy_states_everything_and_changes_nothing() -> None:
    neon = FakeNeon()
    plan = await copy_plan(neon.client())
    text = "\n".join(plan.effects)
    assert plan.name == "main_restored_20261122T140758Z"
    assert "2026-11-22 14:05:03.5" in text
    assert "UTC" not in text, "where the clocks show UTC it is said once"
    assert "Last commit included: 2026-11-22 14:05:03Z" in text
    assert "LSN 0/2000000" in text
    assert "First commit left out: 2026-11-22 14:05:04Z" in text
    assert "Kept: main is only read" in text
    assert f"Undo: delete the branch {plan.name}" in text
    assert plan.confirmation is None
    assert neon.sent("POST") == []


async def test_preview_in_place_names_what_is_overwritten_and_what_is_kept() -> None:
    neon = FakeNeon()
    plan = await in_place_plan(neon.client())
    text = "\n".join(plan.effects)
    assert "Overwrites: every database of main (br-main) in project shop" in text
    assert "under the name main_old_20261122T140758Z" in text
    assert "Undo: warubi restore main --in-place --from main_old_20261122T140758Z --confirm main" in text
    assert plan.confirmation == "main"


async def test_copy_is_made_once_and_waited_for() -> None:
    neon = FakeNeon()
    client = neon.client()
    seen: list[str] = []
    plan = await copy_plan(client, "rescue")
    result = await restore.perform(client, plan, progress=lambda ops: seen.extend(op.status for op in ops))
    assert result.branch.name == "rescue"
    assert result.branch.parent_lsn == GOOD[0]
    assert [operation.status for operation in result.operations] == ["finished", "finished"]
    assert seen[:2] == ["running", "running"]
    assert result.connection_uri is not None
    assert "pw" not in repr(result)
    assert result.kept_as is None
    assert len(neon.sent("POST")) == 1


@pytest.mark.parametrize("typed", [None, "", "Main", "main ", "main_old_20261122T140758Z"])
async def test_in_place_needs_the_name_typed_exactly(typed: str | None) -> None:
    neon = FakeNeon()
    client = neon.client()
    plan = await in_place_plan(client)
    with pytest.raises(RefusedError, match="nothing was done"):
        await restore.perform(client, plan, confirmation=typed)
    assert neon.sent("POST") == []


async def test_in_place_keeps_the_old_state_under_its_name() -> None:
    neon = FakeNeon()
    client = neon.client()
    result = await restore.perform(client, await in_place_plan(client), confirmation="main")
    assert result.branch.id == "br-main"
    assert result.kept_as is not None
    assert result.kept_as.name == "main_old_20261122T140758Z"
    assert neon.branches["br-main"]["restored_from"]["source_timestamp"] == "2026-11-22T14:05:03.500000Z"


async def test_lost_answer_of_a_create_is_looked_up_by_name() -> None:
    neon = FakeNeon()
    client = neon.client()
    neon.lose("POST", "/branches$", happens=True)
    result = await restore.perform(client, await copy_plan(client, "rescue"), patience=ONCE)
    assert result.branch.name == "rescue"
    assert [operation.action for operation in result.operations] == ["create_branch", "start_compute"]
    assert len(neon.sent("POST")) == 1


async def test_lost_answer_of_a_restore_is_looked_up_by_the_kept_name() -> None:
    neon = FakeNeon()
    client = neon.client()
    neon.lose("POST", "/restore$", happens=True)
    result = await restore.perform(client, await in_place_plan(client), confirmation="main", patience=ONCE)
    assert result.branch.id == "br-main"
    assert result.kept_as is not None
    assert len(neon.sent("POST")) == 1


async def test_lost_answer_of_a_restore_that_still_runs_is_waited_for() -> None:
    neon = FakeNeon(keeps_late=True)
    client = neon.client()
    neon.lose("POST", "/restore$", happens=True)
    result = await restore.perform(client, await in_place_plan(client), confirmation="main", patience=ONCE)
    assert result.kept_as is not None
    assert len(neon.sent("POST")) == 1


@pytest.mark.parametrize("path", ["/branches$", "/restore$"])
async def test_lost_answer_without_a_trace_is_unknown_and_never_sent_again(path: str) -> None:
    neon = FakeNeon()
    client = neon.client()
    plan = await (copy_plan(client) if path == "/branches$" else in_place_plan(client))
    neon.lose("POST", path, happens=False)
    with pytest.raises(UnknownOutcomeError, match="not known"):
        await restore.perform(client, plan, confirmation=plan.confirmation, patience=ONCE)
    with pytest.raises(UnknownOutcomeError):
        await restore.resume(client, plan, patience=ONCE)
    assert len(neon.sent("POST")) == 1


async def test_server_that_stays_away_after_a_lost_answer_is_unknown_too() -> None:
    neon = FakeNeon()
    client = neon.client()
    plan = await in_place_plan(client)
    neon.lose("POST", "/restore$", happens=True)

    def vanish(request: str) -> None:
        neon.down = not request.startswith("POST") and bool(neon.sent("POST"))

    neon.on_request = vanish
    with pytest.raises(UnknownOutcomeError):
        await restore.perform(client, plan, confirmation="main", patience=ONCE)
    neon.on_request = lambda _: None
    neon.down = False
    assert (await restore.resume(client, plan, patience=ONCE)).kept_as is not None
    assert len(neon.sent("POST")) == 1


async def test_resume_finds_what_another_process_sent() -> None:
    neon = FakeNeon()
    client = neon.client()
    plan = await copy_plan(client, "rescue")
    await restore.perform(client, plan)
    result = await restore.resume(neon.client(), plan, patience=ONCE)
    assert result.branch.name == "rescue"
    assert len(neon.sent("POST")) == 1


@pytest.mark.parametrize("ending", ["failed", "error", "cancelled"])
async def test_failed_operation_is_named_with_its_reason(ending: str) -> None:
    neon = FakeNeon(endings={"start_compute": ending})
    client = neon.client()
    with pytest.raises(WarubiError, match="start_compute") as caught:
        await restore.perform(client, await copy_plan(client))
    assert "the disk is full" in str(caught.value)
    assert not isinstance(caught.value, UnknownOutcomeError)


async def test_failed_operation_after_a_lost_answer_is_a_failure() -> None:
    neon = FakeNeon(endings={"create_timeline": "failed"})
    client = neon.client()
    neon.lose("POST", "/restore$", happens=True)
    with pytest.raises(WarubiError, match="create_timeline"):
        await restore.perform(client, await in_place_plan(client), confirmation="main", patience=ONCE)


async def test_losing_sight_of_an_accepted_restore_is_unknown_not_refused() -> None:
    neon = FakeNeon()
    client = neon.client()
    plan = await in_place_plan(client)

    def cut(_: object) -> None:
        neon.down = True

    with pytest.raises(UnknownOutcomeError, match="end was not seen"):
        await restore.perform(client, plan, confirmation="main", progress=cut)
    neon.down = False
    result = await restore.resume(client, plan, patience=ONCE)
    assert result.kept_as is not None
    assert len(neon.sent("POST")) == 1


@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"last_reset_at": "2026-11-22T14:06:00Z"}], ids=["renamed", "restored"]
)
async def test_branch_that_changed_since_the_plan_is_not_touched(change: dict[str, object]) -> None:
    neon = FakeNeon()
    client = neon.client()
    plan = await in_place_plan(client)
    neon.branches["br-main"] |= change
    with pytest.raises(RefusedError, match="changed since"):
        await restore.perform(client, plan, confirmation="main")
    assert neon.sent("POST") == []


async def test_name_taken_meanwhile_is_refused() -> None:
    neon = FakeNeon()
    client = neon.client()
    plan = await copy_plan(client, "rescue")
    neon.add_branch("rescue")
    with pytest.raises(RefusedError, match="already a branch named rescue"):
        await restore.perform(client, plan)
    assert neon.sent("POST") == []


@pytest.mark.parametrize("name", ["main", "", "  ", "x" * 257, "a\u202eb", "a\nb"])
async def test_names_that_cannot_be_found_again_are_refused(name: str) -> None:
    with pytest.raises(RefusedError):
        await copy_plan(FakeNeon().client(), name)


async def test_server_that_forbids_restoring_is_quoted() -> None:
    neon = FakeNeon()
    neon.branches["br-main"]["restricted_actions"] = [
        {"name": "restore", "reason": "snapshot \x1b[31mongoing"}
    ]
    with pytest.raises(RefusedError) as caught:
        await in_place_plan(neon.client())
    assert "snapshot" in str(caught.value)
    assert "\x1b" not in str(caught.value)


async def test_restore_is_undone_from_the_kept_branch() -> None:
    neon = FakeNeon()
    client = neon.client()
    first = await restore.perform(client, await in_place_plan(client), confirmation="main")
    assert first.kept_as is not None
    project = await client.project(PROJECT)
    plan = await restore.plan_from(
        client, project, first.branch, first.kept_as, now=NOW + timedelta(minutes=1), zone=ZONE
    )
    await restore.perform(client, plan, confirmation="main")
    sent = neon.branches["br-main"]["restored_from"]
    assert sent["source_branch_id"] == first.kept_as.id
    assert "source_timestamp" not in sent
    assert sent["preserve_under_name"] == "main_old_20261122T140858Z"
