"""The arithmetic of the time axis: nothing leaves the window, zoom keeps its anchor, cells round-trip."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from warubi_tui.widgets.timeline.viewport import Viewport, to_datetime, to_microseconds

EPOCH_2026 = to_microseconds(datetime(2026, 11, 22, tzinfo=UTC))


@st.composite
def viewports(draw: st.DrawFn) -> Viewport:
    """A viewport after some zooming and panning."""
    first = EPOCH_2026 + draw(st.integers(-(10**9), 10**9))
    last = first + draw(st.integers(0, 40 * 86_400 * 10**6))
    viewport = Viewport.over(first, last, draw(st.integers(1, 300)))
    for _ in range(draw(st.integers(0, 6))):
        anchor = viewport.time_at(draw(st.integers(0, viewport.width - 1)))
        viewport = viewport.zoom(draw(st.integers(1, 5)), draw(st.integers(1, 50)), anchor)
        viewport = viewport.pan(draw(st.integers(-400, 400)))
    return viewport


def inside(viewport: Viewport) -> bool:
    return viewport.first <= viewport.start and viewport.end <= viewport.last + 1 and viewport.span >= 1


@given(viewports(), st.integers(1, 400), st.integers(-500, 500))
def test_the_visible_part_never_leaves_the_window(viewport: Viewport, width: int, cells: int) -> None:
    for moved in (
        viewport,
        viewport.pan(cells),
        viewport.resized(width),
        viewport.fit(),
        viewport.reveal(viewport.last + cells),
        viewport.around(viewport.first - cells, abs(cells)),
    ):
        assert inside(moved)


@given(viewports(), st.data())
def test_a_cell_round_trips(viewport: Viewport, data: st.DataObject) -> None:
    if viewport.span < viewport.width:
        viewport = viewport.resized(viewport.span)
    cell = data.draw(st.integers(0, viewport.width - 1))
    assert viewport.cell_of(viewport.time_at(cell)) == cell


@given(viewports(), st.data())
def test_an_instant_in_sight_lies_in_a_cell_in_sight(viewport: Viewport, data: st.DataObject) -> None:
    instant = data.draw(st.integers(viewport.start, viewport.end - 1))
    assert 0 <= viewport.cell_of(instant) < viewport.width


@given(viewports(), st.data(), st.integers(1, 100), st.integers(1, 100))
def test_zoom_keeps_its_anchor_in_its_cell(
    viewport: Viewport, data: st.DataObject, up: int, down: int
) -> None:
    anchor = data.draw(st.integers(viewport.start, viewport.end - 1))
    zoomed = viewport.zoom(up, down, anchor)
    assert inside(zoomed)
    assert zoomed.shows(anchor)
    at_an_edge = zoomed.start == zoomed.first or zoomed.end == zoomed.last + 1
    if not at_an_edge and viewport.span >= viewport.width:
        assert zoomed.cell_of(anchor) == viewport.cell_of(anchor)


@given(viewports(), st.data())
def test_zooming_in_reaches_every_microsecond(viewport: Viewport, data: st.DataObject) -> None:
    instant = data.draw(st.integers(viewport.first, viewport.last))
    near = viewport.around(instant, viewport.width)
    assert near.time_at(near.cell_of(instant)) == instant


@given(viewports(), st.integers(0, 10**9))
def test_reveal_brings_an_instant_into_sight_and_keeps_the_scale(viewport: Viewport, offset: int) -> None:
    instant = viewport.clamp(viewport.first + offset)
    shown = viewport.reveal(instant)
    assert shown.shows(instant)
    assert shown.span == viewport.span


@given(viewports(), st.integers(0, 10**9))
def test_a_window_that_moves_on_keeps_the_view_inside(viewport: Viewport, microseconds: int) -> None:
    moved = viewport.within(viewport.first + microseconds, viewport.last + microseconds)
    assert inside(moved)


def test_a_whole_window_stays_whole_when_it_grows() -> None:
    assert Viewport.over(0, 100, 10).within(0, 500) == Viewport.over(0, 500, 10)


def test_pan_moves_at_least_a_microsecond() -> None:
    deep = Viewport.over(0, 10**9, 100).around(5_000, 100)
    assert deep.pan(1).start == deep.start + 1
    assert deep.pan(-1).start == deep.start - 1


@given(st.integers(-(10**15), 4 * 10**15))
def test_microseconds_and_datetimes_are_the_same_instants(microseconds: int) -> None:
    assert to_microseconds(to_datetime(microseconds)) == microseconds


def test_an_instant_in_another_zone_is_the_same_instant() -> None:
    utc = datetime(2026, 11, 22, 14, 7, 58, 123_456, tzinfo=UTC)
    assert to_microseconds(utc.astimezone(tz=None)) == to_microseconds(utc)
    assert to_datetime(to_microseconds(utc)) - utc == timedelta(0)
