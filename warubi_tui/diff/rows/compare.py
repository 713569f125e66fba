"""The rows of one table that may differ, found on two servers by the best method there is proof for."""

from contextlib import AsyncExitStack

import psycopg

from warubi_tui.diff.candidates import Beat, Candidates
from warubi_tui.diff.pairing import Pairing, Side
from warubi_tui.diff.rows.blockwise import compare_blocks
from warubi_tui.diff.rows.buckets import compare_buckets
from warubi_tui.diff.rows.choose import Plan
from warubi_tui.diff.rows.condition import check_condition
from warubi_tui.diff.rows.fetch import Fetcher
from warubi_tui.diff.rows.source import NotComparedError, Source, both, give_up
from warubi_tui.diff.rows.statements import STILL_THE_SAME


async def compare_rows(
    then: Source,
    now: Source,
    pairing: Pairing,
    plan: Plan,
    candidates: Candidates,
    *,
    where: str | None,
    beat: Beat,
) -> None:
    """Finds the rows of one table that may differ.

    Locks taken on the table are let go at the end; the snapshots stay.

    Raises:
        NotComparedError: a side refused or failed for this table, or the table was truncated, rewritten or
            repartitioned after the snapshot was taken. `candidates` then mean nothing.
        psycopg.Error: a connection is lost.
    """
    sides = [(s, side) for s, side in ((then, pairing.then), (now, pairing.now)) if side is not None]
    async with AsyncExitStack() as savepoints:
        for source, side in sides:
            await savepoints.enter_async_context(source.connection.transaction(force_rollback=True))
            if where is not None:
                await check_condition(source, side, where)
        fetchers = [Fetcher(source, side, candidates, where) for source, side in sides]
        if len(fetchers) > 1:
            await _compare_sides(fetchers[0], fetchers[1], pairing, plan, beat)
        elif plan.by_place:
            await fetchers[0].relations(plan.then or plan.now)
        else:
            await fetchers[0].table()
        for source, side in sides:
            await _check_unmoved(source, side)


async def _compare_sides(then: Fetcher, now: Fetcher, pairing: Pairing, plan: Plan, beat: Beat) -> None:
    if plan.twins:
        await compare_blocks(then, now, pairing, plan.twins, beat)
    if not plan.by_place or (plan.then and plan.now):
        await compare_buckets(then, now, pairing, plan, beat)
    elif plan.then or plan.now:
        await both(then.source, then.relations(plan.then), now.source, now.relations(plan.now))


async def _check_unmoved(source: Source, side: Side) -> None:
    about = {"oid": side.table.oid, "partitioned": side.table.kind == "partitioned table"}
    try:
        cursor = await source.connection.execute(STILL_THE_SAME, about)
        row = await cursor.fetchone()
    except psycopg.Error as error:
        give_up(source, error)
    if row is None or not row[0]:
        raise NotComparedError(f"{source.label}: truncated or rewritten while it was compared; run it again")
