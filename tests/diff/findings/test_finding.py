"""A finding as something to filter by."""

import pytest

from warubi_tui.diff.findings.finding import Finding


@pytest.mark.parametrize(
    ("where", "expected"), [("id % 3 = 0", "id % 3 = 0"), ("true", None), (None, None), ("truth", "truth")]
)
def test_what_is_true_of_every_row_filters_nothing(where: str | None, expected: str | None) -> None:
    assert Finding("removed", 1, 1, "", where, "then", None).filter == expected
