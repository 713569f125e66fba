"""The header: one row, and what matters is never cut."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from warubi_tui.widgets.header import HeaderFacts, header_content, share

NOW = datetime(2026, 11, 22, 14, 7, 58, tzinfo=UTC)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.integers(80, 200), st.booleans())
def test_it_fills_one_row_and_keeps_what_matters(
    profile: str, project: str, branch: str, width: int, read_only: bool
) -> None:
    facts = HeaderFacts(profile, project, branch, "production", read_only, NOW, ZoneInfo("Europe/Berlin"))
    content = header_content(facts, width)
    assert "\n" not in content.plain
    assert content.cell_length == width
    assert "PRODUCTION" in content.plain
    assert ("read-only" if read_only else "can write") in content.plain
    assert "14:07:58Z 15:07 CET" in content.plain


def test_utc_is_not_said_twice() -> None:
    facts = HeaderFacts("engine", "shop", "main", "local", True, NOW, ZoneInfo("Etc/UTC"))
    assert header_content(facts, 120).plain.endswith("read-only  14:07:58Z ")


@given(st.lists(st.integers(0, 300), max_size=6), st.integers(-5, 300))
def test_room_is_shared_and_never_exceeded(lengths: list[int], room: int) -> None:
    given_room = share(lengths, room)
    assert sum(given_room) <= max(room, 0)
    assert all(got <= wanted for got, wanted in zip(given_room, lengths, strict=True))
    if sum(lengths) <= room:
        assert given_room == lengths
