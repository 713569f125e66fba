"""The lock-step merge, on streams in memory."""

import asyncio
from collections.abc import Sequence

import pytest

from warubi_tui.diff.merge import BREATH, Lines, OutOfOrderError, merge, no_lines

Pairs = list[tuple[bytes | None, bytes | None]]


def stream(lines: Sequence[bytes]) -> Lines:
    left = iter(lines)

    async def read() -> bytes:
        return next(left, b"")

    return read


async def merged(then: Sequence[bytes], now: Sequence[bytes], width: int = 1) -> Pairs:
    pairs: Pairs = []
    await merge(
        stream(then),
        stream(now),
        width=width,
        found=lambda was, is_now: pairs.append((was, is_now)),
        breathe=lambda: None,
    )
    return pairs


async def test_partners_and_lonely_rows() -> None:
    pairs = await merged([b"a\t1\n", b"b\t1\n", b"c\t1\n"], [b"b\t2\n", b"c\t1\n", b"d\t1\n"])
    assert pairs == [(b"a\t1\n", None), (b"b\t1\n", b"b\t2\n"), (None, b"d\t1\n")]


async def test_equal_rows_are_matched_one_to_one() -> None:
    assert await merged([b"a\n", b"a\n", b"a\n"], [b"a\n"]) == [(b"a\n", None), (b"a\n", None)]


async def test_identity_is_ordered_by_its_bytes_and_not_by_its_escapes() -> None:
    tab, high = b"\\t\t1\n", b"A\t1\n"  # a tab sorts before A, the backslash that stands for it after
    assert await merged([tab, high], [high]) == [(tab, None)]


async def test_several_fields_of_identity() -> None:
    then = [b"a\tz\t1\n", b"b\ta\t1\n"]
    assert await merged(then, [b"b\ta\t2\n"], width=2) == [(then[0], None), (then[1], b"b\ta\t2\n")]


async def test_stream_that_does_not_ascend_is_refused() -> None:
    with pytest.raises(OutOfOrderError):
        await merged([b"b\n", b"a\n"], [b"c\n"])


async def test_other_tasks_get_their_turn() -> None:
    turns = 0
    done = asyncio.Event()

    async def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    breaths: list[None] = []
    await merge(
        stream([b"a\n"] * BREATH * 5),
        no_lines,
        width=1,
        found=lambda was, is_now: None,
        breathe=lambda: breaths.append(None),
    )
    done.set()
    await counting
    assert len(breaths) == 5
    assert turns >= 5
