"""A snapshot that is finalized takes the place of a branch: its name, its computes, its rights."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.engine.lab import Lab, assert_rows_match_files, opened
from tests.engine.test_branching import refused
from tests.engine.test_snapshots import notes_over, remove, restore
from warubi_tui.engine.rules import Rule


@pytest.fixture
def fresh(copy_founded: Callable[[], Path]) -> Iterator[Lab]:
    """An engine of its own for each test: they replace main."""
    with opened(copy_founded()) as lab:
        yield lab


def test_finalized_it_takes_the_place_of_its_branch(fresh: Lab) -> None:
    lab, engine, main = fresh, fresh.engine, fresh.main
    lab.write(main, "kept")
    snapshot = engine.take_snapshot(main.id)
    lab.write(main, "lost")
    child = lab.create(main, name="child")
    engine.change_branch(main.id, {"protected": True})
    engine.set_schedule(main.id, [Rule("daily", hour=3)])
    look, (for_look,) = restore(lab, snapshot, name="look")
    lab.finish(engine.reset_password(main.id, "neondb_owner")[1])
    uri, compute = lab.uri(main), lab.endpoint(main)
    lab.finish(engine.finalize_restore(look.id, name=None))
    assert lab.main == engine.branch(look.id)
    now = lab.main
    assert (now.name, now.protected, now.original_root) == ("main", 1, 1)
    assert (now.restore_status, now.restore_target) == ("finalized", main.id)
    assert lab.endpoint(now).id == compute.id
    assert lab.uri(now) == uri
    assert notes_over(uri) == ["kept"]
    old = engine.branch(main.id)
    assert (old.name, old.protected, old.is_default) == ("main (old)", 0, 0)
    assert lab.endpoint(old).id == for_look.id
    assert engine.endpoint_state(engine.endpoint(for_look.id)) == "idle"
    assert lab.read(old) == ["kept", "lost"]
    assert engine.branch(child.id).parent == old.id
    assert (engine.schedule(now.id), engine.schedule(old.id)) == ([Rule("daily", hour=3)], [])
    assert engine.snapshot(snapshot.id).source_branch == old.id
    with refused(422, "no restore"):
        engine.finalize_restore(now.id, name=None)
    lab.delete(child)
    lab.delete(old)
    later = lab.write(now, "later")[0]
    lab.write(now, "too late")
    assert lab.read(lab.restore(now, now, at=later)) == ["kept", "later"]
    assert_rows_match_files(lab)


def test_in_one_step_it_replaces_the_branch_at_once(fresh: Lab) -> None:
    lab, main = fresh, fresh.main
    lab.write(main, "kept")
    snapshot = lab.engine.take_snapshot(main.id)
    lab.write(main, "lost")
    uri = lab.uri(main)
    branch, endpoints, operations = lab.engine.restore_snapshot(
        snapshot.id, name=None, target_id=main.id, finalize=True
    )
    assert endpoints == []
    lab.finish(operations)
    assert [row.action for row in operations] == ["create_branch", "swap_binding_id", "start_compute"]
    assert (lab.main.id, lab.main.name) == (branch.id, "main")
    assert notes_over(uri) == ["kept"]
    again, _ = restore(lab, snapshot, name="again", target=lab.main)
    with refused(409, "main (old)"):
        lab.engine.finalize_restore(again.id, name="main (old)")
    lab.finish(lab.engine.finalize_restore(again.id, name=None))
    assert {row.name for row in lab.engine.branches()} == {"main", "main (old)", "main (old) 2"}
    assert lab.engine.branch(branch.id).name == "main (old) 2"
    assert lab.main.id == again.id


def test_a_swap_that_fails_leaves_both_branches(fresh: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, main = fresh, fresh.main
    lab.write(main, "kept")
    snapshot = lab.engine.take_snapshot(main.id)
    with monkeypatch.context() as broken:

        def fail(*_: object) -> None:
            raise psycopg.OperationalError("the server closed the connection")

        broken.setattr("warubi_tui.engine.previewing._record_exchange", fail)
        branch, _, operations = lab.engine.restore_snapshot(
            snapshot.id, name="look", target_id=None, finalize=True
        )
        ended = lab.end(operations)
    assert [row.status for row in ended] == ["finished", "failed", "cancelled"]
    assert lab.main == main
    assert notes_over(lab.uri(main)) == ["kept"]
    left = lab.engine.branch(branch.id)
    assert (left.name, left.restore_status, left.state) == ("look", "restored", "ready")
    lab.finish(lab.engine.finalize_restore(left.id, name=None))
    assert lab.main.id == left.id


def test_a_snapshot_survives_the_branch_it_was_taken_of(fresh: Lab) -> None:
    lab = fresh
    shop, _, operations = lab.engine.create_branch(
        parent_id=lab.main.id, name="shop", at=None, lsn=None, init_source="schema-only"
    )
    lab.finish(operations)
    lab.write(lab.engine.branch(shop.id), "first", "second")
    snapshot = lab.engine.take_snapshot(shop.id)
    lab.delete(lab.engine.branch(shop.id))
    with refused(422, "target_branch_id"):
        restore(lab, snapshot)
    branch, _ = restore(lab, snapshot, target=lab.main)
    assert lab.read(branch) == ["first", "second"]
    lab.delete(branch)
    assert_rows_match_files(lab)
    remove(lab, snapshot)
    assert [row.id for row in lab.rows()[1]] == [lab.main.timeline]
    assert_rows_match_files(lab)


def test_a_branch_that_is_gone_cannot_be_replaced(fresh: Lab) -> None:
    lab = fresh
    lab.write(lab.main, "there")
    snapshot = lab.engine.take_snapshot(lab.main.id)
    first, _ = restore(lab, snapshot, name="first")
    lab.finish(lab.engine.finalize_restore(first.id, name="old"))
    look, _ = restore(lab, snapshot, name="look", target=lab.named("old"))
    lab.hide(lab.named("old"))
    with refused(422, "is gone"):
        lab.engine.finalize_restore(look.id, name=None)
    lab.engine.recover_branch(snapshot.source_branch)
    lab.finish(lab.engine.finalize_restore(look.id, name="older"))
    assert lab.engine.branch(look.id).name == "old"
    assert lab.engine.branch(snapshot.source_branch).name == "older"
    assert lab.read(lab.main) == ["there"]
