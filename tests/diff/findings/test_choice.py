import pytest

from warubi_tui.diff.findings.choice import Choice, Combined, combination, likely, selective, sole, telling
from warubi_tui.diff.findings.predicates import Kind, Predicate

OPEN = Predicate(Kind.CONSTANT, "status", "status = 'open'", "status 'open'")
SET = Predicate(Kind.SET, "region", "region IN (1, 2)", "region 1 or 2")
SPAN = Predicate(Kind.SPAN, "at", "at BETWEEN 1 AND 2", "at between 1 and 2")
RANGE = Predicate(Kind.RANGE, "price", "price BETWEEN 1 AND 2", "price between 1 and 2")
FILLED = Predicate(Kind.FILLED, "at", "at IS NOT NULL", "at not NULL")


def test_of_exact_conditions_the_plainest_is_chosen() -> None:
    assert sole([RANGE, SET, OPEN], [100, 100, 101], 100) == Choice((SET,), 0)
    assert sole([RANGE, OPEN], [101, 102], 100) is None


def test_conditions_that_all_rows_meet_are_not_combined() -> None:
    assert selective([RANGE, SPAN, OPEN], [500, 1000, 700], 1000) == [OPEN, RANGE]


def test_a_second_condition_has_to_halve_the_others() -> None:
    worth: Combined = {(True, True): 110, (True, False): 90, (False, True): 900}
    assert combination([OPEN, SPAN], worth, 100) == Choice((OPEN, SPAN), 10)
    not_worth: Combined = {(True, True): 160, (True, False): 40, (False, True): 1000}
    assert combination([OPEN, SPAN], not_worth, 100) == Choice((OPEN,), 100)


def test_conditions_that_too_few_rows_meet_are_not_true_of_all() -> None:
    assert combination([OPEN, SPAN], {(True, True): 90, (True, False): 60}, 100) == Choice((OPEN,), 50)
    assert combination([SPAN], {(True,): 99}, 100) is None


def test_one_column_is_told_once() -> None:
    assert combination([SPAN, FILLED], {(True, True): 100, (False, True): 900}, 100) == Choice((SPAN,), 0)


@pytest.mark.parametrize(
    ("rows", "others", "total", "told"),
    [
        (1, 0, 1000, True),
        (312, 88, 1000, True),
        (1000, 8999, 10_000, False),
        (3, 97, 1000, False),
        (1000, 5000, 10_000, False),
        (1000, 3000, 10_000, True),
        (0, 0, 0, False),
    ],
)
def test_what_most_rows_meet_or_few_by_chance_is_not_told(
    rows: int, others: int, total: int, told: bool
) -> None:
    assert telling(Choice((OPEN,), others), rows, total) is told


def test_without_counts_at_most_three_plain_conditions_are_told() -> None:
    assert likely([RANGE, FILLED]) is None
    assert likely([SPAN, RANGE, SET, OPEN, OPEN]) == Choice((OPEN, OPEN, SET))
