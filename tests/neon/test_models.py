from datetime import UTC, datetime, timedelta

import pytest

from tests.neon.wire import NOW, branch_json, operation_json, project_json
from warubi_tui.errors import UnreachableError
from warubi_tui.lsn import Lsn
from warubi_tui.neon.models import Branch, Operation, Project


def test_a_branch_with_every_field() -> None:
    branch = Branch.from_json(
        branch_json(
            parent_id="br-root-1",
            parent_lsn="0/1DE2850",
            parent_timestamp="2026-11-22T09:00:00.5+01:00",
            pending_state="ready",
            default=True,
            expires_at="2026-11-23T14:00:00Z",
            last_reset_at="2026-11-22T14:00:00Z",
            logical_size=31457280,
            created_by={"name": "Ann", "image": "…"},
            restricted_actions=[{"name": "restore", "reason": "snapshot"}],
            something_new={"deep": [1]},
        )
    )
    assert branch.parent_lsn == Lsn(0x1DE2850)
    assert branch.parent_timestamp == datetime(2026, 11, 22, 8, 0, 0, 500000, tzinfo=UTC)
    assert branch.last_reset_at == NOW
    assert branch.logical_size == 31457280
    assert branch.restricted == (("restore", "snapshot"),)
    assert branch.created_by == "Ann"


def test_a_branch_with_nothing_optional_or_with_nulls() -> None:
    optional = ["parent_id", "parent_lsn", "parent_timestamp", "expires_at", "logical_size", "created_by"]
    bare = Branch.from_json(branch_json())
    assert bare == Branch.from_json(branch_json(**dict.fromkeys(optional)))
    assert (bare.parent_lsn, bare.restricted, bare.expires_at) == (None, (), None)


def test_names_from_outside_are_safe_to_draw() -> None:
    assert Branch.from_json(branch_json(name="a\x1b]2;x\x07\u202eb")).name == "a␛]2;x␇\ufffdb"


@pytest.mark.parametrize("name", list(branch_json()))
def test_a_required_field_that_is_missing_is_named(name: str) -> None:
    data = branch_json()
    del data[name]
    if name in {"default", "protected"}:
        assert not Branch.from_json(data).default
    else:
        with pytest.raises(UnreachableError, match=name):
            Branch.from_json(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 7),
        ("created_at", "yesterday"),
        ("created_at", "2026-11-22T14:00:00"),
        ("created_at", 1763820000),
        ("parent_lsn", "nowhere"),
        ("logical_size", "big"),
        ("logical_size", True),
        ("default", "yes"),
        ("restricted_actions", {}),
        ("created_by", "Ann"),
    ],
)
def test_a_field_of_another_type_is_not_neon(field: str, value: object) -> None:
    with pytest.raises(UnreachableError):
        Branch.from_json(branch_json(**{field: value}))


@pytest.mark.parametrize("data", [None, [], "branch", 3])
def test_what_is_no_object_is_not_neon(data: object) -> None:
    with pytest.raises(UnreachableError):
        Branch.from_json(data)


def test_a_project_from_the_list_has_no_owner() -> None:
    data = project_json()
    assert Project.from_json(data).branches_limit == 10
    assert Project.from_json(data).history_retention == timedelta(hours=6)
    del data["owner"]
    assert Project.from_json(data).owner_plan is None


@pytest.mark.parametrize(
    ("status", "succeeded", "failed"),
    [
        ("finished", True, False),
        ("skipped", True, False),
        ("failed", False, True),
        ("error", False, True),
        ("cancelled", False, True),
        ("running", False, False),
        ("scheduling", False, False),
        ("cancelling", False, False),
        ("a word of tomorrow", False, False),
    ],
)
def test_how_an_operation_stands(status: str, succeeded: bool, failed: bool) -> None:
    operation = Operation.from_json(operation_json("op-1", status))
    assert (operation.succeeded, operation.failed) == (succeeded, failed)
    assert operation.terminal == (succeeded or failed)
