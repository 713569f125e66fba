"""Columns: the key first and in sight, wide enough, every one of them to be reached."""

from hypothesis import given
from hypothesis import strategies as st

from warubi_tui.diff.model import RowDiff
from warubi_tui.widgets.grid.layout import GAP, Column, Columns, first_to_show, lay_out, widths

SOME = st.lists(st.tuples(st.integers(4, 120), st.integers(0, 2)), min_size=1, max_size=60)


def columns(described: list[tuple[int, int]]) -> list[Column]:
    ranked = sorted(described, key=lambda one: one[1])
    return [Column(f"c{number}", wanted, rank) for number, (wanted, rank) in enumerate(ranked)]


def removed(**values: str | None) -> RowDiff:
    return RowDiff("s", "t", "removed", {}, values, None)


def test_the_key_stands_first_then_what_changed_then_the_others_as_in_the_table() -> None:
    found = Columns(("k2", "k1"), {"d": 3, "b": 9})
    assert found.learn([removed(a="1", b="1", k1="1", c="1", d="1", k2="1")])
    assert [column.name for column in found.all] == ["k2", "k1", "b", "d", "a", "c"]


def test_a_column_gets_wider_with_its_values_and_never_narrower() -> None:
    found = Columns()
    found.learn([removed(a="1")])
    assert found.all[0].wanted == 4
    assert found.learn([removed(a="1234567")])
    assert not found.learn([removed(a="1")])
    assert found.all[0].wanted == 7


def test_columns_of_rows_that_come_later_are_shown_too() -> None:
    found = Columns()
    found.learn([removed(a="1")])
    assert found.learn([RowDiff("s", "t", "added", {}, None, {"a": "1", "new": "1"})])
    assert [column.name for column in found.all] == ["a", "new"]


@given(SOME, st.integers(1, 200), st.integers(0, 59))
def test_places_follow_each_other_inside_the_room(
    described: list[tuple[int, int]], room: int, first: int
) -> None:
    some = columns(described)
    layout = lay_out(some, min(first, len(some) - 1), room)
    x = 0
    for place in layout.places:
        assert place.x == x
        assert place.width > 0
        assert x + place.width <= room
        x += place.width + GAP
    shown = {place.index for place in layout.places}
    assert layout.places
    assert len(shown) + layout.hidden_left + layout.hidden_right == len(some)
    assert all(some[index].rank == 0 for index in range(layout.frozen))


@given(SOME, st.integers(20, 200), st.integers(0, 59), st.integers(0, 59))
def test_every_column_can_be_brought_into_sight(
    described: list[tuple[int, int]], room: int, first: int, index: int
) -> None:
    some = columns(described)
    index = min(index, len(some) - 1)
    shown = lay_out(some, first_to_show(some, min(first, len(some) - 1), index, room), room)
    place = next(place for place in shown.places if place.index == index)
    before = shown.places[shown.frozen - 1] if shown.frozen else None
    left = room - (before.x + before.width + GAP if before else 0)
    assert place.width == min(widths(some, room)[index], left) or index < shown.frozen


@given(SOME, st.integers(1, 400))
def test_spare_room_is_given_and_no_more(described: list[tuple[int, int]], room: int) -> None:
    some = columns(described)
    found = widths(some, room)
    assert all(width <= column.wanted for width, column in zip(found, some, strict=True))
    if any(width < min(32, column.wanted) for width, column in zip(found, some, strict=True)):
        raise AssertionError("a usual width was not given")
    if any(width > 32 for width in found):
        assert sum(found) + GAP * len(found) <= room


def test_a_key_that_takes_more_than_half_of_the_room_does_not_stay() -> None:
    wide = [Column("k1", 20, 0), Column("k2", 30, 0), Column("a", 10, 2)]
    assert lay_out(wide, 0, 77).frozen == 1
    assert lay_out(wide, 2, 77).hidden_left == 1


def test_the_column_at_a_cell_is_found() -> None:
    layout = lay_out([Column("a", 4, 0), Column("b", 4, 2)], 0, 40)
    found = [layout.at(x) for x in (0, 5, 6, 30)]
    assert [place.name if place else None for place in found] == ["a", "a", "b", None]
