"""Connections to a branch as a database: read-only by default, with settings that make output comparable."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from warubi_tui.errors import RefusedError, UnreachableError, UsageError, WarubiError
from warubi_tui.secret import Secret, redact
from warubi_tui.text import clean_lines

if TYPE_CHECKING:
    import psycopg

CONNECT_TIMEOUT_SECONDS: Final = 15
"""For one attempt; a suspended compute of Neon wakes up well within it."""

RESTART_GAP_SECONDS: Final = 4.0
"""How long a server that refuses connections may take to come back."""

LOCK_TIMEOUT_MILLISECONDS = 10_000
"""How long a reading session waits for a lock, with every later query on that table queueing behind it."""

CLIENT_CHECK_SECONDS: Final = 2
"""A server whose client vanished without a word (a killed process) stops working for it after this."""

# Sent before all else: a SET is quick enough for any timeout, and calls no function of the search path.
_FIRST: Final = "SET LOCAL statement_timeout = 0; SET LOCAL search_path = pg_catalog"

# A setting that this version of the server does not have is left out. Some systems cannot tell that a client
# vanished, and a server there refuses the setting.
_PIN: Final = f"""
SELECT set_config(s.name, wanted.value, true)
  FROM unnest(%(names)s::text[], %(values)s::text[]) AS wanted(name, value)
  JOIN pg_settings s ON lower(s.name) = wanted.name
UNION ALL
SELECT set_config('client_connection_check_interval', '{CLIENT_CHECK_SECONDS}s', true)
 WHERE version() ~ 'linux'
"""

_COMING_BACK: Final = ("connection refused", "starting up", "shutting down", "not yet accepting connections")

# What `diff` reads to find a database; always given to libpq explicitly, so harmless in the environment.
_GIVEN: Final = frozenset({"host", "port", "user", "password", "dbname"})

# Variables libpq reads that are not connection options:
# https://www.postgresql.org/docs/current/libpq-envars.html
_SESSION_VARIABLES: Final = ("PGDATESTYLE", "PGTZ", "PGGEQO", "PGSERVICEFILE", "PGSYSCONFDIR")


def direct_uri(uri: Secret) -> tuple[Secret, bool]:
    """`uri` for the direct host, and whether it named Neon's pooled one (`ep-…-pooler.…`).

    A pooled connection keeps neither settings nor a snapshot. Raises UsageError for what is no URI.
    """
    from psycopg.conninfo import make_conninfo

    parameters = _parameters(uri)
    hosts = str(parameters["host"]).split(",")
    direct = [_direct_host(host) for host in hosts]
    if direct == hosts:
        return uri, False
    return Secret(make_conninfo("", **parameters | {"host": ",".join(direct)})), True


async def open_session(
    uri: Secret, *, read_only: bool = True, purpose: str, snapshot: str | None = None, patient: bool = True
) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    """A connection to the direct host of `uri`, as application `warubi/<purpose>`.

    A reading session is one REPEATABLE READ READ ONLY transaction that has begun: one snapshot, taken here,
    with pinned settings that end with it (they cannot leak through a pooler). `search_path` is `pg_catalog`,
    so that nothing in the database can stand in for a built-in function; row-level security raises an error
    where it would hide rows. A writing session has none of this and begins its first transaction with its
    first statement.

    `snapshot` makes a reading session see what another one sees: what `pg_export_snapshot` gave to that one,
    whose transaction has to be open still.

    The environment (`PGHOST`, `PGOPTIONS` …) does not take part; what libpq could not be kept from reading
    otherwise is removed from `os.environ`. A server that refuses connections or is starting up is asked again
    for a few seconds, if `patient`.

    Raises:
        UsageError: `uri` does not name host, user and database.
        UnreachableError: no answer, or the login was refused.
        WarubiError: the server refuses the snapshot.
    """
    import psycopg
    from psycopg import IsolationLevel
    from psycopg.sql import SQL

    target, _ = direct_uri(uri)
    try:
        connection = await _connect(target, purpose, RESTART_GAP_SECONDS if patient else 0)
    except psycopg.Error as error:
        raise _unreachable(error, target) from None
    if not read_only:
        return connection
    try:
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        if snapshot is not None:
            await connection.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
        await connection.execute(_FIRST)
        settings = _reading_settings()
        await connection.execute(_PIN, {"names": list(settings), "values": list(settings.values())})
    except BaseException as error:
        await connection.close()
        if isinstance(error, psycopg.Error):
            raise translate(error, target) from None
        raise
    return connection


@asynccontextmanager
async def session(
    uri: Secret, *, read_only: bool = True, purpose: str, snapshot: str | None = None, patient: bool = True
) -> AsyncIterator["psycopg.AsyncConnection[tuple[object, ...]]"]:
    """`open_session` for a block: the connection is closed at its end, and nothing is committed for you.

    A `psycopg.Error` leaves the block as a WarubiError. If the block is cancelled, its query is cancelled on
    the server.
    """
    import psycopg

    connection = await open_session(
        uri, read_only=read_only, purpose=purpose, snapshot=snapshot, patient=patient
    )
    try:
        yield connection
    except psycopg.Error as error:
        raise translate(error, uri) from error
    finally:
        if connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
            await connection.cancel_safe(timeout=5)
        await connection.close()


def translate(error: "psycopg.Error", *secrets: Secret) -> WarubiError:
    """What `error` means, in words; the server's own in `detail`, without these secrets."""
    message = server_message(error, *secrets)
    state = error.sqlstate or ""
    if not state or state.startswith(("08", "57P")):
        return UnreachableError(
            "The connection to PostgreSQL was lost",
            message,
            "Nothing was changed by reading; run it again.",
            retryable=True,
        )
    if state == "42501":
        return RefusedError("PostgreSQL does not permit this", message, "Connect with a role that may.")
    return WarubiError("PostgreSQL reported an error", message)


