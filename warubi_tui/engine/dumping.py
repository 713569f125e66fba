"""Schemas as text and as objects, read from running servers by their Unix sockets, written to new ones."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from warubi_tui.engine.clusters import SUPERUSER, ClusterError
from warubi_tui.engine.programs import child_environment
from warubi_tui.engine.site import Site

Json = dict[str, object]

_LIMIT_SECONDS: Final = 50.0
"""Neon's command line waits 60 s for an answer."""


@dataclass(frozen=True)
class Address:
    """Where a server listens: the folder of its Unix socket and the port in the socket's name."""

    socket: Path
    port: int


class NoSuchDatabaseError(Exception):
    """The server has no database of this name; the text is the name."""


def database_names(address: Address) -> list[str]:
    """The databases of a server that people use."""
    with _session(address, "postgres") as session:
        found = session.execute(
            "SELECT datname FROM pg_database"
            " WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres' ORDER BY datname"
        ).fetchall()
    return [row[0] for row in found]


def dump_schema(site: Site, address: Address, database: str, *, create: bool = False) -> str:
    """The SQL that makes a database's schema, as pg_dump writes it.

    Args:
        create: begins with the statements that make the database itself, and connects to it.

    Raises:
        NoSuchDatabaseError: there is none of this name.
        ClusterError: pg_dump failed.
    """
    with _session(address, "postgres") as session:
        found = session.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s AND datallowconn", (database,)
        ).fetchone()
    if found is None:
        raise NoSuchDatabaseError(database)
    options = ["--schema-only", *(["--create"] if create else [])]
    name = f"dbname='{database.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39))}'"
    return _without_keys(_run(site, address, "pg_dump", *options, f"--dbname={name}"))


def dump_roles(site: Site, address: Address) -> str:
    """The SQL that makes all roles but the superuser every cluster has. Raises ClusterError."""
    script = _run(site, address, "pg_dumpall", "--roles-only", "--database=postgres")
    unwanted = f"CREATE ROLE {SUPERUSER};"
    return "\n".join(line for line in _without_keys(script).splitlines() if line != unwanted)


def run_script(site: Site, address: Address, script: str) -> None:
    """Runs SQL with psql's commands in it, up to the first error. Raises ClusterError."""
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=postgres", "--file=-"]
    _run(site, address, "psql", *options, script=script)


def _run(site: Site, address: Address, program: str, *options: str, script: str = "") -> str:
    where = [f"--host={address.socket}", f"--port={address.port}", f"--username={SUPERUSER}", "--no-password"]
    try:
        done = subprocess.run(
            [site.programs.path(program), *where, *options],
            input=script,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=_LIMIT_SECONDS,
            cwd="/",
            env=child_environment(),
            **site.account.identity(),
        )
    except FileNotFoundError as error:
        raise ClusterError(f"this PostgreSQL has no {program}") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{program} took longer than {_LIMIT_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise ClusterError(done.stderr.strip() or f"{program} ended with status {done.returncode}")
    return done.stdout


def _without_keys(script: str) -> str:
    r"""Without the `\restrict` lines: their keys are random, and would differ between equal schemas."""
    lines = script.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("\\restrict ", "\\unrestrict ")))


def _session(address: Address, database: str) -> psycopg.Connection:
    return psycopg.connect(
        host=str(address.socket),
        port=address.port,
        user=SUPERUSER,
        dbname=database,
        autocommit=True,
        connect_timeout=10,
        sslmode="disable",
        application_name="warubi engine",
    )


_COLUMNS: Final = """
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
    a.attgenerated <> ''
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY 1, 2, a.attnum
"""
_CONSTRAINTS: Final = """
SELECT n.nspname, c.relname, o.conname, o.contype::text,
    (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(o.conkey) WITH ORDINALITY k(key, place)
        JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.key),
    (SELECT jsonb_build_object('schema', rn.nspname, 'table', r.relname, 'columns',
            array_agg(a.attname::text ORDER BY k.place))
        FROM unnest(o.confkey) WITH ORDINALITY k(key, place)
        JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.key
        JOIN pg_class r ON r.oid = o.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
        GROUP BY rn.nspname, r.relname)
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE o.contype IN ('p', 'u', 'f')
ORDER BY 1, 2, o.contype <> 'p', 3
"""
_KINDS: Final = {"p": "primary_key", "u": "unique", "f": "foreign_key"}


def read_tables(address: Address, database: str) -> list[Json]:
    """The tables of a database as Neon's `BranchSchemaJSON` has them, by schema and name.

    Raises:
        NoSuchDatabaseError: there is none of this name.
    """
    try:
        with _session(address, database) as session:
            session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with session.transaction():
                columns = session.execute(_COLUMNS).fetchall()
                constraints = session.execute(_CONSTRAINTS).fetchall()
    except psycopg.OperationalError as error:
        if "does not exist" in str(error):
            raise NoSuchDatabaseError(database) from error
        raise
    of_columns: dict[tuple[str, str], list[Json]] = {}
    for schema, table, name, kind, nullable, generated in columns:
        found = of_columns.setdefault((schema, table), [])
        if name is not None:  # a table may have no columns
            found.append({"name": name, "type": kind, "nullable": nullable, "generated": generated})
    of_constraints: dict[tuple[str, str], list[Json]] = {place: [] for place in of_columns}
    for schema, table, name, kind, columns_in_it, other in constraints:
        if (schema, table) in of_constraints:
            constraint = {"name": name, "type": _KINDS[kind], "columns": columns_in_it}
            of_constraints[schema, table].append(constraint | ({"referenced_table": other} if other else {}))
    return [
        {"schema": schema, "name": table, "columns": found, "constraints": of_constraints[schema, table]}
        for (schema, table), found in of_columns.items()
    ]
