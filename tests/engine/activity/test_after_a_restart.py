"""Activity outlives the engine that read it."""

from collections.abc import Callable
from pathlib import Path

from tests.engine.activity.telling import told, totals, transactions
from tests.engine.lab import opened


def test_a_restart_of_the_engine(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    with opened(root) as lab:
        with lab.session(lab.main) as session:
            session.execute("CREATE TABLE item AS SELECT 1 AS id")
            session.execute("SELECT pg_switch_wal()")
            session.execute("DROP TABLE item")
        before = transactions(lab, lab.main)
    with opened(root) as lab:
        assert transactions(lab, lab.main)[: len(before)] == before
        assert totals(lab, lab.main)["public.item"] == {"inserts": 1, "ddl": 1, "drops": 1}
    assert [told(one.deeds) for one in before[-1:]] == [{"public.item": {"drops": 1}}]
