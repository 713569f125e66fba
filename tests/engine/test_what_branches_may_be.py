"""Expiry, protection, limits and labels: what Neon lets a branch be."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.engine.lab import OWNER, Lab
from tests.engine.test_branching import refused
from warubi_tui.engine import clock
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.limits import Limits
from warubi_tui.engine.store import BranchRow


@pytest.fixture(scope="module")
def dev(lab: Lab) -> BranchRow:
    """A child of main with a compute."""
    return lab.create(lab.main, name="dev", compute=True)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=-5), timedelta(days=30, seconds=5)])
def test_an_expiry_lies_ahead_and_within_thirty_days(lab: Lab, dev: BranchRow, ahead: timedelta) -> None:
    with refused(422, "30 days"):
        lab.engine.change_branch(dev.id, {"expires_at": datetime.now(UTC) + ahead})


def test_an_expiry_is_kept_to_the_second_with_the_interval(lab: Lab) -> None:
    branch = lab.create(lab.main)
    ahead = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=999_999)
    changed, _ = lab.engine.change_branch(branch.id, {"expires_at": ahead})
    assert clock.to_datetime(changed.expires_at or 0) == ahead.replace(microsecond=0)
    assert changed.ttl_interval_seconds is not None
    assert 3590 <= changed.ttl_interval_seconds <= 3600
    cleared, _ = lab.engine.change_branch(branch.id, {"expires_at": None})
    assert (cleared.expires_at, cleared.ttl_interval_seconds) == (None, None)


def test_a_branch_that_expires_has_no_children_and_is_neither_default_nor_protected(lab: Lab) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    branch = lab.create(lab.main, name="fleeting")
    lab.engine.change_branch(branch.id, {"expires_at": soon})
    with refused(422, "fleeting", "expires"):
        lab.create(branch)
    with refused(422, "expires"):
        lab.engine.set_default(branch.id)
    with refused(422, "cannot expire"):
        lab.engine.change_branch(branch.id, {"protected": True})
    with refused(422, "cannot expire"):
        lab.engine.change_branch(lab.main.id, {"expires_at": soon})
    other = lab.create(lab.main)
    with refused(422, "fleeting", "expires"):
        lab.restore(other, branch)
    with refused(422, "cannot expire"):
        lab.engine.create_branch(
            parent_id=other.id, name=None, at=None, lsn=None, protected=True, expires_at=soon
        )
    lab.create(other)
    with refused(422, "children"):
        lab.engine.change_branch(other.id, {"expires_at": soon})


def test_a_reset_starts_the_countdown_anew(lab: Lab) -> None:
    branch = lab.create(lab.main)
    lab.engine.change_branch(branch.id, {"expires_at": datetime.now(UTC) + timedelta(days=2)})
    with lab.engine.store.transaction() as tx:
        tx.update(BranchRow, {"expires_at": clock.now() + 60_000_000}, id=branch.id)
    reset = lab.restore(branch, lab.main)
    assert reset.expires_at is not None
    assert reset.ttl_interval_seconds is not None
    left = (reset.expires_at - clock.now()) / 1_000_000
    assert reset.ttl_interval_seconds - 10 < left <= reset.ttl_interval_seconds


def test_children_of_a_protected_branch_have_passwords_of_their_own(lab: Lab, dev: BranchRow) -> None:
    lab.engine.change_branch(dev.id, {"protected": True})
    child = lab.create(dev, compute=True)
    lab.engine.change_branch(dev.id, {"protected": False})
    sibling = lab.create(dev, compute=True)
    passwords = [urlsplit(lab.uri(branch)).password for branch in (dev, child, sibling)]
    assert passwords[0] == passwords[2] != passwords[1]
    stored = []
    for branch in (dev, child):
        with lab.session(branch) as session:
            query = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
            stored.append(session.execute(query, (OWNER,)).fetchone())
    assert stored[0] != stored[1]


_VERBS: dict[str, list[Callable[[Lab, BranchRow], object]]] = {
    "BRANCHES_LIMIT_EXCEEDED": [
        lambda lab, dev: lab.create(dev),
        lambda lab, dev: lab.restore(dev, lab.main, keep="one more"),
    ],
    "ROOT_BRANCHES_LIMIT_EXCEEDED": [
        lambda lab, _: lab.restore(lab.main, lab.main, at=datetime.now(UTC), keep="a second root"),
        lambda lab, dev: lab.engine.create_branch(
            parent_id=dev.id, name=None, at=None, lsn=None, init_source="schema-only"
        ),
    ],
    "ROLES_LIMIT_EXCEEDED": [lambda lab, dev: lab.engine.create_role(dev.id, "one more")],
    "DATABASES_LIMIT_EXCEEDED": [lambda lab, dev: lab.engine.create_database(dev.id, "more", OWNER)],
    "BRANCHES_PROTECTED_LIMIT_EXCEEDED": [
        lambda lab, dev: lab.engine.change_branch(dev.id, {"protected": True}),
        lambda lab, dev: lab.engine.create_branch(
            parent_id=dev.id, name=None, at=None, lsn=None, protected=True
        ),
    ],
}


def _facts(lab: Lab) -> object:
    """What there is of branches, but for their sizes, which are looked up now and then."""
    branches, timelines, _, endpoints = lab.rows()
    facts = [(row.id, row.name, row.state, row.protected, row.timeline) for row in branches]
    return facts, [row.id for row in timelines], [row.id for row in endpoints]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(branches=0), "BRANCHES_LIMIT_EXCEEDED"),
        (Limits(root_branches=1), "ROOT_BRANCHES_LIMIT_EXCEEDED"),
        (Limits(protected_branches=0), "BRANCHES_PROTECTED_LIMIT_EXCEEDED"),
        (Limits(roles=1), "ROLES_LIMIT_EXCEEDED"),
        (Limits(databases=1), "DATABASES_LIMIT_EXCEEDED"),
    ],
)
def test_what_is_over_a_limit_is_refused_before_anything_is_made(
    lab: Lab, dev: BranchRow, monkeypatch: pytest.MonkeyPatch, limits: Limits, code: str
) -> None:
    leaf = lab.create(dev)
    before = _facts(lab)
    monkeypatch.setattr(lab.engine, "limits", limits)
    for verb in _VERBS[code]:
        with pytest.raises(ApiError) as refusal:
            verb(lab, dev)
        assert (refusal.value.status, refusal.value.code) == (422, code)
    assert _facts(lab) == before
    assert lab.restore(leaf, lab.main).state == "ready"


def test_a_label_stays_with_its_branch(lab: Lab) -> None:
    branch, _, operations = lab.engine.create_branch(
        parent_id=None, name=None, at=None, lsn=None, annotation={"anonymized": "true"}
    )
    lab.finish(operations)
    assert json.loads(lab.engine.branch(branch.id).annotation) == {"anonymized": "true"}


def test_a_compute_is_disabled_and_enabled_again(lab: Lab) -> None:
    branch = lab.create(lab.main, compute=True)
    endpoint = lab.endpoint(branch)
    lab.finish(lab.engine.change_endpoint(endpoint.id, {"disabled": True, "name": "mine"})[1])
    assert lab.engine.endpoint_state(lab.endpoint(branch)) == "idle"
    assert (lab.endpoint(branch).disabled, lab.endpoint(branch).name) == (1, "mine")
    with refused(422, "disabled"):
        lab.engine.start_endpoint(endpoint.id)
    with pytest.raises(psycopg.OperationalError, match="disabled"):
        psycopg.connect(lab.uri(branch))
    with refused(422, "larger"):
        lab.engine.change_endpoint(endpoint.id, {"min_cu": 2})
    lab.finish(lab.engine.change_endpoint(endpoint.id, {"disabled": False})[1])
    lab.finish(lab.engine.start_endpoint(endpoint.id)[1])
    assert lab.engine.endpoint_state(lab.endpoint(branch)) == "active"
