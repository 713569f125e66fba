"""Which roots may go: every one but the project's first."""

from datetime import UTC, datetime

from tests.engine.lab import Lab
from tests.engine.test_branching import refused


def test_the_original_root_stays_wherever_restores_put_it(lab: Lab) -> None:
    main = lab.main
    lab.restore(main, main, at=datetime.now(UTC), keep="a root, too")
    other_root = lab.named("a root, too")
    assert other_root.parent is None
    lab.hide(other_root)
    other = lab.create(main, name="another")
    lab.engine.set_default(other.id)
    with refused(422, "root branch"):
        lab.engine.delete_branch(main.id)
    lab.restore(main, other, keep="original root")
    with refused(422, "root branch"):
        lab.engine.delete_branch(lab.named("original root").id)
    assert lab.engine.branch(main.id).parent == other.id
    lab.hide(main)
