"""The values of a row in SQL: as text to be shown and matched, and in binary form to be hashed."""

from collections.abc import Iterable
from typing import Final

from psycopg import sql

from warubi_tui.diff.pairing import Pairing, Side
from warubi_tui.postgres.catalog import Column, Table

ROWS: Final = sql.Identifier("t")
"""What the rows of a table are called where no condition of the user's is read."""

# Built-in types whose binary form tells values apart that print differently. Not among them: types that print
# names of the catalog, and those that send less than they print.
_BINARY: Final = frozenset({
    "bool", "int2", "int4", "int8", "float4", "float8", "numeric", "money",
    "text", "varchar", "bpchar", "name", "char", "bytea", "bit", "varbit", "uuid", "json", "jsonb", "xml",
    "date", "time", "timetz", "timestamp", "timestamptz", "interval",
    "inet", "cidr", "macaddr", "macaddr8", "point", "lseg", "box", "line", "path", "polygon", "circle",
    "oid", "tsvector", "tsquery", "pg_lsn",
})  # fmt: skip


def table(about: Table) -> sql.Composed:
    """What stands behind FROM for a table with its partitions, and without those that inherit from it."""
    name = sql.Identifier(about.schema, about.name)
    return sql.SQL("{}" if about.kind == "partitioned table" else "ONLY {}").format(name)


def column(about: Column, rows: sql.Identifier = ROWS) -> sql.Composed:
    """A column of `rows`."""
    return sql.SQL("{}.{}").format(rows, sql.Identifier(about.name))


def row(parts: Iterable[sql.Composable]) -> sql.Composed:
    """One text for several values, as their types print them."""
    return sql.SQL("ROW({})::text").format(sql.SQL(", ").join(parts))


def line(side: Side, rows: sql.Identifier) -> list[sql.Composed]:
    """The fields of a line: those that say which row it is, then every column."""
    return [*_identity(side, rows), *(column(about, rows) for about in side.columns)]


def hashed(
    pairing: Pairing, side: Side, rows: sql.Identifier
) -> tuple[list[sql.Composed], list[sql.Composed]]:
    """The key's and the compared columns: those hashed in binary form, and those hashed as printed.

    The same columns in the same order on both sides.
    """
    names = list(dict.fromkeys((*pairing.compared, *pairing.key)))
    here = {about.name: about for about in side.table.columns}
    binary = {name for name in names if _is_binary(pairing, name)}
    return (
        [column(here[name], rows) for name in names if name in binary],
        [column(here[name], rows) for name in names if name not in binary],
    )


def _is_binary(pairing: Pairing, name: str) -> bool:
    types = {
        (about.base, "." in about.type)
        for side in (pairing.then, pairing.now)
        if side is not None
        for about in side.table.columns
        if about.name == name
    }
    # Types of other schemas than pg_catalog are printed with theirs: see `postgres.session`.
    base, elsewhere = next(iter(types))
    return len(types) == 1 and not elsewhere and base.removeprefix("_") in _BINARY


def _identity(side: Side, rows: sql.Identifier) -> list[sql.Composed]:
    """The texts that say which row it is: of the key, or of the whole row where there is none."""
    if side.identity:
        return [
            _integer_text(about, rows) if about.name in side.integers else _key_text(about, rows)
            for about in side.identity
        ]
    return [row(column(about, rows) for about in side.columns[: side.compared])]


def _integer_text(about: Column, rows: sql.Identifier) -> sql.Composed:
    """Ascends with the number: its eight bytes, sign bit turned over, in hexadecimal."""
    return sql.SQL("encode(int8send({}::int8 # '-9223372036854775808'::int8), 'hex')").format(
        column(about, rows)
    )


def _key_text(about: Column, rows: sql.Identifier) -> sql.Composed:
    """Equal for values that the key's type calls equal though they print differently.

    The other such types (interval, jsonb, text with a nondeterministic collation, and what is composed of
    any of these) keep their print: a key that changed only in its print is one row removed and one added.
    """
    match about.base:
        case "numeric":
            text = "format('%s', trim_scale({0}))"
        case "float4" | "float8":
            text = "CASE WHEN {0} = 0 THEN '0' ELSE format('%s', {0}) END"
        case "bpchar":
            text = "format('%s', {0}::text)"
        case "citext":
            text = 'lower({0}::text COLLATE "default")'
        case _:
            text = "format('%s', {0})"
    return sql.SQL(text).format(column(about, rows))
