"""Where an engine keeps its files, and with which programs and user it runs PostgreSQL."""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from warubi_tui.engine.account import Account, choose_account
from warubi_tui.engine.programs import Programs, find_programs
from warubi_tui.errors import WarubiError


@dataclass(frozen=True)
class Site:
    """The layout below an engine's directory. Folders of timelines are named by random ids, never renamed.

    `folder` holds them; servers that are no timelines of their own live in the same layout in another.
    """

    root: Path
    sockets: Path
    account: Account
    programs: Programs
    folder: str = "tl"

    @property
    def timelines(self) -> Path:
        return self.root / self.folder

    def timeline(self, timeline: str) -> Path:
        return self.timelines / timeline

    def data(self, timeline: str) -> Path:
        """The cluster itself (PGDATA)."""
        return self.timeline(timeline) / "data"

    def wal(self, timeline: str) -> Path:
        """The archive of finished WAL segments."""
        return self.timeline(timeline) / "wal"

    def bases(self, timeline: str) -> Path:
        return self.timeline(timeline) / "bases"

    def log(self, timeline: str) -> Path:
        """What PostgreSQL says."""
        return self.timeline(timeline) / "pg.log"

    def socket(self, timeline: str) -> Path:
        """The folder of the Unix socket: short, because a socket's path may have 107 bytes (Linux)."""
        return self.sockets / timeline[:8]

    def make_socket_folder(self, timeline: str) -> Path:
        """Creates the folder of a socket, and those around it, which somebody may have wiped.

        Raises:
            WarubiError: another user got there first.
        """
        _socket_folder(self.root, self.account)
        return self.account.make_folder(self.socket(timeline))

    def clear_sockets(self) -> None:
        """Removes the folders of sockets that no server uses any more."""
        for folder in (*self.sockets.glob("*"), self.sockets):
            with suppress(OSError):
                folder.rmdir()


def open_site(root: Path) -> Site:
    """Creates the directory if needed and finds out how PostgreSQL can run in it.

    Raises:
        WarubiError: no PostgreSQL; the directory cannot be written, or PostgreSQL's user cannot enter it.
    """
    root = root.resolve()
    make_root(root)
    account = choose_account(root / "tl")
    _check_reachable(root, account)
    programs = find_programs(account, root / "pg")
    timelines = root / "tl"
    timelines.mkdir(mode=0o700, exist_ok=True)
    account.own(timelines)
    return Site(root, _socket_folder(root, account), account, programs)


def make_root(root: Path) -> None:
    """Creates an engine's directory: private, or as root open for PostgreSQL's user to pass through.

    Raises:
        WarubiError: it cannot be made.
    """
    try:
        root.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WarubiError(
            f"The engine's directory {root} cannot be made",
            str(error),
            "Choose another with --dir, or set WARUBI_HOME.",
        ) from error


def _check_reachable(root: Path, account: Account) -> None:
    if not account.switch:
        return
    for folder in (root, *root.parents):
        status = folder.stat()
        bit = stat.S_IXOTH
        if status.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif status.st_gid == account.gid:
            bit = stat.S_IXGRP
        if not status.st_mode & bit:
            raise WarubiError(
                f"PostgreSQL cannot run in {root}",
                f"PostgreSQL refuses to run as root, and the user it runs as (uid {account.uid}) "
                f"may not enter {folder}.",
                "Choose a directory that others may enter with --dir, or set WARUBI_HOME.",
            )


def _socket_folder(root: Path, account: Account) -> Path:
    mark = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"wb-{account.uid}-{mark}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid == os.geteuid() and account.switch:
        account.own(folder)
        status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid or status.st_mode & 0o077:
        raise WarubiError(
            f"The folder {folder} is not ours",
            "The engine keeps PostgreSQL's sockets there; somebody else owns it or may write to it.",
            "Remove it, or set TMPDIR to a folder of your own.",
        )
    return folder
