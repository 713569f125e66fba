"""A condition in SQL over rows that were read: PostgreSQL itself says of which it is true."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from warubi_tui.diff.copytext import fields, value
from warubi_tui.diff.lanes import both
from warubi_tui.diff.lines import LineReader
from warubi_tui.diff.pairing import Side
from warubi_tui.diff.results import Stored
from warubi_tui.diff.views import Evaluate
from warubi_tui.errors import UnreachableError, UsageError
from warubi_tui.postgres.catalog import Column
from warubi_tui.secret import Secret

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

STATEMENT_TIMEOUT_SECONDS: Final = 20
"""For one batch of a few thousand rows."""

_UNDEFINED_COLUMN: Final = "42703"


@asynccontextmanager
async def evaluating(
    reader: LineReader, then: Secret, now: Secret, condition: str
) -> AsyncIterator[Evaluate]:
    """Asks whether `condition` is true of a row then or of the row now.

    Each version is looked at by its own side, as a row of that side's table, whose schema and `public` are
    the search path. Where only one side has a column that is named, only that side is asked. Where a side is
    gone, such as a temporary branch, the other one looks at both versions.

    Raises:
        UsageError: a server does not accept the condition, or it fails for a row, or takes too long.
        UnreachableError: neither side can be reached.
    """
    pairing = reader.pairing
    async with AsyncExitStack() as stack:
        before, after = await both(_connect(stack, then), _connect(stack, now))
        was = await _asked((before, after), pairing.then, then, condition)
        is_now = await _asked((after, before), pairing.now, now, condition)
        asked = [side for side in (was, is_now) if side is not None]
        unknown = [error for side in asked if (error := await side.refusal())]
        if len(unknown) == len(asked):
            raise _refused(unknown[0], then, now) from unknown[0]

        async def evaluate(rows: Sequence[Stored]) -> list[bool]:
            then_true, now_true = await both(
                _true_of(was, [row.then for row in rows]), _true_of(is_now, [row.now for row in rows])
            )
            return [place in then_true or place in now_true for place in range(len(rows))]

        yield evaluate


async def _connect(stack: AsyncExitStack, uri: Secret) -> "Connection | UnreachableError":
    from warubi_tui.postgres.session import session

    try:
        return await stack.enter_async_context(session(uri, purpose="diff", patient=False))
    except UnreachableError as error:
        return error


async def _asked(
    connections: "Sequence[Connection | UnreachableError]", side: Side | None, uri: Secret, condition: str
) -> "_AskedSide | None":
    """The side of a version, looked at over the first of these connections that is there."""
    if side is None:
        return None
    reached = [one for one in connections if not isinstance(one, UnreachableError)]
    lost = [one for one in connections if isinstance(one, UnreachableError)]
    if not reached:
        raise lost[0]
    connection = reached[0]
    await connection.execute(
        "SELECT set_config('search_path', format('%%I, public', %s::text), true),"
        " set_config('statement_timeout', %s, true)",
        [side.table.schema, f"{STATEMENT_TIMEOUT_SECONDS}s"],
    )
    return _AskedSide(connection, side, uri, condition)


async def _true_of(side: "_AskedSide | None", lines: Sequence[bytes | None]) -> set[int]:
    if side is None or side.refused:
        return set()
    return await side.true_of({number: line for number, line in enumerate(lines) if line is not None})


class _AskedSide:
    def __init__(
        self,
        connection: "Connection",
        side: Side,
        uri: Secret,
        condition: str,
    ) -> None:
        self.refused = False
        self._connection = connection
        self._uri = uri
        self._sent = [
            place for place, column in enumerate(side.columns) if _may_name(condition, side, column)
        ]
        self._statement = _statement(side, [side.columns[place] for place in self._sent], condition)

    async def refusal(self) -> "psycopg.Error | None":
        """Asks about no row; the error if the side knows no such column."""
        from psycopg import Error

        try:
            async with self._connection.transaction(force_rollback=True):
                await self._ask({})
        except Error as error:
            if error.sqlstate != _UNDEFINED_COLUMN:
                raise _refused(error, self._uri) from error
            self.refused = True
            return error
        except UnicodeEncodeError as error:
            raise UsageError("The condition holds a character that SQL cannot") from error
        return None

    async def true_of(self, lines: dict[int, bytes]) -> set[int]:
        """The numbers of the lines of which the condition is true."""
        from psycopg import Error

        try:
            return await self._ask(lines)
        except Error as error:
            if self._connection.closed:
                raise
            raise _refused(error, self._uri) from error

    async def _ask(self, lines: dict[int, bytes]) -> set[int]:
        from psycopg import AsyncRawCursor
        from psycopg.rows import scalar_row

        columns = await asyncio.to_thread(self._values, list(lines.values()))
        async with AsyncRawCursor(self._connection, row_factory=scalar_row) as cursor:
            await cursor.execute(self._statement, [list(lines), *columns], prepare=False)
            return set(await cursor.fetchall())

    def _values(self, lines: Sequence[bytes]) -> list[list[str | None]]:
        split = [fields(line) for line in lines]
        return [[value(found[place]) for found in split] for place in self._sent]


def _may_name(condition: str, side: Side, column: Column) -> bool:
    """Whether the condition may need the column: it has its name, or the row's, or hides names in escapes."""
    written = condition.lower()
    names = (column.name, side.table.name)
    return (
        "*" in written or "u&" in written or any(name.lower().replace('"', '""') in written for name in names)
    )


def _statement(side: Side, columns: Sequence[Column], condition: str) -> "sql.Composed":
    """Every value is read by its type's input function, and only where the condition needs it.

    The condition ends in a line of its own: it may end in a comment.
    """
    from psycopg import sql

    place = "place"
    while any(column.name == place for column in side.columns):
        place += "_"
    texts = [f"{place}{number}" for number in range(len(columns))]
    typed = [
        sql.SQL("{}::{} AS {}").format(
            sql.Identifier(text), sql.SQL(column.type), sql.Identifier(column.name)
        )
        for text, column in zip(texts, columns, strict=True)
    ]
    names = sql.SQL(", ").join(map(sql.Identifier, [place, *texts]))
    arrays = sql.SQL(", ").join(
        [sql.SQL("$1::int8[]"), *(sql.SQL(f"${number}::text[]") for number in range(2, len(texts) + 2))]
    )
    return sql.SQL(
        "SELECT {place} FROM (SELECT {fields} FROM unnest({arrays}) AS given ({names})) AS {table}"
        " WHERE ({condition}\n)"
    ).format(
        place=sql.Identifier(place),
        fields=sql.SQL(", ").join([sql.Identifier(place), *typed]),
        arrays=arrays,
        names=names,
        table=sql.Identifier(side.table.name),
        condition=sql.SQL(condition),
    )


def _refused(error: "psycopg.Error", *secrets: Secret) -> UsageError:
    from warubi_tui.postgres.session import server_message

    return UsageError("PostgreSQL does not accept the condition", server_message(error, *secrets))
