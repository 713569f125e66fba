"""The rows of one table compared on two servers.

First both servers hash their rows into buckets: what is equal is found there and never sent. The rows of the
buckets that differ then come ordered by identity and are merged.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import psycopg
from psycopg import sql

from warubi_tui.diff import statements
from warubi_tui.diff.candidates import Candidates
from warubi_tui.diff.merge import Lines, OutOfOrderError, merge, no_lines
from warubi_tui.diff.pairing import Pairing, Side
from warubi_tui.postgres.session import server_message
from warubi_tui.secret import Secret

Connection = psycopg.AsyncConnection[tuple[object, ...]]
T = TypeVar("T")

_FILTER_LIMIT = statements.BUCKETS // 2
"""With more differing buckets than this, picking them costs the server more than it saves."""


class NotComparedError(Exception):
    """The rows of this table cannot be compared; the argument says why. Others can."""


@dataclass(frozen=True, slots=True)
class Source:
    """One side of the comparison: a reading session and what to call it."""

    label: str
    connection: Connection
    encoding: str
    uri: Secret
    """To keep it out of messages."""


async def compare_rows(then: Source, now: Source, pairing: Pairing, candidates: Candidates) -> None:
    """Finds the rows of one table that may differ.

    Locks taken on the table are let go at the end; the snapshots stay.

    Raises:
        NotComparedError: a side refused or failed for this table, or the table was truncated, rewritten or
            repartitioned after the snapshot was taken. `candidates` then mean nothing.
        psycopg.Error: a connection is lost.
    """
    sides = [(s, side) for s, side in ((then, pairing.then), (now, pairing.now)) if side is not None]
    async with AsyncExitStack() as savepoints:
        for source, _ in sides:
            await savepoints.enter_async_context(source.connection.transaction(force_rollback=True))
        buckets: set[int] | None = None
        if pairing.then is not None and pairing.now is not None:
            buckets = await _differing_buckets(then, pairing.then, now, pairing.now)
        if buckets is None or buckets:
            await _merge_rows(then, now, pairing, buckets, candidates)
        for source, side in sides:
            await _check_unmoved(source, side)


async def _both(
    then: Source, first: Coroutine[object, object, T], now: Source, second: Coroutine[object, object, T]
) -> tuple[T, T]:
    """What both sides answer, asked at the same time.

    If one fails, the other's query is cancelled on its server. Its task is not: psycopg gives a connection up
    if anything but the cancellation comes back then, and the snapshot would go with it.
    """
    one, two = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        done, running = await asyncio.wait((one, two), return_when=asyncio.FIRST_EXCEPTION)
        if running:
            failed = done.pop()
            await (now if failed is one else then).connection.cancel_safe(timeout=5)
            await asyncio.wait(running)
            failed.result()
        return one.result(), two.result()
    finally:
        one.cancel()
        two.cancel()
        await asyncio.gather(one, two, return_exceptions=True)


async def _differing_buckets(then: Source, before: Side, now: Source, after: Side) -> set[int]:
    was, is_now = await _both(
        then,
        _all_lines(then, statements.bucket_digests(before)),
        now,
        _all_lines(now, statements.bucket_digests(after)),
    )
    return {int(line.split(b"\t", 1)[0]) for line in was ^ is_now}


async def _merge_rows(
    then: Source, now: Source, pairing: Pairing, buckets: set[int] | None, candidates: Candidates
) -> None:
    if buckets is not None and len(buckets) > _FILTER_LIMIT:
        buckets = None

    def found(was: bytes | None, is_now: bytes | None) -> None:
        if was is not None:
            candidates.add("then", was)
        if is_now is not None:
            candidates.add("now", is_now)

    recode = {then.encoding, now.encoding} != {"UTF8"}
    async with AsyncExitStack() as copies:
        was, is_now = await _both(
            then,
            _open_rows(copies, then, pairing.then, recode, buckets),
            now,
            _open_rows(copies, now, pairing.now, recode, buckets),
        )
        try:
            await merge(was, is_now, width=pairing.width, found=found, breathe=lambda: None)
        except OutOfOrderError:
            raise NotComparedError("the server did not order the rows by their key") from None


async def _open_rows(
    copies: AsyncExitStack, source: Source, side: Side | None, recode: bool, buckets: set[int] | None
) -> Lines:
    if side is None:
        return no_lines
    statement = statements.ordered_rows(side, recode=recode, buckets=buckets)
    try:
        copy = await copies.enter_async_context(source.connection.cursor().copy(statement))
    except psycopg.Error as error:
        _give_up(source, error)

    async def read() -> bytes:
        try:
            return bytes(await copy.read())
        except psycopg.Error as error:
            _give_up(source, error)

    return read


async def _all_lines(source: Source, statement: sql.Composed) -> set[bytes]:
    try:
        async with source.connection.cursor().copy(statement) as copy:
            return {bytes(line) async for line in copy}
    except psycopg.Error as error:
        _give_up(source, error)


async def _check_unmoved(source: Source, side: Side) -> None:
    about = {"oid": side.table.oid, "partitioned": side.table.kind == "partitioned table"}
    try:
        cursor = await source.connection.execute(statements.STILL_THE_SAME, about)
        row = await cursor.fetchone()
    except psycopg.Error as error:
        _give_up(source, error)
    if row is None or not row[0]:
        raise NotComparedError(f"{source.label}: truncated or rewritten while it was compared; run it again")


def _give_up(source: Source, error: psycopg.Error) -> NoReturn:
    """Raises `error` itself if the connection is lost; else says why this table cannot be compared."""
    if source.connection.closed or (error.sqlstate or "").startswith(("08", "57P")):
        raise error
    raise NotComparedError(f"{source.label}: {server_message(error, source.uri)}") from error
