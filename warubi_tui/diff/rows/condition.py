"""A condition of the user's: one boolean expression of SQL, evaluated by the server that has the rows."""

from typing import Final

import psycopg
from psycopg import sql

from warubi_tui.diff import values
from warubi_tui.diff.pairing import Side
from warubi_tui.diff.rows.source import NotComparedError, Source, give_up

# What closes a parenthesis it did not open, or leaves one open, is no expression in one of the two.
_PROBES: Final = (
    "SELECT ({condition}\n) IS TRUE FROM {table} AS {alias} LIMIT 0",
    "SELECT CASE WHEN {condition}\n THEN 1 END FROM {table} AS {alias} LIMIT 0",
)


def is_true(condition: str) -> sql.Composed:
    """Whether a row meets a condition that `check_condition` let pass: true or false, never NULL."""
    return sql.SQL("({}\n) IS TRUE").format(sql.SQL(condition))


# The types and operators of a table's columns are where the table is, or in `public`: without them citext
# would be compared as text, without a word.
_SEARCH_PATH: Final = "SELECT set_config('search_path', format('pg_catalog, %%I, public', %s::text), true)"


async def check_condition(source: Source, side: Side, condition: str) -> None:
    """Has the server read the condition over this side's table, without evaluating it.

    Until the transaction or its savepoint ends, the table's schema and `public` are on the search path.

    Raises:
        NotComparedError: the server does not take it as one boolean expression.
        psycopg.Error: the connection is lost.
    """
    await source.connection.execute(_SEARCH_PATH, [side.table.schema])
    for probe in _PROBES:
        query = sql.SQL(probe).format(
            condition=sql.SQL(condition),
            table=values.table(side.table),
            alias=sql.Identifier(side.table.name),
        )
        try:
            # In the extended protocol a query is one statement.
            await source.connection.execute(query, prepare=True)
        except psycopg.Error as error:
            give_up(source, error)
        except ValueError:
            raise NotComparedError("the condition holds a character that SQL cannot") from None
