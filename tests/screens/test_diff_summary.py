"""The summary in words and in order: damage first, unchanged tables on one line, how far it is."""

from hypothesis import given
from hypothesis import strategies as st

from warubi_tui.diff.model import Progress, TableDiff, TableProgress
from warubi_tui.screens.diff_summary import (
    Folded,
    column_widths,
    line_cells,
    progress_words,
    summary,
    table_notes,
    time_words,
)

TABLES = [
    TableDiff("public", "same_b", ("id",), method="headers"),
    TableDiff("public", "few", ("id",), removed=1, method="key"),
    TableDiff("audit", "log", not_compared="no right to read it"),
    TableDiff("public", "many", ("id",), removed=1_234, changed=5, method="key"),
    TableDiff("public", "same_a", ("id",), method="headers"),
    TableDiff("public", "grown", ("id",), added=99_999, method="key"),
]


def names(part: str = "", *, unfold: bool = False) -> list[str]:
    return [one.words if isinstance(one, Folded) else one.table for one in summary(TABLES, part, unfold)]


def test_most_damage_stands_first_and_what_is_equal_on_one_line() -> None:
    assert names() == ["many", "few", "grown", "log", "▸ 2 unchanged tables"]
    assert names(unfold=True)[-3:] == ["▾ 2 unchanged tables", "same_a", "same_b"]


def test_a_part_of_a_name_limits_all_of_it() -> None:
    assert names("same_a", unfold=True) == ["▾ 1 unchanged table", "same_a"]
    assert names("audit.l") == ["log"]
    assert names("nothing") == []


@given(st.integers(20, 300))
def test_columns_fill_the_list_and_no_more(cells: int) -> None:
    widths = column_widths(cells)
    assert widths.name >= 12
    total = widths.name + 3 * widths.count + widths.how + 10
    assert total == cells or widths.name == 12


def test_numbers_are_grouped_at_the_right_and_marks_stand_with_the_name() -> None:
    widths = column_widths(77)
    cells = [cell.plain for cell in line_cells(TABLES[3], widths, 3)]
    assert cells == ["many ●3", "    1,234", "        ·", "        5", "key, 0.0 s"]
    long = TableDiff("public", "x" * 60, removed=1)
    assert line_cells(long, widths, 12)[0].plain.endswith("… ●12")


def test_how_a_table_was_compared_and_why_is_said() -> None:
    table = TableDiff(
        "public",
        "orders",
        ("id", "line"),
        changed=2,
        method="key",
        why="the table was rewritten",
        left_out={"search": "generated", "old": "only there then"},
        same_value=1,
    )
    notes = [note.plain for note in table_notes(table, ())]
    assert notes == [
        "1 changed row is equal in value, only written differently",
        "public.orders compared by contents by key (id, line): the table was rewritten",
        "Columns not compared: search (generated), old (only there then)",
    ]


def test_progress_says_how_far_how_long_and_where() -> None:
    at = Progress(2, 8, 1_234, 0.5, 200.0, (TableProgress("public", "orders", 1_200, 3_000, "blocks"),))
    assert progress_words(at) == (
        "━━━━━━━━┄┄┄┄┄┄┄┄ 50% · Comparing table 3 of 8: public.orders (1,200 of 3,000 blocks)"
        " · about 3 min left · 1,234 rows differ so far"
    )
    assert progress_words(Progress(8, 8, 0)) == "Comparing table 8 of 8: … · 0 rows differ so far"


def test_times_are_short() -> None:
    assert [time_words(seconds) for seconds in (0.1, 12.4, 89.4, 90, 3_600, 7_500)] == [
        "1 s", "12 s", "89 s", "2 min", "60 min", "2 h 5 min",
    ]  # fmt: skip
