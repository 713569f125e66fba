"""Walking the scenarios, against a Neon in memory and an inspector that finds what it is told to."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from tests.recovery.fake_inspector import FakeInspector
from tests.recovery.fake_neon import GOOD, HOST, NOW, PROJECT, FakeNeon
from warubi_tui.errors import RefusedError, UnknownOutcomeError, UsageError, WarubiError
from warubi_tui.recovery.guide import Guide
from warubi_tui.recovery.incident import Incident, StepRecord
from warubi_tui.recovery.incident_store import IncidentStore
from warubi_tui.recovery.inspector import Comparison, TableDifference, TableProof
from warubi_tui.recovery.lookup import Patience
from warubi_tui.recovery.scenarios import SCENARIOS, scenario
from warubi_tui.recovery.steps import CHANGING, KINDS

ANSWERS: Final = {
    "describe": "somebody ran DELETE without WHERE",
    "freeze": "Ada stopped the deploys",
    "moment": "2026-11-22T14:05:03.5Z",
    "copy": "rescue",
    "choose": "in_place",
    "replit": "checkpoint 4711, rolled back by Ada",
    "close": "the shop sells again",
}


@dataclass
class Walk:
    """A guide and everything around it; `again` is what a new process would see."""

    folder: Path
    scenario: str = "deletion"
    neon: FakeNeon = field(default_factory=FakeNeon)
    inspector: FakeInspector = field(default_factory=FakeInspector)

    def __post_init__(self) -> None:
        incident = Incident.begin(
            self.scenario, host=HOST, project_id=PROJECT, branch_id="br-main", branch_name="main", now=NOW
        )
        self.store = IncidentStore(self.folder)
        self.store.save(incident)
        self.guide = self._guide(incident)

    def _guide(self, incident: Incident) -> Guide:
        return Guide(
            incident,
            scenario(incident.scenario),
            client=self.neon.client(),
            inspector=self.inspector,
            store=self.store,
            host=HOST,
            clock=lambda: NOW,
            zone=ZoneInfo("Europe/Berlin"),
            patience=Patience(attempts=1, pause=timedelta(0)),
        )

    def again(self) -> Guide:
        self.guide = self._guide(self.store.load(self.guide.incident.id))
        return self.guide

    async def step(self, answer: str | None = None, typed: str | None = None) -> StepRecord:
        """Does the current step; types the confirmation it asks for unless another one is given."""
        current = self.guide.current
        assert current is not None
        prepared = await self.guide.prepare(ANSWERS.get(current.key, "") if answer is None else answer)
        confirmation = prepared.confirmation if typed is None else typed
        return await self.guide.run(prepared, confirmation, lambda _: None)

    async def until(self, key: str, **answers: str) -> None:
        """Does every step before `key`."""
        while self.guide.current is not None and self.guide.current.key != key:
            await self.step(answers.get(self.guide.current.key))
        assert self.guide.current is not None

    def states(self) -> dict[str, str]:
        return {step.key: self.guide.record(step).state for step in self.guide.steps}


@pytest.mark.parametrize("key", [one.key for one in SCENARIOS])
@pytest.mark.parametrize("way", ["in_place", "promote", "keep"])
async def test_every_way_through_every_scenario_reaches_its_end(tmp_path: Path, key: str, way: str) -> None:
    walk = Walk(tmp_path, key)
    while walk.guide.current is not None:
        before = walk.guide.current.key
        await walk.step(way if before == "choose" else None)
        walk.again()
        assert walk.guide.record(walk.guide.scenario.step(before)).state == "done"
    assert walk.guide.incident.closed_at == NOW
    changes = [request.split("/")[-1] for request in walk.neon.sent("POST") + walk.neon.sent("PATCH")]
    assert (
        changes
        == {
            "in_place": ["branches", "restore"],
            "promote": ["branches", "set_as_default", "br-main", "br-rescue"],
            "keep": ["branches"],
        }[way]
    )
    asked = {question.split()[0] for question in walk.inspector.asked}
    assert ("prove" in asked) == (way == "in_place")
    assert ("integrity" in asked) == (key == "corruption")


async def test_after_the_promotion_the_copy_has_the_name_and_is_the_default(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("close", choose="promote")
    assert walk.neon.branches["br-rescue"]["name"] == "main"
    assert walk.neon.branches["br-rescue"]["default"] is True
    assert walk.neon.branches["br-main"]["name"] == "main_old_20261122T140758Z"


async def test_branch_that_was_not_the_default_is_not_made_so(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.neon.branches["br-main"]["default"] = False
    walk.neon.add_branch("other", default=True)
    await walk.until("close", choose="promote")
    assert walk.neon.branches["br-other"]["default"] is True
    assert walk.neon.branches["br-rescue"]["name"] == "main"


async def test_restore_in_place_goes_to_the_exact_lsn_of_the_copy(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("prove")
    sent = walk.neon.branches["br-main"]["restored_from"]
    assert sent["source_lsn"] == str(GOOD[0])
    assert "source_timestamp" not in sent


async def test_steps_of_a_way_appear_only_when_it_was_chosen(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    assert "in_place" not in walk.states()
    await walk.until("choose")
    await walk.step("promote")
    assert list(walk.states())[5:] == ["rename_original", "rename_copy", "set_default", "prove", "close"]


async def test_moment_shows_the_commits_on_both_sides(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.step()
    record = await walk.step("15:05:03.5")
    evidence = " ".join(check.evidence for check in record.checks)
    assert "2026-11-22 14:05:03.5" in evidence
    assert "15:05:03.5" in evidence
    assert "last commit included: 2026-11-22 14:05:03Z" in evidence
    assert "first commit left out: 2026-11-22 14:05:04Z" in evidence


async def test_moment_leaves_the_window_when_it_is_as_old_as_what_is_retained(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.step()
    record = await walk.step("-90m")
    leaving = next(check for check in record.checks if check.name == "Leaves the window")
    assert (leaving.state, leaving.evidence) == ("pass", "in 22 h 30 min, unless a copy is made before")


async def test_on_neon_the_commits_are_unknown_and_the_way_goes_on(tmp_path: Path) -> None:
    walk = Walk(tmp_path, neon=FakeNeon(knows_moments=False))
    await walk.until("copy")
    states = {check.name: check.state for check in walk.guide.record(walk.guide.steps[1]).checks}
    assert states["Commits around it"] == "unknown"
    await walk.step()
    assert walk.guide.current is not None
    assert walk.guide.current.key == "compare"


@pytest.mark.parametrize(
    ("answer", "error"), [("", UsageError), ("yesteryear", UsageError), ("-3d", RefusedError)]
)
async def test_moment_that_cannot_be_reached_leaves_the_step_to_do(
    tmp_path: Path, answer: str, error: type[WarubiError]
) -> None:
    walk = Walk(tmp_path)
    await walk.step()
    with pytest.raises(error):
        await walk.step(answer)
    assert walk.states()["moment"] == "todo"


async def test_call_is_on_disk_before_it_is_sent(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("copy")
    prepared = await walk.guide.prepare("rescue")
    on_disk: list[StepRecord] = []

    def look(request: str) -> None:
        if request.startswith("POST"):
            on_disk.append(IncidentStore(tmp_path).load(walk.guide.incident.id).records["copy"])

    walk.neon.on_request = look
    await walk.guide.run(prepared, None, lambda _: None)
    assert [(record.state, record.facts) for record in on_disk] == [("running", {"copy_name": "rescue"})]


async def test_record_that_cannot_be_written_stops_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(tmp_path)
    await walk.until("copy")
    prepared = await walk.guide.prepare("rescue")

    def full(_: object) -> None:
        raise WarubiError("The incident cannot be saved, so nothing is done")

    monkeypatch.setattr(walk.store, "save", full)
    with pytest.raises(WarubiError, match="nothing is done"):
        await walk.guide.run(prepared, None, lambda _: None)
    assert walk.neon.sent("POST") == []


@pytest.mark.parametrize("happens", [True, False])
async def test_lost_answer_is_looked_up_by_a_new_process_and_never_sent_again(
    tmp_path: Path, happens: bool
) -> None:
    walk = Walk(tmp_path)
    await walk.until("in_place")
    walk.neon.lose("POST", "/restore$", happens=False)
    with pytest.raises(UnknownOutcomeError):
        await walk.step()
    guide = walk.again()
    assert walk.states()["in_place"] == "unknown"
    with pytest.raises(RefusedError, match="not sent again"):
        await guide.prepare("")
    if happens:
        walk.neon.add_branch("main_old_20261122T140758Z")
        await guide.look_up(lambda _: None)
        assert walk.states()["in_place"] == "done"
    else:
        with pytest.raises(UnknownOutcomeError):
            await guide.look_up(lambda _: None)
        assert walk.states()["in_place"] == "unknown"
    assert sum("/restore" in request for request in walk.neon.sent("POST")) == 1


async def test_process_that_died_in_the_middle_is_taken_up(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("copy")
    prepared = await walk.guide.prepare("rescue")

    def die(_: str) -> None:
        task.cancel()

    task = asyncio.ensure_future(walk.guide.run(prepared, None, die))
    with pytest.raises(asyncio.CancelledError):
        await task
    guide = walk.again()
    assert walk.states()["copy"] == "unknown"
    record = await guide.look_up(lambda _: None)
    assert record.state == "done"
    assert record.facts["copy_id"] == "br-rescue"
    assert len(walk.neon.sent("POST")) == 1


@pytest.mark.parametrize(
    ("lost", "path"),
    [("rename_original", "br-main$"), ("rename_copy", "br-rescue$"), ("set_default", "default$")],
)
async def test_every_call_of_a_promotion_is_looked_up(tmp_path: Path, lost: str, path: str) -> None:
    walk = Walk(tmp_path)
    await walk.until(lost, choose="promote")
    walk.neon.lose("PATCH" if lost.startswith("rename") else "POST", path, happens=True)
    assert (await walk.step()).state == "done"
    calls = walk.neon.sent("PATCH") + walk.neon.sent("POST")
    await walk.until("close")
    assert walk.neon.branches["br-rescue"]["name"] == "main"
    assert len([call for call in calls if call.endswith(path.rstrip("$"))]) == 1


async def test_looking_up_forgets_nothing_when_the_server_is_away(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("copy")
    walk.neon.lose("POST", "/branches$", happens=False)
    with pytest.raises(UnknownOutcomeError):
        await walk.step()
    guide = walk.again()
    walk.neon.on_request = lambda request: setattr(walk.neon, "down", request.endswith("/branches"))
    with pytest.raises(UnknownOutcomeError):
        await guide.look_up(lambda _: None)
    assert walk.states()["copy"] == "unknown"
    assert walk.again().can_look_up(guide.scenario.step("copy"))


async def test_copy_is_looked_up_after_its_moment_has_left_the_window(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("copy")
    walk.neon.lose("POST", "/branches$", happens=False)
    with pytest.raises(UnknownOutcomeError):
        await walk.step()
    walk.neon.add_branch("rescue", parent_id="br-main", parent_lsn=str(GOOD[0]))
    walk.neon.window_start = NOW
    assert (await walk.again().look_up(lambda _: None)).state == "done"


async def test_call_that_did_not_happen_can_be_given_up_with_a_reason(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("in_place")
    walk.neon.lose("POST", "/restore$", happens=False)
    with pytest.raises(UnknownOutcomeError):
        await walk.step()
    with pytest.raises(UsageError):
        await walk.guide.give_up("  ")
    await walk.guide.give_up("looked an hour later, no such branch")
    assert walk.states()["in_place"] == "todo"
    assert any("an hour later" in entry.text for entry in walk.again().incident.log)
    assert (await walk.step()).state == "done"


@pytest.mark.parametrize("typed", ["", "Main", "main "])
async def test_wrong_confirmation_sends_nothing(tmp_path: Path, typed: str) -> None:
    walk = Walk(tmp_path)
    await walk.until("in_place")
    with pytest.raises(RefusedError, match="nothing was done"):
        await walk.step(typed=typed)
    assert walk.states()["in_place"] == "todo"
    assert not any("/restore" in request for request in walk.neon.sent("POST"))


async def test_failed_operation_fails_the_step_and_it_can_be_done_again(tmp_path: Path) -> None:
    walk = Walk(tmp_path, neon=FakeNeon(endings={"create_branch": "failed"}))
    await walk.until("copy")
    with pytest.raises(WarubiError):
        await walk.step()
    record = walk.again().record(walk.guide.scenario.step("copy"))
    assert record.state == "failed"
    assert "the disk is full" in record.problem
    walk.neon.endings.clear()
    assert (await walk.step("rescue2")).state == "done"


async def test_check_that_could_not_run_is_unknown_and_holds_the_way(tmp_path: Path) -> None:
    walk = Walk(tmp_path, inspector=FakeInspector(unreachable=True))
    await walk.until("copy")
    record = await walk.step()
    assert {check.name: check.state for check in record.checks}["Connection"] == "unknown"
    assert record.state == "held"
    with pytest.raises(RefusedError):
        await walk.guide.prepare("another")
    walk.inspector.unreachable = False
    assert (await walk.guide.look_up(lambda _: None)).state == "done"
    assert len(walk.neon.sent("POST")) == 1


async def test_held_check_is_accepted_with_a_reason_that_stays(tmp_path: Path) -> None:
    walk = Walk(tmp_path, "corruption", inspector=FakeInspector(rows="fail"))
    await walk.until("verify_copy")
    assert walk.states()["classify"] == "done"
    assert (await walk.step()).state == "held"
    with pytest.raises(UsageError):
        await walk.guide.accept("")
    await walk.guide.accept("that table is a cache")
    assert walk.again().current == walk.guide.scenario.step("compare")
    record = walk.guide.record(walk.guide.scenario.step("verify_copy"))
    assert record.checks[0].state == "fail"
    assert record.checks[-1].evidence == "that table is a cache"


async def test_tables_not_compared_hold_the_way(tmp_path: Path) -> None:
    skipped = Comparison((TableDifference("shop", "public.orders", 0, 0, 0, "no permission"),), ())
    walk = Walk(tmp_path, inspector=FakeInspector(comparison=skipped))
    await walk.until("compare")
    record = await walk.step()
    assert record.state == "held"
    states = {check.name: check.state for check in record.checks}
    assert states["Table shop: public.orders"] == "unknown"


async def test_schema_changes_are_counted_above_the_tables(tmp_path: Path) -> None:
    tables = tuple(TableDifference("shop", f"public.t{number}", 1, 0, 0) for number in range(30))
    found = Comparison(tables, ("orders.note is gone", "lines is gone"))
    walk = Walk(tmp_path, inspector=FakeInspector(comparison=found))
    await walk.until("compare")
    first = (await walk.step()).checks[0]
    assert "30 rows removed" in first.evidence
    assert "2 schema changes" in first.evidence


async def test_what_was_left_out_holds_the_way(tmp_path: Path) -> None:
    found = Comparison((), (), ("shop: public.orders.note: no permission",))
    walk = Walk(tmp_path, inspector=FakeInspector(comparison=found))
    await walk.until("compare")
    record = await walk.step()
    assert record.state == "held"
    checks = {check.name: check for check in record.checks}
    assert checks["In short"].state == checks["Left out"].state == "unknown"
    assert "orders.note: no permission" in checks["Left out"].evidence
    assert "Schema" not in checks


async def test_of_many_schema_changes_the_first_are_told(tmp_path: Path) -> None:
    found = Comparison((), tuple(f"index i{number} is gone" for number in range(30)))
    walk = Walk(tmp_path, inspector=FakeInspector(comparison=found))
    await walk.until("compare")
    checks = {check.name: check for check in (await walk.step()).checks}
    assert checks["Schema"].evidence.startswith("30 schema changes: index i0 is gone;")
    assert checks["Schema"].evidence.endswith("index i19 is gone; and 10 more")


async def test_no_difference_at_all_is_pointed_out(tmp_path: Path) -> None:
    walk = Walk(tmp_path, inspector=FakeInspector(comparison=Comparison((), ())))
    await walk.until("compare")
    states = {check.name: check.state for check in (await walk.step()).checks}
    assert states["Something differs"] == "warn"


UNREAD: Final = [TableProof("shop", "public.orders", None, None, "no permission")]
UNEQUAL: Final = [TableProof("shop", "public.orders", False, 120)]
EQUAL: Final = [TableProof("shop", "public.orders", True, 120)]


@pytest.mark.parametrize(
    ("at_restore", "state", "digests"),
    [
        (EQUAL, "done", "pass"),
        (UNEQUAL, "held", "fail"),
        (UNREAD, "held", "unknown"),
        ([], "held", "unknown"),
        (RefusedError("The console is read-only"), "held", "unknown"),
    ],
    ids=["equal", "unequal", "unread", "no tables", "refused"],
)
async def test_result_is_judged_by_its_state_when_the_restore_ended(
    tmp_path: Path, at_restore: list[TableProof] | WarubiError, state: str, digests: str
) -> None:
    walk = Walk(tmp_path, inspector=FakeInspector(proofs=UNEQUAL, at_restore=at_restore))
    await walk.until("prove")
    record = await walk.step()
    assert record.state == state
    assert {check.name: check.state for check in record.checks}["Digests"] == digests
    looked = [question for question in walk.inspector.asked if question.startswith("prove")]
    assert looked == ["prove br-rescue br-main", f"prove br-rescue br-main at {NOW.isoformat()}"]


async def test_quiet_branch_is_proven_without_a_look_into_its_past(tmp_path: Path) -> None:
    walk = Walk(tmp_path, inspector=FakeInspector(proofs=EQUAL))
    await walk.until("prove")
    assert (await walk.step()).state == "done"
    assert [question for question in walk.inspector.asked if question.startswith("prove")] == [
        "prove br-rescue br-main"
    ]


async def test_result_cannot_be_proven_when_nobody_says_when_the_restore_ended(tmp_path: Path) -> None:
    walk = Walk(tmp_path, inspector=FakeInspector(proofs=UNEQUAL, at_restore=EQUAL))
    await walk.until("prove")
    del walk.neon.branches["br-main"]["last_reset_at"]
    record = await walk.step()
    assert record.state == "held"
    assert {check.name: check.state for check in record.checks}["Digests"] == "unknown"


async def test_persons_word_is_recorded_as_such(tmp_path: Path) -> None:
    walk = Walk(tmp_path, "migration")
    await walk.until("prove")
    record = walk.guide.record(walk.guide.scenario.step("replit"))
    assert record.checks[0].state == "unknown"
    assert "a person's word, not checked by warubi: checkpoint 4711" in record.checks[0].evidence


async def test_undo_of_a_restore_brings_the_kept_state_back(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("close")
    kept = walk.neon.named("main_old_20261122T140758Z")
    assert kept is not None
    kept["name"] = "main_old_1"
    prepared = await walk.guide.prepare_undo()
    assert prepared.confirmation == "main"
    with pytest.raises(RefusedError):
        await walk.guide.undo(prepared, "no", lambda _: None)
    await walk.guide.undo(prepared, "main", lambda _: None)
    assert walk.neon.branches["br-main"]["restored_from"]["source_branch_id"] == kept["id"]
    assert walk.again().current == walk.guide.scenario.step("in_place")


async def test_promotion_is_undone_backwards(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("close", choose="promote")
    for expected in ("set_default", "rename_copy", "rename_original"):
        prepared = await walk.guide.prepare_undo()
        assert prepared.step.key == expected
        await walk.guide.undo(prepared, prepared.confirmation, lambda _: None)
    assert walk.neon.branches["br-main"]["name"] == "main"
    assert walk.neon.branches["br-main"]["default"] is True
    assert walk.neon.branches["br-rescue"]["name"] == "rescue"
    with pytest.raises(RefusedError, match="nothing to undo"):
        await walk.guide.prepare_undo()


async def test_going_back_forgets_later_steps_but_not_the_log(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("choose")
    await walk.guide.go_back("moment")
    assert list(walk.again().incident.records) == ["describe"]
    assert any("br-rescue" in entry.text for entry in walk.guide.incident.log)
    await walk.step()
    assert (await walk.step("rescue2")).facts["copy_name"] == "rescue2"


async def test_no_going_back_over_a_changed_branch(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("prove")
    with pytest.raises(RefusedError, match="First undo: Restore in place"):
        await walk.guide.go_back("moment")
    await walk.guide.go_back("prove")


async def test_step_is_not_done_twice_at_once(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("copy")
    prepared = await walk.guide.prepare("rescue")
    results = await asyncio.gather(
        walk.guide.run(prepared, None, lambda _: None),
        walk.guide.run(prepared, None, lambda _: None),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [StepRecord, RefusedError]
    assert len(walk.neon.sent("POST")) == 1


async def test_two_consoles_notice_each_other(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    await walk.until("copy")
    first, second = walk.guide, walk.again()
    prepared = await second.prepare("rescue")
    stale = await first.prepare("rescue")
    await second.run(prepared, None, lambda _: None)
    with pytest.raises(RefusedError, match="Another console"):
        await first.run(stale, None, lambda _: None)
    assert len(walk.neon.sent("POST")) == 1


async def test_incident_of_another_server_is_not_taken_up(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.guide.incident.host = "https://elsewhere.test/api/v2"
    with pytest.raises(RefusedError, match="another server"):
        walk._guide(walk.guide.incident)


def test_scenarios_are_sound() -> None:
    for one in SCENARIOS:
        keys = [step.key for step in one.steps]
        assert len(keys) == len(set(keys))
        assert set(CHANGING) <= set(KINDS)
        for step in one.steps:
            assert step.kind in KINDS
            assert step.ask
            assert step.safe
            assert step.undo
            assert (step.kind == "choose") == bool(step.options)
            if step.only_if is not None:
                earlier, answers = step.only_if
                assert keys.index(earlier) < keys.index(step.key)
                assert set(answers) <= {option.value for option in one.step(earlier).options}
