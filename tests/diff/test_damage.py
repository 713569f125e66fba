from warubi_tui.diff.damage import by_damage
from warubi_tui.diff.model import TableDiff


def test_the_worst_comes_first() -> None:
    tables = [
        TableDiff("public", "same"),
        TableDiff("public", "added", added=100),
        TableDiff("public", "changed", changed=9),
        TableDiff("public", "b", removed=1),
        TableDiff("public", "a", removed=1),
        TableDiff("public", "lost", removed=5),
        TableDiff("public", "unknown", not_compared="no rights"),
    ]
    assert [one.table for one in by_damage(tables)] == [
        "unknown",
        "lost",
        "a",
        "b",
        "changed",
        "added",
        "same",
    ]
