"""Real servers for the tests: a throwaway PostgreSQL, and folders that PostgreSQL's user can reach."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from warubi_tui.engine import launch
from warubi_tui.engine.account import Account, choose_account
from warubi_tui.engine.programs import Programs, child_environment, find_programs
from warubi_tui.engine.server import load_key
from warubi_tui.secret import Secret

_MEMORY = Path("/dev/shm")
_PLENTY_BYTES = 12 << 30


def pytest_configure() -> None:
    """Puts temporary files into memory where that has plenty of room: making clusters waits for ext4 most.

    A folder that was chosen by TMPDIR stays, and so does the disk where programs may not run in memory.
    """
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return
    status = os.statvfs(_MEMORY)
    free = min(status.f_bavail * status.f_frsize, psutil.virtual_memory().available)
    if free >= _PLENTY_BYTES and not status.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keeps the developer's own settings, logins and engines out of every test."""
    for name in list(os.environ):
        foreign = name.startswith(("NEON_", "PG", "WARUBI_", "XDG_")) or name == "DATABASE_URL"
        if foreign and name not in ("WARUBI_PG_BIN", "WARUBI_PG_USER"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WARUBI_HOME", str(tmp_path / "warubi home"))
    monkeypatch.setenv("TZ", "UTC")


def make_open_folder() -> Path:
    """A new folder whose every parent another user can enter (pytest's own lie in a 0700 folder)."""
    folder = Path(tempfile.mkdtemp(prefix="warubi test "))
    if os.geteuid() == 0:
        folder.chmod(0o755)
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder for an engine: PostgreSQL's user can reach it, its name holds spaces."""
    folder = make_open_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def account() -> Account:
    return choose_account(Path("/nonexistent"))


@pytest.fixture(scope="session")
def programs(account: Account) -> Iterator[Programs]:
    folder = make_open_folder()
    yield find_programs(account, folder / "pg")
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class ThrowawayPostgres:
    """A real PostgreSQL on loopback; user `postgres`, no password."""

    port: int

    def uri(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, prefix: str = "test", *, template: str = "template0") -> str:
        """Makes a new database; returns its URI."""
        name = f"{prefix}_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.uri(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return self.uri(name)


@pytest.fixture(scope="session")
def postgres(account: Account, programs: Programs) -> Iterator[ThrowawayPostgres]:
    """One PostgreSQL for the whole run; its data is thrown away."""
    folder = make_open_folder()
    account.own(folder)
    data = folder / "data"
    subprocess.run(
        [
            programs.path("initdb"),
            *["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        env=child_environment(),
        **account.identity(),
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=100"]
    process = subprocess.Popen(
        [programs.path("postgres"), "-D", str(data), "-p", str(port)]
        + [word for setting in settings for word in ("-c", setting)],
        stderr=subprocess.PIPE,
        cwd="/",
        env=child_environment(),
        **account.identity(),
    )
    assert process.stderr is not None
    log: list[bytes] = []
    for line in process.stderr:
        log.append(line)
        if b"ready to accept connections" in line:
            break
    else:
        pytest.fail(f"PostgreSQL did not start: {b''.join(log).decode()}")
    drain = threading.Thread(target=process.stderr.read, daemon=True)
    drain.start()
    yield ThrowawayPostgres(port)
    process.send_signal(2)
    process.wait(30)
    drain.join(10)
    process.stderr.close()
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class RunningEngine:
    """An engine that serves Neon's API, as a process of its own."""

    root: Path
    host: str
    key: Secret
    project_id: str

    def restart(self) -> None:
        """Stops it in order and starts it again; address, key and connection strings stay."""
        launch.stop(self.root)
        launch.start(self.root)


@contextmanager
def engine_on(root: Path) -> Iterator[RunningEngine]:
    """An engine on this directory while the block runs."""
    owner, _ = launch.start(root)
    assert owner.url is not None
    assert owner.project_id is not None
    try:
        yield RunningEngine(root, owner.url, load_key(root), owner.project_id)
    finally:
        launch.stop(root)


@pytest.fixture(scope="module")
def engine() -> Iterator[RunningEngine]:
    """A real engine for the tests of one module."""
    folder = make_open_folder()
    with engine_on(folder / "engine") as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)
