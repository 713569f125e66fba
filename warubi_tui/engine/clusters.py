"""PostgreSQL clusters on disk: made by initdb, described by pg_controldata."""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from warubi_tui.engine.programs import child_environment
from warubi_tui.engine.site import Site
from warubi_tui.lsn import Lsn

SUPERUSER = "cloud_admin"

_SETTINGS = """\
max_connections = 220
max_locks_per_transaction = 20
max_pred_locks_per_transaction = 16
shared_buffers = 16MB
max_wal_senders = 4
wal_sender_timeout = 20s
jit = off
checkpoint_timeout = 5min
max_wal_size = 1GB
min_wal_size = 32MB
log_min_messages = warning
"""
_HBA = """\
local all all trust
local replication all trust
"""


class ClusterError(Exception):
    """A program of PostgreSQL failed; the text is what it said."""


@dataclass(frozen=True)
class ControlData:
    """What pg_control says: the cluster's state in PostgreSQL's words and its latest checkpoint."""

    state: str
    checkpoint_lsn: int

    @property
    def shut_down(self) -> bool:
        """Whether the cluster was stopped cleanly: its WAL ends at the checkpoint."""
        return self.state == "shut down"


def run_program(site: Site, name: str, *arguments: str, as_engine: bool = False) -> str:
    """Runs one of PostgreSQL's programs as PostgreSQL's user; returns what it printed, then its warnings.

    Raises:
        ClusterError: it failed, with its message.
    """
    done = subprocess.run(
        [site.programs.path(name), *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        **({} if as_engine else site.account.identity()),
    )
    if done.returncode != 0:
        raise ClusterError(done.stderr.strip() or f"{name} ended with status {done.returncode}")
    return done.stdout + done.stderr


def initdb(site: Site, data: Path) -> None:
    """Makes a new cluster in `data` (which must not exist). Raises ClusterError."""
    site.account.make_folder(data)
    arguments = [
        "-D",
        str(data),
        "-U",
        SUPERUSER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
        "--no-instructions",
    ]
    arguments += ["--locale=C", "--wal-segsize=16"]
    if site.programs.major >= 17:
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        arguments[-2] = "--locale=C.UTF-8"
    run_program(site, "initdb", *arguments)
    settings = _SETTINGS
    if site.programs.major >= 18:
        settings += "io_method = sync\n"
    for name, text in (("postgresql.conf", settings), ("pg_hba.conf", _HBA)):
        path = data / name
        path.write_text(text)
        path.chmod(0o600)
        site.account.own(path)


def read_control(site: Site, data: Path) -> ControlData:
    """What the cluster's control file says. Raises ClusterError where it is damaged."""
    text = run_program(site, "pg_controldata", "-D", str(data))

    def value(label: str) -> str:
        match = re.search(rf"^{re.escape(label)}:\s+(.+)$", text, re.MULTILINE)
        if match is None:
            raise ClusterError(f"pg_controldata does not say {label!r}")
        return match[1].strip()

    if "CRC checksum does not match" in text:
        raise ClusterError("the control file is damaged")
    return ControlData(
        state=value("Database cluster state"),
        checkpoint_lsn=Lsn.parse(value("Latest checkpoint location")),
    )


def standby_floors(site: Site, data: Path) -> dict[str, int]:
    """The settings of a cluster that its standbys may exceed and may not fall below.

    PostgreSQL stops replay where one is lower ("Hot Standby: Administrator's Overview" in its manual).

    Raises:
        ClusterError: the control file is damaged.
    """
    text = run_program(site, "pg_controldata", "-D", str(data))
    names = {
        "max_connections": "max_connections",
        "max_worker_processes": "max_worker_processes",
        "max_wal_senders": "max_wal_senders",
        "max_prepared_xacts": "max_prepared_transactions",
        "max_locks_per_xact": "max_locks_per_transaction",
    }
    found = re.findall(r"^(max_\w+) setting:\s+(\d+)$", text, re.MULTILINE)
    return {names[label]: int(value) for label, value in found}


def archive_command(archive: Path) -> str:
    """Archives by hard link (a copy across file systems).

    Repeating it succeeds, a half-made link is replaced, and different content under a name already
    archived is refused. `wal_recycle=off` is mandatory beside it: PostgreSQL would otherwise overwrite
    the archived inode when it reuses a segment.
    """
    folder = shlex.quote(str(archive).replace("%", "%%"))
    done, part = f"{folder}/%f", f"{folder}/.t.%f"
    return (
        f'if test -f {done}; then cmp -s "%p" {done}; else rm -f {part} && '
        f'(ln "%p" {part} 2>/dev/null || cp "%p" {part}) && mv -f {part} {done}; fi'
    )
