"""Rules: what may be named, made default, protected and deleted, and what has to wait."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.lab import Lab, assert_rows_match_files, servers_below
from warubi_tui.engine.building import Build
from warubi_tui.engine.computes import ComputeWish
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.jobs import Claim
from warubi_tui.engine.store import BranchRow


@contextmanager
def refused(status: int, *words: str) -> Iterator[None]:
    """The block is refused with this status and a sentence with these words."""
    with pytest.raises(ApiError) as refusal:
        yield
    assert refusal.value.status == status
    for word in words:
        assert word in refusal.value.message


@pytest.fixture(scope="module")
def dev(lab: Lab) -> BranchRow:
    """A child of main with a compute."""
    return lab.create(lab.main, name="dev", compute=True)


class Gate:
    """Holds every materialization of the engine until it is opened."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        real = lab.engine.materialize

        def hold(build: Build) -> None:
            assert self._open.wait(60)
            real(build)

        monkeypatch.setattr(lab.engine, "materialize", hold)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(lab, monkeypatch)
    yield gate
    gate.open()


def test_a_rename_changes_the_name_and_nothing_else(lab: Lab, dev: BranchRow) -> None:
    uri = lab.uri(dev)
    renamed, operations = lab.engine.change_branch(dev.id, {"name": 'new "name"; [b]'})
    assert (renamed.name, renamed.id, operations) == ('new "name"; [b]', dev.id, [])
    assert lab.uri(renamed) == uri
    with refused(409, "main"):
        lab.engine.change_branch(dev.id, {"name": "main"})
    lab.engine.change_branch(dev.id, {"name": "dev"})
    with refused(404, "br-nobody"):
        lab.engine.change_branch("br-nobody", {"name": "x"})


def test_a_taken_name_is_refused_before_anything_is_made(lab: Lab, dev: BranchRow) -> None:
    before = lab.rows()
    with refused(409, "main"):
        lab.create(dev, name="main")
    with refused(409, "main"):
        lab.restore(dev, dev, at=datetime.now(UTC), keep="main")
    assert lab.rows() == before


def test_a_restore_without_a_target_or_with_children_to_lose_is_refused(lab: Lab, dev: BranchRow) -> None:
    with refused(422, "source_timestamp or source_lsn"):
        lab.restore(dev, dev, keep="x")
    for branch in (lab.main, dev):
        with refused(422, "preserve_under_name is required to restore a branch from itself"):
            lab.engine.restore_branch(
                branch.id, source_id=branch.id, at=datetime.now(UTC), lsn=None, preserve_under_name=None
            )
    lab.create(dev, name="a child to lose")
    with refused(422, "Branch has children, preserve_under_name is required"):
        lab.restore(dev, lab.main)
    lab.delete(lab.named("a child to lose"))
    with refused(404):
        lab.engine.restore_branch(dev.id, source_id="br-nobody", at=None, lsn=None, preserve_under_name=None)


def test_the_default_moves_and_only_one_branch_has_it(lab: Lab, dev: BranchRow) -> None:
    main = lab.main
    lab.engine.set_default(dev.id)
    assert [row.id for row in lab.engine.branches() if row.is_default] == [dev.id]
    with refused(422, "default"):
        lab.engine.delete_branch(dev.id)
    with refused(422, "cannot expire"):
        lab.engine.change_branch(dev.id, {"expires_at": datetime.now(UTC) + timedelta(days=1)})
    lab.engine.set_default(main.id)
    assert lab.main.id == main.id


def test_a_protected_branch_is_not_deleted_nor_reset_nor_left_without_a_compute(
    lab: Lab, dev: BranchRow
) -> None:
    protected, _ = lab.engine.change_branch(dev.id, {"protected": True})
    assert protected.protected == 1
    for verb in (
        lambda: lab.engine.delete_branch(dev.id),
        lambda: lab.restore(dev, lab.main),
        lambda: lab.engine.delete_endpoint(lab.endpoint(dev).id),
    ):
        with refused(422, "protected"):
            verb()
    lab.engine.change_branch(dev.id, {"protected": False})


def test_a_deleted_branch_is_gone_with_everything_it_had(lab: Lab, dev: BranchRow) -> None:
    parent = lab.create(dev, compute=True)
    child = lab.create(parent, compute=True)
    with refused(422, "cannot delete branch that has children", child.id):
        lab.engine.delete_branch(parent.id)
    for branch in (child, parent):
        lab.delete(branch)
        assert branch.timeline not in servers_below(lab.engine.site.root)
        assert branch.timeline not in {row.id for row in lab.rows()[1]}
        assert lab.engine.delete_branch(branch.id, hard=True) is None
        with refused(404):
            lab.engine.branch(branch.id)
    assert_rows_match_files(lab)


