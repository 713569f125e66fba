"""Pages: few of them, short values, and never less than what is on the screen."""

from warubi_tui.diff.model import RowDiff, ViewRow
from warubi_tui.widgets.grid.pages import PAGE, VALUE_KEPT, Pages, kept_row


def view_row(number: int, then: str | None, now: str | None = None, *, marked: bool = False) -> ViewRow:
    if now is None:
        return ViewRow(RowDiff("s", "t", "removed", {"a": then}, {"a": then}, None), number, marked)
    return ViewRow(RowDiff("s", "t", "changed", {}, {"a": then}, {"a": now}, ("a",)), number, marked)


def page(number: int, size: int = 1) -> list[ViewRow]:
    return [view_row(number * PAGE + offset, "x" * size) for offset in range(PAGE)]


def test_short_rows_are_kept_as_they_are() -> None:
    row = view_row(3, None, marked=True)
    kept = kept_row(row)
    assert (kept.row, kept.whole, kept.marked, kept.number) == (row.row, True, True, 3)


def test_long_values_are_cut_and_the_row_knows() -> None:
    kept = kept_row(view_row(0, "x" * 1_000_000))
    assert not kept.whole
    assert kept.row.then is not None
    assert kept.row.then["a"] == "x" * VALUE_KEPT + "…"
    assert kept.row.key["a"] == kept.row.then["a"]


def test_a_cut_change_keeps_its_difference() -> None:
    start = "x" * 100_000
    kept = kept_row(view_row(0, f"{start}1", f"{start}2")).row
    assert kept.then is not None
    assert kept.now is not None
    assert (kept.then["a"], kept.now["a"]) == ("…xxx1", "…xxx2")


def test_the_least_recent_pages_go() -> None:
    pages = Pages()
    for number in range(100):
        pages.put(number, page(number))
    assert 99 in pages
    assert 0 not in pages
    assert pages.row(99 * PAGE + 5) is not None
    assert pages.row(5) is None


def test_wide_rows_take_the_place_of_more_pages_but_those_on_the_screen_stay() -> None:
    pages = Pages()
    names = [f"c{number}" for number in range(200)]
    wide = RowDiff("s", "t", "removed", {}, dict.fromkeys(names, "x" * VALUE_KEPT), None)
    for number in range(10):
        pages.put(number, [ViewRow(wide, 0, False)] * PAGE)
    assert [number for number in range(10) if number in pages] == [6, 7, 8, 9]


def test_a_mark_is_noted_on_its_row_alone() -> None:
    pages = Pages()
    pages.put(1, page(1))
    pages.mark(PAGE + 2, True)
    pages.mark(5 * PAGE, True)
    marked = [offset for offset in range(PAGE) if (row := pages.row(PAGE + offset)) and row.marked]
    assert marked == [2]
