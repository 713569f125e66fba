"""Sessions: what they pin, what they ignore, what they say when they fail."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Protocol

import psycopg
import pytest

from warubi_tui.errors import RefusedError, UnreachableError, UsageError, WarubiError
from warubi_tui.postgres import session as sessions
from warubi_tui.postgres.session import direct_uri, open_session, session
from warubi_tui.secret import Secret


class Server(Protocol):
    """The shared throwaway PostgreSQL."""

    def uri(self, database: str = "postgres") -> str: ...

    def create_database(self, prefix: str = "test", *, template: str = "template0") -> str: ...


async def show(connection: psycopg.AsyncConnection[tuple[object, ...]], name: str) -> object:
    row = await (await connection.execute("SELECT current_setting(%s)", [name])).fetchone()
    assert row is not None
    return row[0]


async def test_session_sees_what_the_one_whose_snapshot_it_takes_sees(postgres: Server) -> None:
    uri = postgres.create_database()
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int)")
    async with session(Secret(uri), purpose="test") as first:
        (snapshot,) = await (await first.execute("SELECT pg_export_snapshot()")).fetchone() or ("",)
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("INSERT INTO t VALUES (1)")
        async with session(Secret(uri), purpose="test", snapshot=str(snapshot)) as second:
            count = await (await second.execute("SELECT count(*) FROM public.t")).fetchone()
            assert count == (0,)
            assert await show(second, "transaction_read_only") == "on"
            assert await show(second, "search_path") == "pg_catalog"
    with pytest.raises(WarubiError, match="reported an error") as refused:
        await sessions.open_session(Secret(uri), purpose="test", snapshot=str(snapshot))
    assert "snapshot" in refused.value.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transaction_isolation", "repeatable read"),
        ("transaction_read_only", "on"),
        ("search_path", "pg_catalog"),
        ("row_security", "off"),
        ("TimeZone", "UTC"),
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("transaction_timeout", "0"),
        ("application_name", "warubi/test"),
        ("client_encoding", "UTF8"),
    ],
)
async def test_reading_session_is_pinned_whatever_the_database_says(
    postgres: Server, name: str, value: str
) -> None:
    uri = postgres.create_database()
    database = uri.rsplit("/", 1)[1]
    with psycopg.connect(uri, autocommit=True) as connection:
        for setting in (
            "statement_timeout = '1min'",
            "transaction_timeout = '1min'",
            "idle_in_transaction_session_timeout = '1min'",
            "timezone = 'Asia/Tokyo'",
            "search_path = public, pg_catalog",
        ):
            connection.execute(f"ALTER DATABASE {database} SET {setting}".encode())
    async with session(Secret(uri), purpose="test") as reading:
        assert await show(reading, name) == value


async def test_reading_session_cannot_write(postgres: Server) -> None:
    with pytest.raises(WarubiError, match=r"(?s)read-only transaction"):
        async with session(Secret(postgres.uri()), purpose="test") as connection:
            await connection.execute("CREATE TABLE public.never (id int)")


async def test_writing_session_commits_only_when_told(postgres: Server) -> None:
    uri = Secret(postgres.create_database())
    async with session(uri, read_only=False, purpose="test") as connection:
        await connection.execute("CREATE TABLE kept (id int)")
        await connection.commit()
        await connection.execute("CREATE TABLE lost (id int)")
    async with session(uri, purpose="test") as connection:
        found = await (
            await connection.execute("SELECT relname FROM pg_class WHERE relname ~ '^(kept|lost)$'")
        ).fetchall()
    assert found == [("kept",)]


async def test_user_functions_cannot_stand_in_for_built_in_ones(postgres: Server) -> None:
    uri = postgres.create_database()
    database = uri.rsplit("/", 1)[1]
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION public.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT "
            "1 / 0 $$"
        )
        connection.execute(f"ALTER DATABASE {database} SET search_path = public, pg_catalog".encode())
    async with session(Secret(uri), purpose="test") as reading:
        assert await show(reading, "row_security") == "off"


HOSTILE = {
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGDATABASE": "none",
    "PGOPTIONS": "--nonsense",
    "PGSERVICE": "nowhere",
    "PGSERVICEFILE": "/nonexistent",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": "/nonexistent",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGCHANNELBINDING": "require",
    "PGTZ": "Nowhere/Land",
    "PGDATESTYLE": "nonsense",
    "PGGEQO": "nonsense",
    "PGCLIENTENCODING": "nonsense",
    "PGTARGETSESSIONATTRS": "standby",
    "PGAPPNAME": "somebody",
    "PGCONNECT_TIMEOUT": "nonsense",
    "PGMINPROTOCOLVERSION": "9.9",
    "PGLOADBALANCEHOSTS": "nonsense",
    "PGSSLNEGOTIATION": "direct",
    "PGGSSENCMODE": "require",
}


async def test_environment_does_not_take_part(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    async with session(Secret(postgres.uri()), purpose="test") as connection:
        assert await show(connection, "application_name") == "warubi/test"
        assert await show(connection, "TimeZone") == "UTC"
    assert os.environ["PGHOST"] == "nowhere.invalid"


@pytest.mark.parametrize(
    ("uri", "direct"),
    [
        ("ep-cool-rain-1-pooler.eu-central-1.aws.neon.tech", "ep-cool-rain-1.eu-central-1.aws.neon.tech"),
        ("ep-cool-rain-1.eu-central-1.aws.neon.tech", None),
        ("my-pooler.example.org", None),
    ],
)
def test_pooled_host_of_neon_becomes_the_direct_one(uri: str, direct: str | None) -> None:
    given = Secret(f"postgresql://u:p%20w@{uri}/db?sslmode=require")
    found, pooled = direct_uri(given)
    assert pooled == (direct is not None)
    if direct is None:
        assert found == given
    else:
        parts = psycopg.conninfo.conninfo_to_dict(found.reveal())
        assert parts == {"user": "u", "password": "p w", "host": direct, "dbname": "db", "sslmode": "require"}


@pytest.mark.parametrize(
    "uri", ["postgresql:///db", "postgresql://host/db", "postgresql://u@host", "nonsense", ""]
)
def test_incomplete_or_broken_uri_is_a_usage_error(uri: str) -> None:
    with pytest.raises(UsageError):
        direct_uri(Secret(uri))


async def test_refused_connection_is_said_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "RESTART_GAP_SECONDS", 0.0)
    with pytest.raises(UnreachableError) as caught:
        async with session(Secret("postgresql://u:hunter2@127.0.0.1:1/db"), purpose="test"):
            pass
    assert "db at 127.0.0.1" in caught.value.title
    assert "refused" in caught.value.detail
    assert "hunter2" not in str(caught.value)


async def test_missing_database_is_unreachable(postgres: Server) -> None:
    with pytest.raises(UnreachableError, match=r"(?s)does not exist"):
        async with session(Secret(postgres.uri("no_such_database")), purpose="test"):
            pass


async def test_server_that_comes_back_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, postgres: Server
) -> None:
    real = psycopg.AsyncConnection.connect
    answers = iter(
        [
            psycopg.OperationalError("connection refused"),
            psycopg.OperationalError("the database system is starting up"),
        ]
    )

    async def connect(conninfo: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
        for error in answers:
            raise error
        return await real(conninfo)

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    async with session(Secret(postgres.uri()), purpose="test") as connection:
        assert await show(connection, "row_security") == "off"


async def test_in_a_hurry_it_is_not(monkeypatch: pytest.MonkeyPatch, postgres: Server) -> None:
    tried: list[str] = []

    async def connect(conninfo: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
        tried.append(conninfo)
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    with pytest.raises(UnreachableError):
        await open_session(Secret(postgres.uri()), purpose="test", patient=False)
    assert len(tried) == 1


async def fail_with(uri: str, statement: bytes, *, role: bytes = b"postgres") -> None:
    async with session(Secret(uri), read_only=False, purpose="test") as connection:
        await connection.execute(b"SET ROLE " + role)
        await connection.execute(statement)


async def test_privilege_is_refused_and_other_errors_are_worded(postgres: Server) -> None:
    with pytest.raises(RefusedError, match=r"(?s)permission denied"):
        await fail_with(postgres.uri(), b"SELECT * FROM pg_authid", role=b"pg_monitor")
    with pytest.raises(WarubiError, match=r"(?s)division by zero"):
        await fail_with(postgres.uri(), b"SELECT 1 / 0")


async def until(fact: Callable[[], bool], seconds: float) -> None:
    """Waits for something in another process to become true."""
    async with asyncio.timeout(seconds):
        while True:
            if fact():
                return
            await asyncio.sleep(0.01)


async def test_cancelled_block_cancels_its_query(postgres: Server) -> None:
    uri = postgres.create_database()
    running = asyncio.create_task(fail_with(uri, b"SELECT pg_sleep(600)"))
    with psycopg.connect(uri, autocommit=True) as watcher:
        backends = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'warubi/test'"
        )
        sleeping = f"{backends} AND wait_event = 'PgSleep'"
        await until(lambda: watcher.execute(sleeping.encode()).fetchone() == (1,), 10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until(
            lambda: watcher.execute(backends.encode()).fetchone() == (0,),
            sessions.CLIENT_CHECK_SECONDS * 0.75,
        )


def test_importing_loads_no_psycopg() -> None:
    code = (
        "import sys, warubi_tui.postgres.session, warubi_tui.postgres.catalog, warubi_tui.diff.database;"
        "sys.exit('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
