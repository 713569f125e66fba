"""Temporary branches to look into, deleted even when whoever looks is cancelled or the console ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Final

from warubi_tui.neon.models import Branch

PATIENCE: Final = timedelta(seconds=30)
"""How long leaving the console waits for temporary branches to be deleted."""


class Previews:
    """Makes and deletes every temporary branch in a task of its own.

    Cancelling a screen's work interrupts neither the call that makes a branch, after which it might exist
    unseen, nor the one that deletes it.
    """

    def __init__(self) -> None:
        self._ends: dict[asyncio.Task[None], asyncio.Event] = {}

    @asynccontextmanager
    async def open(self, preview: AbstractAsyncContextManager[Branch]) -> AsyncIterator[Branch]:
        """The branch that `preview` makes. With the block's end its deletion begins, and is not waited for.

        Raises what making the branch raises.
        """
        made: list[Branch] = []
        settled, left = asyncio.Event(), asyncio.Event()

        async def keep() -> None:
            async with preview as branch:
                made.append(branch)
                settled.set()
                await left.wait()

        def ended(task: asyncio.Task[None]) -> None:
            del self._ends[task]
            settled.set()
            if not made and not task.cancelled():
                task.exception()

        task = asyncio.create_task(keep())
        self._ends[task] = left
        task.add_done_callback(ended)
        try:
            await settled.wait()
            if not made:
                task.result()
            yield made[0]
        finally:
            left.set()

    async def close(self, patience: timedelta = PATIENCE) -> bool:
        """Ends every look and waits for the branches to be deleted; whether all of them were in time."""
        for left in self._ends.values():
            left.set()
        if not self._ends:
            return True
        _, late = await asyncio.wait(set(self._ends), timeout=patience.total_seconds())
        for task in late:
            task.cancel()
        return not late
