"""How far it is and how long it takes, on a clock of the test's."""

from warubi_tui.diff.model import Progress
from warubi_tui.diff.progress import Work


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_fraction_weighs_tables_by_their_pages_and_never_goes_back() -> None:
    told: list[Progress] = []
    clock = Clock()
    work = Work({("s", "large"): 996, ("s", "small"): 0}, told.append, clock)
    large = work.begin(("s", "large"), lambda: 7)
    assert (told[0].fraction, told[0].seconds_left, told[0].tables_done, told[0].tables) == (0, None, 0, 2)
    clock.seconds += 2
    large(50, 100, "blocks")
    at = told[-1]
    assert at.fraction is not None
    assert round(at.fraction, 3) == round(500 / 1004, 3)
    assert at.seconds_left is not None
    assert 1.9 < at.seconds_left < 2.1
    assert (at.differences, at.current[0].done, at.current[0].unit) == (7, 50, "blocks")
    clock.seconds += 1
    large(100, 100, "blocks")
    large(0, 8000, "rows")
    clock.seconds += 1
    large(4000, 8000, "rows")
    fractions = [one.fraction for one in told if one.fraction is not None]
    assert fractions == sorted(fractions)
    left = told[-1].seconds_left
    assert left is not None
    assert 2 < left < 5  # 2000 of 3004 pages' worth took 4 seconds
    work.finish(("s", "large"), 9)
    work.begin(("s", "small"), lambda: 0)
    work.finish(("s", "small"), 1)
    last = told[-1]
    assert (last.fraction, last.tables_done, last.differences, last.current) == (1, 2, 10, ())


def test_progress_is_told_a_few_times_a_second_only() -> None:
    told: list[Progress] = []
    clock = Clock()
    work = Work({("s", "t"): 10}, told.append, clock)
    beat = work.begin(("s", "t"), lambda: 0)
    for done in range(1000):
        clock.seconds += 0.001
        beat(done, 1000, "blocks")
    assert 5 <= len(told) <= 7


def test_rows_that_begin_anew_are_a_new_step() -> None:
    told: list[Progress] = []
    clock = Clock()
    work = Work({("s", "t"): 96}, told.append, clock)
    beat = work.begin(("s", "t"), lambda: 0)
    for done in (400, 800, 0, 400):
        clock.seconds += 1
        beat(done, 800, "rows")
    assert beat.done < beat.total
    beat(800, 800, "rows")
    assert beat.done == beat.total


def test_no_table_at_all() -> None:
    told: list[Progress] = []
    Work({}, told.append, Clock()).beat()
    assert told[0].fraction == 0
