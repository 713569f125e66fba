"""Deleted branches: out of sight, taken back whole within a week, gone for good afterwards."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.engine.lab import OWNER, Lab, assert_rows_match_files, files_below, servers_below, wait_until
from tests.engine.test_branching import refused
from warubi_tui.engine import clock
from warubi_tui.engine.store import BranchRow

_DAY = 24 * 3600 * 1_000_000


def _change(lab: Lab, branch: BranchRow, **columns: int | None) -> None:
    with lab.engine.store.transaction() as tx:
        tx.update(BranchRow, columns, id=branch.id)


def test_a_deleted_branch_is_nowhere_to_be_seen(lab: Lab) -> None:
    branch = lab.create(lab.main, name="gone", compute=True)
    endpoint = lab.endpoint(branch)
    lab.hide(branch)
    assert branch.timeline not in servers_below(lab.engine.site.root)
    assert branch.id not in {row.id for row in lab.engine.branches()}
    assert endpoint.id not in {row.id for row in lab.engine.endpoints()}
    verbs: list[Callable[[], object]] = [
        lambda: lab.engine.branch(branch.id),
        lambda: lab.engine.endpoint(endpoint.id),
        lambda: lab.engine.start_endpoint(endpoint.id),
        lambda: lab.create(branch),
        lambda: lab.restore(lab.main, branch, keep="never"),
        lambda: lab.engine.window(branch.id),
        lambda: lab.engine.roles(branch.id),
    ]
    for verb in verbs:
        with refused(404):
            verb()
    assert lab.engine.delete_branch(branch.id) is None
    (deleted,) = [row for row in lab.engine.deleted_branches() if row.id == branch.id]
    assert deleted.deletion_method == "user"
    assert_rows_match_files(lab)


def test_it_comes_back_with_its_rows_and_its_connection_string(lab: Lab) -> None:
    branch = lab.create(lab.main, name="lost and found", compute=True)
    lab.write(branch, "kept")
    with lab.session(branch) as session:
        session.execute(f"GRANT ALL ON log TO {OWNER}")
    lab.engine.change_branch(branch.id, {"expires_at": datetime.now(UTC) + timedelta(hours=1)})
    uri, endpoint = lab.uri(branch), lab.endpoint(branch)
    lab.hide(branch)
    with pytest.raises(psycopg.OperationalError, match="not found"):
        psycopg.connect(uri)
    recovered, endpoints = lab.engine.recover_branch(branch.id)
    assert (recovered.name, recovered.timeline) == ("lost and found", branch.timeline)
    assert (recovered.expires_at, recovered.ttl_interval_seconds, recovered.deleted_at) == (None, None, None)
    assert [row.id for row in endpoints] == [endpoint.id]
    assert (lab.engine.endpoint_state(endpoints[0]), endpoints[0].wanted) == ("idle", 0)
    assert lab.uri(recovered) == uri
    with psycopg.connect(uri) as client:
        assert client.execute("SELECT note FROM log").fetchall() == [("kept",)]
    with refused(422, "not deleted"):
        lab.engine.recover_branch(branch.id)
    with refused(404):
        lab.engine.recover_branch("br-nobody")


def test_its_name_is_free_until_it_comes_back(lab: Lab) -> None:
    first = lab.create(lab.main, name="popular")
    lab.hide(first)
    second = lab.create(lab.main, name="popular")
    with refused(409, "popular"):
        lab.engine.recover_branch(first.id)
    lab.engine.change_branch(second.id, {"name": "popular no more"})
    assert lab.engine.recover_branch(first.id)[0].name == "popular"


def test_a_deleted_child_hinders_nobody_and_comes_back_after_its_parent(lab: Lab) -> None:
    parent = lab.create(lab.main)
    child = lab.create(parent)
    with refused(422, "cannot delete branch that has children", child.id):
        lab.engine.delete_branch(parent.id)
    lab.hide(child)
    lab.hide(parent)
    with refused(422, parent.id):
        lab.engine.recover_branch(child.id)
    with refused(422, "cannot delete branch that has children", child.id):
        lab.engine.delete_branch(parent.id, hard=True)
    lab.engine.recover_branch(parent.id)
    assert lab.engine.recover_branch(child.id)[0].parent == parent.id


def test_after_a_week_it_is_gone_for_good(lab: Lab) -> None:
    parent = lab.create(lab.main)
    child = lab.create(parent)
    young = lab.create(lab.main)
    for branch in (child, parent, young):
        lab.hide(branch)
    now = clock.now()
    _change(lab, child, deleted_at=now - 7 * _DAY - 2)
    _change(lab, parent, deleted_at=now - 7 * _DAY - 1)
    _change(lab, young, deleted_at=now - 6 * _DAY)

    def left() -> set[str]:
        return {row.id for row in lab.engine.deleted_branches()}

    wait_until(lambda: left().isdisjoint({child.id, parent.id}), "they are removed")
    assert young.id in left()
    timelines = {child.timeline, parent.timeline}
    wait_until(lambda: timelines.isdisjoint(row.id for row in lab.rows()[1]), "their files are removed")
    assert timelines.isdisjoint(files_below(lab.engine.site.root)[0])


def test_an_expired_branch_is_deleted_and_recoverable(lab: Lab) -> None:
    branch = lab.create(lab.main, compute=True)
    _change(lab, branch, expires_at=clock.now() - 1, ttl_interval_seconds=60)
    wait_until(lambda: branch.id not in {row.id for row in lab.engine.branches()}, "it expires")
    (deleted,) = [row for row in lab.engine.deleted_branches() if row.id == branch.id]
    assert deleted.deletion_method == "ttl"
    wait_until(lambda: lab.engine.jobs.changes(branch.id) is not None, "its compute is stopped")
    assert lab.engine.recover_branch(branch.id)[0].expires_at is None
