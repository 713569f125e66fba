"""How far it is and how long it takes, on a clock of the test's."""

from warubi_tui.diff.model import Progress
from warubi_tui.diff.progress import SETTLING, Work


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def none() -> int:
    return 0


def test_fraction_weighs_tables_by_their_pages() -> None:
    told: list[Progress] = []
    clock = Clock()
    work = Work({("s", "large"): 996, ("s", "small"): 0}, told.append, clock)
    large = work.begin(("s", "large"), found=lambda: 7, waiting=none)
    assert (told[0].fraction, told[0].seconds_left, told[0].tables_done, told[0].tables) == (0, None, 0, 2)
    clock.seconds += 2
    large(50, 100, "blocks")
    at = told[-1]
    assert at.fraction == 500 / 1004
    assert at.seconds_left is not None
    assert 1.9 < at.seconds_left < 2.1
    assert (at.differences, at.current[0].done, at.current[0].unit) == (7, 50, "blocks")
    work.finish(("s", "large"), 9)
    work.begin(("s", "small"), found=none, waiting=none)
    work.finish(("s", "small"), 1)
    last = told[-1]
    assert (last.fraction, last.tables_done, last.differences, last.current) == (1, 2, 10, ())


def test_rows_that_may_differ_are_work_whose_cost_is_learned() -> None:
    told: list[Progress] = []
    clock = Clock()
    waiting = 0
    work = Work({("s", "t"): 996}, told.append, clock)
    beat = work.begin(("s", "t"), found=none, waiting=lambda: waiting)
    for done in (25, 50, 75, 98):
        clock.seconds += 0.5
        waiting += 2500
        beat(done, 100, "blocks")
    assert told[-1].fraction is not None
    assert told[-1].fraction < 0.6
    beat(0, 10_000, SETTLING)
    clock.seconds += 4
    beat(5_000, 10_000, SETTLING)
    at = told[-1]
    assert at.fraction is not None
    assert round(at.fraction, 2) == round((2 + 4) / (2 + 8), 2)
    assert at.seconds_left is not None
    assert round(at.seconds_left, 1) == 4.0


def test_nothing_is_said_while_it_is_unknown_how_many_rows_will_come() -> None:
    told: list[Progress] = []
    clock = Clock()
    waiting = 0
    work = Work({("s", "t"): 996}, told.append, clock)
    beat = work.begin(("s", "t"), found=lambda: waiting // 2, waiting=lambda: waiting)
    clock.seconds += 2
    beat(1000, 1000, "rows")
    assert (told[-1].fraction, told[-1].seconds_left) == (1, 0)
    for waiting in (5_000, 10_000):
        clock.seconds += 1
        work.beat()
        assert (told[-1].fraction, told[-1].seconds_left) == (None, None)
        assert told[-1].differences == waiting // 2
    beat(0, waiting, SETTLING)
    clock.seconds += 1
    beat(waiting // 2, waiting, SETTLING)
    assert told[-1].fraction is not None
    assert round(told[-1].fraction, 2) == round((4 + 1) / (4 + 2), 2)


def test_progress_is_told_a_few_times_a_second_only() -> None:
    told: list[Progress] = []
    clock = Clock()
    work = Work({("s", "t"): 10}, told.append, clock)
    beat = work.begin(("s", "t"), found=none, waiting=none)
    for done in range(1000):
        clock.seconds += 0.001
        beat(done, 1000, "blocks")
    assert 5 <= len(told) <= 7


def test_scan_that_begins_anew_does_not_go_back() -> None:
    told: list[Progress] = []
    clock = Clock()
    work = Work({("s", "t"): 96}, told.append, clock)
    beat = work.begin(("s", "t"), found=none, waiting=none)
    for done, total, unit in ((50, 100, "blocks"), (10, 100, "rows"), (0, 0, "rows"), (100, 100, "rows")):
        clock.seconds += 1
        beat(done, total, unit)
    assert [one.fraction for one in told] == [0, 0.5, 0.5, 0.5, 1]


def test_no_table_at_all() -> None:
    told: list[Progress] = []
    Work({}, told.append, Clock()).beat()
    assert told[0].fraction == 0
