"""PostgreSQL servers, one per running timeline. They outlive the engine; the next one adopts them."""

import os
import signal
import socket as sockets
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import psycopg

from warubi_tui.engine.clusters import SUPERUSER, archive_command
from warubi_tui.engine.programs import child_environment
from warubi_tui.engine.site import Site

START_LIMIT_SECONDS: Final = 120.0
STOP_LIMIT_SECONDS: Final = 60.0
ANSWER_LIMIT_SECONDS: Final = 30.0
CONNECT_LIMIT_SECONDS: Final = 10
_KILL_AFTER_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.002
_SOCKET_PORT: Final = 5432
_TELLING: Final = ("ERROR:", "FATAL:", "PANIC:", "HINT:", "could not bind")


class ServerError(Exception):
    """A server did not start or stop; the text holds what it logged."""


class Servers:
    """Starts, stops and finds the servers of an engine's timelines. Thread-safe."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._guards: dict[str, threading.RLock] = {}
        self._lock = threading.Lock()

    @contextmanager
    def held(self, timeline: str) -> Iterator[None]:
        """No other thread starts or stops this timeline's server in the block."""
        with self._lock:
            guard = self._guards.setdefault(timeline, threading.RLock())
        with guard:
            yield

    def pid(self, timeline: str) -> int | None:
        """The postmaster's process id, None where no server runs on this timeline's data."""
        data = self._site.data(timeline)
        try:
            pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        self._reap()
        return pid if _is_server_of(pid, data) else None

    def is_reachable(self, timeline: str) -> bool:
        """Whether a server runs and its socket is there: cleaners of temporary files remove such things."""
        return self.pid(timeline) is not None and self.socket(timeline).exists()

    def socket(self, timeline: str) -> Path:
        """The file of the Unix socket of a timeline's server, be it running or not."""
        return self._site.socket(timeline) / f".s.PGSQL.{_SOCKET_PORT}"

    def port(self, timeline: str) -> int:
        """The port in the name of a running server's Unix socket."""
        lines = (self._site.data(timeline) / "postmaster.pid").read_text().split("\n")
        return int(lines[3])

    def start(
        self,
        timeline: str,
        *,
        settings: Mapping[str, str] | None = None,
        limit_seconds: float = START_LIMIT_SECONDS,
    ) -> None:
        """Starts the server and returns when it accepts connections (with recovery: when it is promoted).

        One that runs already is adopted. It listens on its Unix socket only.

        Args:
            settings: further settings; they win over those every server gets.

        Raises:
            ServerError: it ended or did not get ready in time; it is not running then.
        """
        with self.held(timeline):
            if not self._adopt(timeline, limit_seconds):
                self.clear_remains(timeline)
                self._launch(timeline, settings or {}, limit_seconds)

    def _adopt(self, timeline: str, limit_seconds: float) -> bool:
        """Whether a server runs; one that starts or stops is waited for, one that lost its socket stopped."""
        pid_file = self._site.data(timeline) / "postmaster.pid"
        deadline = time.monotonic() + limit_seconds
        while (pid := self.pid(timeline)) is not None:
            if not _says_ready(pid_file, pid):
                if time.monotonic() > deadline:
                    raise ServerError(f"the server (pid {pid}) neither starts nor stops")
                time.sleep(_POLL_SECONDS)
            elif self.socket(timeline).exists():
                return True
            else:
                self.stop(timeline)
        return False

    def _launch(self, timeline: str, settings: Mapping[str, str], limit_seconds: float) -> None:
        site = self._site
        socket = site.make_socket_folder(timeline)
        arguments = [site.programs.path("postgres"), "-D", str(site.data(timeline)), "-k", str(socket)]
        arguments += ["-p", str(_SOCKET_PORT)]
        for name, value in (_invariants(site, timeline) | dict(settings)).items():
            arguments += ["-c", f"{name}={value}"]
        log = site.log(timeline)
        with log.open("ab") as output:
            log.chmod(0o600)
            offset = output.tell()
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=child_environment(),
                start_new_session=True,
                **site.account.identity(),
            )
        with self._lock:
            self._children[process.pid] = process
        self._await_ready(timeline, process, limit_seconds, offset)

    def _await_ready(
        self, timeline: str, process: subprocess.Popen[bytes], limit_seconds: float, offset: int
    ) -> None:
        pid_file = self._site.data(timeline) / "postmaster.pid"
        deadline = time.monotonic() + limit_seconds
        while not _says_ready(pid_file, process.pid):
            if process.poll() is not None:
                self._forget(process.pid)
                raise ServerError(_tail(self._site.log(timeline), offset))
            if time.monotonic() > deadline:
                self.kill(timeline)
                raise ServerError(f"not ready within {limit_seconds:.0f} s; it was stopped")
            time.sleep(_POLL_SECONDS)

    def stop(self, timeline: str) -> None:
        """Stops the server, if it runs: sessions end with SQLSTATE 57P01, everything is written.

        Raises:
            ServerError: it does not stop.
        """
        with self.held(timeline):
            pid = self.pid(timeline)
            if pid is None:
                return
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            if not self._await_end(timeline, STOP_LIMIT_SECONDS):
                raise ServerError(f"the server (pid {pid}) does not stop")
            self._forget(pid)

    def _await_end(self, timeline: str, limit_seconds: float) -> bool:
        deadline = time.monotonic() + limit_seconds
        while self.pid(timeline) is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def kill(self, timeline: str) -> None:
        """Ends every process that works in this timeline's data, at once and without mercy.

        The server is asked first, by an immediate shutdown: nobody else removes its shared memory.
        """
        data = self._site.data(timeline)
        pid = self.pid(timeline)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
                os.kill(pid, signal.SIGCONT)
            if self._await_end(timeline, _KILL_AFTER_SECONDS):
                self._forget(pid)
        found = [process for process in psutil.process_iter() if _works_in(process, data)]
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        with self._lock:
            ours = [child for child in self._children.values() if child.pid in {p.pid for p in found}]
        for child in ours:
            child.wait()
            self._forget(child.pid)
        psutil.wait_procs([process for process in found if process.pid not in {c.pid for c in ours}], 10)

    def clear_remains(self, timeline: str) -> None:
        """Removes what a killed server left: stray backends (they hold its shared memory) and lock files."""
        pid_file = self._site.data(timeline) / "postmaster.pid"
        if pid_file.exists():
            self.kill(timeline)
            pid_file.unlink(missing_ok=True)
        socket = self._site.socket(timeline)
        if socket.is_dir():
            for leftover in socket.iterdir():
                leftover.unlink(missing_ok=True)

    @contextmanager
    def session(self, timeline: str, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A superuser's autocommit session on a running server, by its Unix socket."""
        with open_session(self.socket(timeline), database) as session:
            yield session

    def _reap(self) -> None:
        """Forgets the servers that ended by themselves."""
        with self._lock:
            for pid, child in list(self._children.items()):
                if child.poll() is not None:
                    del self._children[pid]

    def _forget(self, pid: int) -> None:
        with self._lock:
            child = self._children.pop(pid, None)
        if child is not None:
            child.wait()


@contextmanager
def open_session(socket: Path, database: str = "postgres") -> Iterator[psycopg.Connection]:
    """A superuser's autocommit session by the file of a Unix socket.

    Raises:
        psycopg.OperationalError: no server accepts it.
    """
    with psycopg.connect(
        host=str(socket.parent),
        port=socket.suffix[1:],
        user=SUPERUSER,
        dbname=database,
        autocommit=True,
        connect_timeout=CONNECT_LIMIT_SECONDS,
        sslmode="disable",
        options="-c timezone=UTC",
        application_name="warubi engine",
    ) as connection:
        yield connection


@contextmanager
def answering(session: psycopg.Connection) -> Iterator[None]:
    """In the block the server has to answer in time, or the session is cut off: it may have been frozen.

    Raises:
        psycopg.OperationalError: it did not.
    """
    with sockets.socket(fileno=os.dup(session.fileno())) as wire:
        watchdog = threading.Timer(ANSWER_LIMIT_SECONDS, wire.shutdown, [sockets.SHUT_RDWR])
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()
            watchdog.join()


def _invariants(site: Site, timeline: str) -> dict[str, str]:
    """Settings on the command line, where nothing in the cluster can undo them."""
    return {
        "listen_addresses": "",
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_command": archive_command(site.wal(timeline)),
        "wal_recycle": "off",
        "wal_init_zero": "off",
        "full_page_writes": "on",
        "fsync": "on",
        "track_commit_timestamp": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "unix_socket_permissions": "0700",
        "dynamic_shared_memory_type": "mmap",
        "cluster_name": f"warubi:{timeline}",
    }


def _says_ready(pid_file: Path, pid: int) -> bool:
    try:
        lines = pid_file.read_text().split("\n")
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _is_server_of(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return False
    return _works_in(process, data)


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return (
            process.name().startswith("postgres")
            and process.status() != psutil.STATUS_ZOMBIE
            and Path(process.cwd()) == data
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _tail(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        text = file.read()[-4000:].decode(errors="replace")
    telling = [line for line in text.splitlines() if any(word in line for word in _TELLING)]
    return "\n".join(telling or text.splitlines()[-5:]) or "it ended without a word"
