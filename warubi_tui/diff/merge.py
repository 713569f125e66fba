"""Two ordered streams of rows walked in lock step. Rows that are equal byte for byte are never parsed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from warubi_tui.diff.copytext import fields, unescape

Lines = Callable[[], Awaitable[bytes]]
"""Gives the next line of COPY, and empty bytes at the end and ever after."""

BREATH: Final = 512
"""After so many steps the event loop gets its turn, however fast the lines come."""


class OutOfOrderError(Exception):
    """A stream is not ordered the way the merge needs: its result would be wrong."""


class Found(Protocol):
    """Takes one difference: the two lines of a row; None where the row is not."""

    def __call__(self, then: bytes | None, now: bytes | None, /) -> None: ...


async def merge(then: Lines, now: Lines, *, width: int, found: Found, breathe: Callable[[], None]) -> None:
    """Passes to `found` every row whose lines are not equal, with its partner on the other side.

    Args:
        width: how many fields at the start of a line are the row's identity; both streams ascend by their
            bytes. Rows of equal identity on one side are matched in the order they come.
        breathe: called every now and then, before other tasks run.

    Raises:
        OutOfOrderError: a stream does not ascend.
    """
    left, right = _Stream(then, width), _Stream(now, width)
    await left.step()
    await right.step()
    steps = 0
    while left.line or right.line:
        steps += 1
        if steps % BREATH == 0:
            breathe()
            await asyncio.sleep(0)
        if left.line == right.line:
            await left.step()
            await right.step()
            continue
        order = _order(left, right)
        found(left.line if order <= 0 else None, right.line if order >= 0 else None)
        if order <= 0:
            await left.step()
        if order >= 0:
            await right.step()


async def no_lines() -> bytes:
    """The stream of a table that is not there."""
    return b""


class _Stream:
    def __init__(self, lines: Lines, width: int) -> None:
        self.line = b""
        self._lines = lines
        self._width = width
        self._identity: list[bytes] = []
        self._parsed = b""

    async def step(self) -> None:
        self.line = await self._lines()

    def identity(self) -> list[bytes]:
        if self._parsed is not self.line:
            identity = [unescape(field) for field in fields(self.line)[: self._width]]
            if identity < self._identity:
                raise OutOfOrderError
            self._identity, self._parsed = identity, self.line
        return self._identity


def _order(left: _Stream, right: _Stream) -> int:
    """Negative if the row of `left` comes first, positive if that of `right`, 0 if they are partners."""
    if not left.line:
        return 1
    if not right.line:
        return -1
    first, second = left.identity(), right.identity()
    return (first > second) - (first < second)
