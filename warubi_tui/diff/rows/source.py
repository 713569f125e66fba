"""One side of a comparison while its rows are read, and both asked at once."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeVar

import psycopg
from psycopg import sql

from warubi_tui.postgres.session import server_message
from warubi_tui.secret import Secret

Connection = psycopg.AsyncConnection[tuple[object, ...]]
T = TypeVar("T")


class NotComparedError(Exception):
    """The rows of this table cannot be compared; the argument says why. Others can."""


@dataclass(frozen=True, slots=True)
class Source:
    """One side of the comparison: a reading session and what to call it."""

    label: Literal["then", "now"]
    connection: Connection
    encoding: str
    uri: Secret
    """To keep it out of messages."""


async def both(
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


async def answer(source: Source, query: sql.Composed) -> bytes:
    """The one value of type bytea that `query` gives; empty for NULL.

    Raises:
        NotComparedError, psycopg.Error: as `give_up`.
    """
    try:
        cursor = source.connection.cursor(binary=True)
        row = await (await cursor.execute(query)).fetchone()
    except psycopg.Error as error:
        give_up(source, error)
    return row[0] if row and isinstance(row[0], bytes) else b""


def give_up(source: Source, error: psycopg.Error) -> NoReturn:
    """Raises `error` itself if the connection is lost; else says why this table cannot be compared."""
    if source.connection.closed or (error.sqlstate or "").startswith(("08", "57P")):
        raise error
    raise NotComparedError(f"{source.label}: {server_message(error, source.uri)}") from error
