"""Several tables at once: pairs of sessions that all see what the first pair sees."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from warubi_tui.errors import WarubiError
from warubi_tui.postgres.catalog import TableName
from warubi_tui.text import shorten

if TYPE_CHECKING:
    from warubi_tui.diff.rows.source import Source

T = TypeVar("T")
U = TypeVar("U")

Compare = Callable[["Lane", TableName], Awaitable[None]]

_TABLE_PAGES: Final = 64
"""A table takes round trips beside its pages: as long as this many, or longer."""

_LANE_PAGES: Final = 2048
"""Less work than this is done before another pair of sessions is open."""

_REASON_LENGTH: Final = 120

# Asked first: a statement that fails here would end the transaction, and with it the snapshot.
_MAY_EXPORT: Final = "SELECT has_function_privilege('pg_catalog.pg_export_snapshot()', 'EXECUTE')"
_EXPORT: Final = "SELECT pg_export_snapshot()"


@dataclass(frozen=True, slots=True)
class Lane:
    """A session on each side. One table is compared in it at a time."""

    then: "Source"
    now: "Source"


def lane_count(pages: Iterable[int], limit: int) -> int:
    """How many lanes tables of so many pages are worth."""
    work = [count + _TABLE_PAGES for count in pages]
    return max(1, min(limit, len(work), 1 + sum(work) // _LANE_PAGES))


async def run_lanes(
    first: Lane, count: int, names: Iterable[TableName], compare: Compare, note: Callable[[str], None]
) -> None:
    """Compares the tables, in this order, in `first` and up to `count` - 1 more lanes.

    Lanes that cannot be had are done without; `note` is told why. The first error ends all.

    Raises:
        psycopg.Error, WarubiError: what `compare` raises.
    """
    waiting = deque(names)
    refused: list[str] = []

    async def work(lane: Lane) -> None:
        while waiting:
            await compare(lane, waiting.popleft())

    async def work_beside(snapshots: tuple[str, str]) -> None:
        async with AsyncExitStack() as stack:
            try:
                lane = await stack.enter_async_context(_lane_beside(first, snapshots))
            except WarubiError as error:
                refused.append(shorten(error.detail or error.title, _REASON_LENGTH))
                return
            await work(lane)

    workers = [work(first)]
    if count > 1:
        then, now = await both(_export(first.then), _export(first.now))
        if then is None or now is None:
            refused.append("the role may not export its snapshot")
        else:
            workers += [work_beside((then, now)) for _ in range(count - 1)]
    await _all(workers)
    if refused:
        note(f"compared with fewer connections than allowed: {refused[0]}")


async def both(first: Coroutine[object, object, T], second: Coroutine[object, object, U]) -> tuple[T, U]:
    """What both return, run at the same time. If one fails, the other is cancelled, and ends first."""
    one, other = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        return await asyncio.gather(one, other)
    finally:
        await _end(one, other)


async def _all(coroutines: Iterable[Coroutine[object, object, None]]) -> None:
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _end(*tasks)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _export(source: "Source") -> str | None:
    from psycopg.rows import scalar_row

    cursor = source.connection.cursor(row_factory=scalar_row)
    if not await (await cursor.execute(_MAY_EXPORT)).fetchone():
        return None
    return str(await (await cursor.execute(_EXPORT)).fetchone())


@asynccontextmanager
async def _lane_beside(first: Lane, snapshots: tuple[str, str]) -> AsyncIterator[Lane]:
    from warubi_tui.postgres.session import session

    async with (
        session(first.then.uri, purpose="diff", snapshot=snapshots[0]) as then,
        session(first.now.uri, purpose="diff", snapshot=snapshots[1]) as now,
    ):
        yield Lane(replace(first.then, connection=then), replace(first.now, connection=now))
