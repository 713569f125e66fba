"""How a relation is walked: how much at a time, and how finely at first."""

from collections.abc import Iterator
from typing import Final

_WIDTH: Final = 64
"""Blocks that one mark stands for at first: a scan that starts anew in each reads ahead within it."""

_STEP: Final = 8192
"""Blocks that are looked at before differing ones are looked into: they stay in the server's memory."""

_TRIAL: Final = 512
"""Blocks in each of the first steps, from which it is learnt how to go on."""


class Pace:
    """How large the next step is, and whether it marks single blocks at once.

    Where most ranges differ, looking at ranges first is a pass for nothing, unless the server reads single
    blocks that much slower. Both is tried, and the faster one is kept.
    """

    def __init__(self, *, single: bool) -> None:
        """With `single`, every step marks single blocks."""
        self.width = 1 if single else _WIDTH
        """Blocks that a mark of the next step stands for."""
        self._learning = not single
        self._seconds: dict[int, float] = {}

    def steps(self, blocks: int) -> Iterator[tuple[int, int]]:
        """The first block of each step and the one behind its last."""
        first = 0
        while first < blocks:
            end = min(first + (_TRIAL if self._learning else _STEP), blocks)
            yield first, end
            first = end

    def learn(self, blocks: int, seconds: float, marks: int, differing: int) -> None:
        """Takes how long a step took until its differing blocks were known, and how many marks differed."""
        if not self._learning:
            return
        self._seconds[self.width] = seconds / blocks
        if self.width == 1:
            self.width = min(self._seconds, key=self._seconds.__getitem__)
            self._learning = False
        elif 2 * differing > marks:
            self.width = 1
        else:
            self._learning = False
