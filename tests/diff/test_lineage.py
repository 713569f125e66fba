"""Where two branches part, from what the control plane says."""

import pytest

from warubi_tui.diff.lineage import Lineage, common_history
from warubi_tui.lsn import Lsn
from warubi_tui.neon.models import Ancestor

ROOT = Ancestor("root", None, None)


def child(name: str, lsn: int | None, xid: int | None = None) -> Ancestor:
    return Ancestor(name, None if lsn is None else Lsn(lsn), xid)


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        pytest.param([child("copy", 5, 70), ROOT], [ROOT], Lineage(Lsn(5), 70), id="a child and its parent"),
        pytest.param([ROOT], [child("copy", 5, 70), ROOT], Lineage(Lsn(5), 70), id="a parent and its child"),
        pytest.param(
            [child("a", 9, 90), ROOT], [child("b", 5, 70), ROOT], Lineage(Lsn(5), 70), id="two children"
        ),
        pytest.param(
            [child("a", 20, 200), child("b", 5, 70), ROOT],
            [ROOT],
            Lineage(Lsn(5), 70),
            id="a grandchild: where its parent left",
        ),
        pytest.param(
            [child("a", 20, 200), child("b", 5, 70), ROOT],
            [child("c", 30, 300), child("b", 5, 70), ROOT],
            Lineage(Lsn(20), 200),
            id="the newest ancestor they share",
        ),
        pytest.param([child("a", 5), ROOT], [ROOT], Lineage(Lsn(5), None), id="no transaction id known"),
        pytest.param([child("a", None), ROOT], [ROOT], None, id="it is not said where it left"),
        pytest.param([ROOT], [ROOT], None, id="the same"),
        pytest.param([ROOT], [Ancestor("other", None, None)], None, id="nothing in common"),
    ],
)
def test_where_two_lines_part(then: list[Ancestor], now: list[Ancestor], expected: Lineage | None) -> None:
    assert common_history(then, now) == expected
