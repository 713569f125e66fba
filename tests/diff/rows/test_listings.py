"""Listings of two sides are told apart entry by entry."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from warubi_tui.diff.rows.listings import leftover, unmatched

LISTING = st.dictionaries(st.integers(0, 80), st.sampled_from([b"aaaa", b"bbbb"]), max_size=80).map(
    lambda rows: [place.to_bytes(6, "big") + about for place, about in sorted(rows.items())]
)


@given(then=LISTING, now=LISTING)
def test_what_is_in_one_listing_only(then: list[bytes], now: list[bytes]) -> None:
    only_then, only_now = unmatched(b"".join(then), b"".join(now), 10)
    assert only_then == sorted(set(then) - set(now))
    assert only_now == sorted(set(now) - set(then))


@given(then=LISTING, dropped=st.sets(st.integers(0, 79)), more=LISTING)
def test_listings_that_are_nearly_equal(then: list[bytes], dropped: set[int], more: list[bytes]) -> None:
    left = [entry for number, entry in enumerate(then) if number not in dropped]
    now = sorted({entry[:6]: entry for entry in (*left, *more)}.values())
    only_then, only_now = unmatched(b"".join(then), b"".join(now), 10)
    assert set(only_then) == set(then) - set(now)
    assert set(only_now) == set(now) - set(then)


@given(then=st.lists(st.sampled_from([b"aa", b"bb", b"cc"])), now=st.lists(st.sampled_from([b"aa", b"bb"])))
def test_contents_count_as_often_as_they_are(then: list[bytes], now: list[bytes]) -> None:
    was = [place.to_bytes(6, "big") + about for place, about in enumerate(then)]
    is_now = [place.to_bytes(6, "big") + about for place, about in enumerate(now, 500)]
    removed, added = leftover(was, is_now)
    assert Counter(then[int.from_bytes(place, "big")] for place in removed) == Counter(then) - Counter(now)
    assert Counter(now[int.from_bytes(place, "big") - 500] for place in added) == Counter(now) - Counter(then)


def test_equal_rows_at_one_place_and_at_another() -> None:
    then = [b"\0\0\0\0\0\1same", b"\0\0\0\0\0\2gone"]
    now = [b"\0\0\0\0\0\7same"]
    assert leftover(then, now) == ([b"\0\0\0\0\0\2"], [])
