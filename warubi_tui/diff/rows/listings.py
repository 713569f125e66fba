"""Listings compared: entries of one width, in the order of what they begin with."""

from collections import defaultdict
from collections.abc import Iterable

from warubi_tui.diff.rows.statements import PLACE_BYTES


def unmatched(
    then: bytes, now: bytes, width: int, *, head: int = PLACE_BYTES
) -> tuple[list[bytes], list[bytes]]:
    """The entries of `width` bytes that are in one listing only; both ascend by the first `head` bytes.

    Long equal stretches are skipped by comparing ever longer pieces.
    """
    only_then: list[bytes] = []
    only_now: list[bytes] = []
    here = there = 0
    while here < len(then) and there < len(now):
        equal = _equal_bytes(then, here, now, there, width)
        here, there = here + equal, there + equal
        one, other = then[here : here + width], now[there : there + width]
        if one and (not other or one[:head] <= other[:head]):
            only_then.append(one)
            here += width
        if other and (not one or other[:head] <= one[:head]):
            only_now.append(other)
            there += width
    only_then += [then[start : start + width] for start in range(here, len(then), width)]
    only_now += [now[start : start + width] for start in range(there, len(now), width)]
    return only_then, only_now


def _equal_bytes(then: bytes, here: int, now: bytes, there: int, width: int) -> int:
    """How many bytes are equal from these positions on, in whole entries."""
    start, step = here, width
    while then[here : here + step] == now[there : there + step] and here < len(then):
        here, there, step = here + step, there + step, step * 2
    while step > width:
        step //= 2
        if then[here : here + step] == now[there : there + step]:
            here, there = here + step, there + step
    return min(here, len(then)) - start


def leftover(
    then: Iterable[bytes], now: Iterable[bytes], placed: int = PLACE_BYTES
) -> tuple[list[bytes], list[bytes]]:
    """The places of the rows whose contents are on one side oftener than on the other, as often as they are.

    The first `placed` bytes of an entry say where the row is, the others are the hash of its contents.
    """
    places: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for entry in then:
        places[entry[placed:]].append(entry[:placed])
    added: list[bytes] = []
    for entry in now:
        same = places.get(entry[placed:])
        if same:
            same.pop()
        else:
            added.append(entry[:placed])
    return [place for left in places.values() for place in left], added
