from datetime import timedelta

from tests.history.past import MAIN, PROJECT, Past
from tests.neon.wire import NOW, branch_json, operation_json
from warubi_tui.history.events import branch_events
from warubi_tui.neon.models import Branch, Operation


async def test_the_events_of_a_branch_stand_on_the_axis_of_its_data() -> None:
    branch = Branch.from_json(
        branch_json(
            parent_id="br-root",
            parent_timestamp="2026-11-20T07:00:00Z",
            last_reset_at="2026-11-22T10:00:00Z",
            expires_at="2026-11-23T00:00:00Z",
        )
    )
    child = Branch.from_json(
        branch_json(
            "br-child",
            "copy",
            parent_id="br-main-1",
            parent_timestamp="2026-11-21T12:00:00Z",
            created_at="2026-11-22T09:00:00Z",
        )
    )
    root = Branch.from_json(branch_json("br-root", "root"))
    operations = [
        Operation.from_json(operation_json("op-1", "failed", error="no space")),
        Operation.from_json(operation_json("op-2", "finished", branch_id="br-child")),
    ]
    events = await branch_events(
        Past(all_branches=[branch, child, root], all_operations=operations), PROJECT, branch
    )
    assert [(event.kind, event.at.day, event.at.hour) for event in events] == [
        ("created", 20, 8),
        ("branch", 21, 12),
        ("restore", 22, 10),
        ("operation", 22, 13),
        ("expiry", 23, 0),
    ]
    created, made, _, operation, _ = events
    assert "From root, data as of 2026-11-20 07:00:00Z" in created.detail
    assert made.branch_id == "br-child"
    assert "Made at 2026-11-22 09:00:00Z" in made.detail
    assert "no space" in operation.detail


async def test_a_child_whose_point_is_not_known_stands_where_it_was_made() -> None:
    made = NOW - timedelta(hours=1)
    child = Branch.from_json(
        branch_json("br-2", "copy", parent_id="br-main-1", parent_lsn="0/AB", created_at=made.isoformat())
    )
    events = await branch_events(Past(all_branches=[MAIN, child]), PROJECT, MAIN)
    assert [(event.kind, event.at) for event in events] == [("created", MAIN.created_at), ("branch", made)]
    assert "LSN 0/AB" in events[1].detail
    assert "root branch" in events[0].detail
