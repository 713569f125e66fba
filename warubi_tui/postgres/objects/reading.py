"""Reads a database's schema: all catalogs in one round trip, and around what cannot be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from warubi_tui.postgres.objects import programs, relations, surroundings
from warubi_tui.postgres.objects.grants import grants
from warubi_tui.postgres.objects.model import DatabaseSchema, Position, SchemaObject

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

Rows = Sequence[tuple[Any, ...]]
"""Rows of a catalog, as `fragments.COLUMNS` has them."""

_LOCK_TIMEOUT: Final = "3s"
"""How long a view or an index may be locked by somebody who changes it; longer makes it unknown."""

_ABOUT: Final = """
SELECT current_database()::text, current_setting('server_version_num')::int,
       pg_snapshot_xmax(pg_current_snapshot())::text::int8
"""
_SYSTEM: Final = "SELECT system_identifier::int8 FROM pg_control_system()"

# A standby cannot read what crash recovery empties.
_READABLE: Final = """
SELECT c.oid::int8, s.seqincrement
  FROM pg_class c
  JOIN pg_sequence s ON s.seqrelid = c.oid
 WHERE CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') END
   AND has_schema_privilege(c.relnamespace, 'USAGE')
   AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
"""
_SEQUENCES_A_QUERY: Final = 500


@dataclass(frozen=True)
class _Query:
    words: str
    """What it reads, as notes call it."""
    kinds: tuple[str, ...]
    """The kinds of objects that it finds."""
    text: str


def _queries(version: int) -> list[_Query]:
    """In the order that objects are listed."""
    return [
        _Query("schemas", ("schema",), surroundings.SCHEMAS),
        _Query("extensions", ("extension",), surroundings.EXTENSIONS),
        _Query("languages", ("language",), surroundings.LANGUAGES),
        _Query("types", ("type", "domain"), programs.TYPES),
        _Query("attributes of types", ("attribute",), programs.ATTRIBUTES),
        _Query("values of enums", ("enum_value",), programs.ENUM_VALUES),
        _Query("collations", ("collation",), surroundings.COLLATIONS),
        _Query("tables", ("table", "foreign_table"), relations.TABLES),
        _Query("views", ("view", "materialized_view"), relations.VIEWS),
        _Query("columns", ("column", "view_column"), relations.COLUMNS_OF_RELATIONS),
        _Query("constraints", ("constraint",), relations.CONSTRAINTS),
        _Query("indexes", ("index",), relations.INDEXES),
        _Query("triggers", ("trigger",), relations.TRIGGERS),
        _Query("rules", ("rule",), relations.RULES),
        _Query("policies", ("policy",), relations.POLICIES),
        _Query("statistics objects", ("statistics",), relations.STATISTICS),
        _Query("sequences", ("sequence",), programs.SEQUENCES),
        _Query("functions", ("function", "procedure", "aggregate"), programs.ROUTINES),
        *(_Query(f"{kind.replace('_', ' ')}s", (kind,), text) for kind, text in surroundings.OTHERS.items()),
        _Query("event triggers", ("event_trigger",), programs.EVENT_TRIGGERS),
        _Query("publications", ("publication",), surroundings.publications(version)),
        _Query("subscriptions", ("subscription",), surroundings.SUBSCRIPTIONS),
        _Query("foreign servers", ("foreign_server",), surroundings.FOREIGN_SERVERS),
        _Query("user mappings", ("user_mapping",), surroundings.USER_MAPPINGS),
        _Query("default privileges", ("default_privileges",), surroundings.DEFAULT_PRIVILEGES),
    ]


async def read_schema(connection: "Connection") -> DatabaseSchema:
    """The schema that the transaction of `connection` sees (a reading session of `postgres.session`).

    What the role may not read, or what fails because somebody changes it at this moment, is `unknown`: the
    functions that print definitions look at the newest catalogs, whatever the snapshot. Locks that they take
    are let go at the end.

    Raises:
        psycopg.Error: the connection is lost.
    """
    unknown: dict[str, str] = {}
    async with connection.transaction(force_rollback=True):
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'".encode())
        ((database, version, next_xid),) = await _fetch(connection, _ABOUT)
        queries = [_Query("system identifier", (), _SYSTEM), *_queries(version)]
        system, *found = await _read_all(connection, queries, unknown)
        objects = tuple(_object(row) for rows in found for row in rows)
        positions = await _positions(connection, objects, unknown)
    return DatabaseSchema(
        database=database,
        system=system[0][0] if system else None,
        version=version,
        next_xid=next_xid,
        objects=objects,
        positions=positions,
        unknown=unknown,
        unknown_kinds=frozenset(kind for one in queries if one.words in unknown for kind in one.kinds),
    )


async def _read_all(
    connection: "Connection", queries: Sequence[_Query], unknown: dict[str, str]
) -> list[Rows]:
    """The rows of every query; one that fails goes to `unknown` and has none."""
    import psycopg

    try:
        async with connection.transaction(), connection.pipeline():
            cursors = [await _execute(connection, query.text) for query in queries]
            return [await cursor.fetchall() for cursor in cursors]
    except psycopg.Error:
        if connection.closed:
            raise
    return [await _read_one(connection, query.words, query.text, unknown) for query in queries]


async def _read_one(connection: "Connection", words: str, query: str, unknown: dict[str, str]) -> Rows:
    import psycopg

    from warubi_tui.postgres.session import server_message

    try:
        async with connection.transaction():
            return await _fetch(connection, query)
    except psycopg.Error as error:
        if connection.closed:
            raise
        unknown[words] = server_message(error)
        return []


async def _execute(connection: "Connection", query: str) -> "psycopg.AsyncCursor[tuple[Any, ...]]":
    from psycopg.rows import tuple_row

    return await connection.cursor(row_factory=tuple_row).execute(query.encode())


async def _fetch(connection: "Connection", query: str) -> Rows:
    return await (await _execute(connection, query)).fetchall()


def _object(row: tuple[Any, ...]) -> SchemaObject:
    kind, oid, number, born, schema, relation, name, inherited, part_of, facts, versions = row
    return SchemaObject(
        kind=kind,
        oid=oid,
        number=number,
        born=born,
        schema=schema,
        relation=relation,
        name=name,
        inherited=inherited,
        part_of=tuple(part_of) if part_of else None,
        parents=tuple((schema, name) for schema, name in facts.pop("parents", ())),
        facts=_with_grants(facts),
        versions=versions,
    )


def _with_grants(facts: dict[str, Any]) -> Mapping[str, str]:
    """`facts` with the access lists in words."""
    acl, usual = facts.pop("acl", None), facts.pop("usual_acl", ())
    held = grants(acl, usual, facts.get("owner"))
    return facts | {"grants": held} if held else facts


async def _positions(
    connection: "Connection", objects: Sequence[SchemaObject], unknown: dict[str, str]
) -> dict[tuple[str, str], Position | None]:
    """How far every sequence is.

    Read from the sequences as tables: PostgreSQL's own function keeps a lock up to the transaction's end.
    """
    from psycopg import sql

    words = "positions of sequences"
    names = {one.oid: (one.schema, str(one.name)) for one in objects if one.kind == "sequence"}
    steps = {
        oid: step for oid, step in await _read_one(connection, words, _READABLE, unknown) if oid in names
    }
    readable = [*steps]
    if len(readable) < len(names) and words not in unknown:
        missing = len(names) - len(readable)
        unknown[words] = f"{missing} of {len(names)} may not be read"
    found: dict[tuple[str, str], Position | None] = {}
    for start in range(0, len(readable), _SEQUENCES_A_QUERY):
        query = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {}::int8, is_called, last_value, log_cnt FROM {}").format(
                sql.Literal(oid), sql.Identifier(*names[oid])
            )
            for oid in readable[start : start + _SEQUENCES_A_QUERY]
        )
        for oid, used, last, ahead in await _read_one(
            connection, words, query.as_string(connection), unknown
        ):
            found[names[oid]] = Position(last, last + ahead * steps[oid]) if used else None
    return found
