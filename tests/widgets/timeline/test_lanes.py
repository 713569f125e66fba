"""Lanes: no mark covers another, every mark is seen or counted, and every commit is seen."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from warubi_tui.widgets.timeline.lanes import Mark, bars, commits_by_cell, place
from warubi_tui.widgets.timeline.viewport import Viewport

MARKS = st.lists(
    st.builds(
        Mark, st.integers(0, 59), st.just("◇"), st.sampled_from(["", "a", "restored", "名前", "x" * 80])
    ),
    max_size=40,
)


@given(MARKS, st.integers(0, 6))
def test_marks_stand_in_their_cell_and_apart(marks: list[Mark], rows: int) -> None:
    placed = [spot for spot in place(marks, 60, rows) if not spot.text.startswith("+")]
    taken: set[tuple[int, int]] = set()
    for spot in placed:
        cells = {(spot.row, spot.cell + offset) for offset in range(cell_len(spot.text))}
        assert all(0 <= row < rows and 0 <= cell < 60 for row, cell in cells)
        assert not cells & taken
        taken |= cells
    glyphs = sorted(
        spot.cell if spot.text.startswith("◇") else spot.cell + cell_len(spot.text) - 1 for spot in placed
    )
    assert all(cell in {mark.cell for mark in marks} for cell in glyphs)


@given(MARKS, st.integers(1, 6))
def test_what_does_not_fit_is_counted(marks: list[Mark], rows: int) -> None:
    placed = place(marks, 60, rows)
    counted = [spot.text for spot in placed if spot.text.startswith("+")]
    left_out = int(counted[0].split()[0]) if counted else 0
    assert len(placed) - len(counted) + left_out == len(marks)


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=80), st.integers(1, 8))
def test_every_commit_is_seen_and_none_is_invented(cells: list[int], rows: int) -> None:
    lines = bars(cells, rows)
    assert len(lines) == rows
    for index, count in enumerate(cells):
        column = "".join(line[index] for line in lines)
        assert (column.strip() != "") == (count > 0)


@given(st.lists(st.tuples(st.integers(-500, 1_500), st.integers(1, 400), st.integers(0, 9)), max_size=30))
def test_commits_in_sight_are_drawn(buckets: list[tuple[int, int, int]]) -> None:
    viewport = Viewport.over(0, 999, 50)
    spans = [(start, start + length, commits) for start, length, commits in buckets]
    cells = commits_by_cell(spans, viewport)
    in_sight = any(commits and start < 1_000 and end > 0 for start, end, commits in spans)
    assert any(cells) == in_sight