def server_message(error: "psycopg.Error", *secrets: Secret) -> str:
    """The server's message, detail and hint, one a line, safe to show."""
    said = (error.diag.message_primary, error.diag.message_detail, error.diag.message_hint)
    text = "\n".join(part for part in said if part) or str(error)
    return clean_lines(redact(text, *secrets))


def _reading_settings() -> dict[str, str]:
    """Output of every core type is a function of its value under these (design/row-diff.md 4.3).

    Timeouts of the role or the database are lifted: a comparison may run long and leave a side idle.
    """
    return {
        "row_security": "off",
        "timezone": "UTC",
        "datestyle": "ISO, YMD",
        "intervalstyle": "postgres",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "xmlbinary": "base64",
        "lc_monetary": "C",
        "quote_all_identifiers": "off",
        "work_mem": "64MB",
        "jit": "off",
        "transaction_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
        "lock_timeout": str(LOCK_TIMEOUT_MILLISECONDS),
    }


def _parameters(uri: Secret) -> dict[str, str | int | None]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parameters: dict[str, str | int | None] = dict(conninfo_to_dict(uri.reveal()))
    except ProgrammingError:
        raise UsageError(
            "Not a PostgreSQL connection string", "", "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        ) from None
    missing = [name for name in ("host", "user", "dbname") if not parameters.get(name)]
    if missing:
        raise UsageError(
            f"The connection string does not say: {', '.join(missing)}",
            "",
            "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
        )
    return parameters


def _direct_host(host: str) -> str:
    label, dot, domain = host.partition(".")
    if label.startswith("ep-") and label.endswith("-pooler"):
        return label.removesuffix("-pooler") + dot + domain
    return host


def _without_environment(parameters: dict[str, str | int | None]) -> dict[str, str | int | None]:
    """`parameters` completed so that libpq takes nothing from the environment."""
    from psycopg.pq import Conninfo

    complete = {"port": "5432", "password": "", "options": "", **parameters}
    for option in Conninfo.get_defaults():
        name = option.keyword.decode()
        if option.envvar is None or name in _GIVEN:
            continue
        os.environ.pop(option.envvar.decode(), None)
        if option.compiled is not None:
            complete.setdefault(name, option.compiled.decode())
    for variable in _SESSION_VARIABLES:
        os.environ.pop(variable, None)
    return complete


async def _connect(
    target: Secret, purpose: str, gap_seconds: float
) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    import psycopg

    parameters = _without_environment(_parameters(target)) | {
        "application_name": f"warubi/{purpose}",
        "client_encoding": "UTF8",
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    give_up = time.monotonic() + gap_seconds
    while True:
        try:
            return await psycopg.AsyncConnection.connect(psycopg.conninfo.make_conninfo("", **parameters))
        except psycopg.OperationalError as error:
            coming_back = any(sign in str(error).lower() for sign in _COMING_BACK)
            if not coming_back or time.monotonic() > give_up:
                raise
        await asyncio.sleep(0.2)


def _unreachable(error: "psycopg.Error", target: Secret) -> UnreachableError:
    parameters = _parameters(target)
    password = Secret(str(parameters.get("password") or ""))
    return UnreachableError(
        f"Cannot connect to database {parameters['dbname']} at {parameters['host']}",
        clean_lines(redact(str(error), target, password)),
        "Check that the branch's compute is running and that the host, role and password are right.",
        retryable=True,
    )