def test_two_branches_are_made_from_one_parent_at_once(lab: Lab, dev: BranchRow, gate: Gate) -> None:
    made = [
        lab.engine.create_branch(
            parent_id=dev.id, name=f"twin {n}", at=None, lsn=None, computes=[ComputeWish()]
        )
        for n in range(2)
    ]
    with refused(423):
        lab.create(dev, name="twin 0")
    gate.open()
    for _, _, operations in made:
        lab.finish(operations)
    ports = [lab.endpoint(branch).port for branch, _, _ in made]
    assert len(set(ports)) == 2
    assert_rows_match_files(lab)


@pytest.mark.parametrize("verb", ["restore", "delete", "suspend", "rename"])
def test_a_branch_that_is_read_is_not_changed(lab: Lab, dev: BranchRow, gate: Gate, verb: str) -> None:
    branch, _, operations = lab.engine.create_branch(parent_id=dev.id, name=None, at=None, lsn=None)
    verbs: dict[str, Callable[[BranchRow], object]] = {
        "restore": lambda row: lab.restore(row, lab.main, keep="never"),
        "delete": lambda row: lab.engine.delete_branch(row.id),
        "suspend": lambda row: lab.engine.suspend_endpoint(lab.endpoint(row).id),
        "rename": lambda row: lab.engine.change_branch(row.id, {"name": "never"}),
    }
    with refused(423, "running operations"):
        verbs[verb](dev)
    if verb != "suspend":
        with refused(423):
            verbs[verb](branch)
    gate.open()
    lab.finish(operations)


def test_a_branch_that_is_restored_is_not_read(lab: Lab, dev: BranchRow, gate: Gate) -> None:
    lab.write(dev, "now")
    answer, operations = lab.engine.restore_branch(
        dev.id, source_id=dev.id, at=datetime.now(UTC), lsn=None, preserve_under_name="dev before"
    )
    assert lab.engine.branch(dev.id).state == "resetting"
    kept = lab.named("dev before")
    assert (answer.parent, kept.state) == (kept.id, "init")
    with refused(423):
        lab.engine.delete_branch(kept.id)
    with refused(423):
        lab.create(dev)
    with refused(423):
        lab.create(lab.main, name="dev before")
    window = lab.engine.window(dev.id)
    assert window.end_lsn > window.start_lsn
    gate.open()
    lab.finish(operations)


def test_looking_at_a_branch_while_its_compute_starts_and_stops(lab: Lab) -> None:
    branch = lab.create(lab.main, compute=True)
    endpoint = lab.endpoint(branch)
    done = threading.Event()
    failures: list[BaseException] = []

    def look() -> None:
        while not done.is_set():
            try:
                lab.engine.window(branch.id)
                lab.engine.roles(branch.id)
            except BaseException as error:
                failures.append(error)
                return

    onlooker = threading.Thread(target=look)
    onlooker.start()
    try:
        for _ in range(2):
            operations = lab.engine.suspend_endpoint(endpoint.id)[1]
            lab.finish(operations)
            assert lab.engine.endpoint_state(endpoint) == "idle"
            lab.finish(lab.engine.start_endpoint(endpoint.id)[1])
            assert lab.engine.endpoint_state(endpoint) == "active"
    finally:
        done.set()
        onlooker.join()
    assert failures == []


def test_who_reads_that_an_operation_is_over_finds_the_branch_free(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = lab.endpoint(lab.create(lab.main, compute=True))
    release = lab.engine.jobs.release

    def dawdle(claim: Claim) -> None:
        time.sleep(0.05)
        release(claim)

    monkeypatch.setattr(lab.engine.jobs, "release", dawdle)
    for _ in range(3):
        lab.finish(lab.engine.start_endpoint(endpoint.id)[1])


def test_a_branch_remembers_which_transaction_id_came_next_where_it_left(lab: Lab) -> None:
    with lab.session(lab.main) as session:
        session.execute("CREATE TABLE IF NOT EXISTS counted (id int)")
        before = session.execute("SELECT pg_current_xact_id()::text::int8").fetchone()
    branch = lab.create(lab.main, compute=True)
    assert before is not None
    with lab.session(branch) as session:
        session.execute("INSERT INTO counted VALUES (1)")
    own, *_, root = lab.engine.lineage(branch.id)
    assert (own.id, root.fork_xid) == (branch.timeline, None)
    assert own.fork_xid == before[0] + 1
