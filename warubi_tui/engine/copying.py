"""Copying clusters: by reference where the file system can, else by the kernel."""

import errno
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from warubi_tui.engine.account import Account

_CHUNK: Final = 1 << 30
_BUFFER: Final = 1 << 20
_THREADS: Final = 2
_NO_RANGE_COPY: Final = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}


def copy_file(source: Path | str, target: Path | str, account: Account) -> int:
    """Copies one file, by reflink where the file system can (XFS, btrfs). The copy belongs to `account`.

    Returns:
        The bytes copied.
    """
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if account.switch:
                os.fchown(writer, account.uid, account.gid)
            return _copy_range(reader, writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _copy_range(reader: int, writer: int) -> int:
    total = 0
    try:
        while copied := os.copy_file_range(reader, writer, _CHUNK):
            total += copied
    except OSError as error:
        if error.errno not in _NO_RANGE_COPY:
            raise
    except AttributeError:
        pass
    while block := os.read(reader, _BUFFER):
        total += len(block)
        while block:
            block = block[os.write(writer, block) :]
    return total


def copy_tree(source: Path, target: Path, account: Account, wanted: Callable[[str], bool]) -> int:
    """Copies the folder `source` to the new folder `target`, without what `wanted` says no to.

    `wanted` sees paths relative to `source`. Files that vanish meanwhile are left out: PostgreSQL removes
    files while a base backup runs, and replay of the WAL removes them again. Folders are copied side by
    side: most of the work is the kernel's, which makes files under a lock of their folder.

    Returns:
        The bytes copied.
    """

    def copy(folder: str) -> tuple[int, list[str]]:
        account.make_folder(target / folder)
        size = 0
        folders = []
        for entry in _entries(source / folder):
            relative = f"{folder}/{entry.name}" if folder else entry.name
            if not wanted(relative):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(relative)
            else:
                size += _copy_if_there(entry.path, f"{target}/{relative}", account)
        return size, folders

    total = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        pending = [pool.submit(copy, "")]
        while pending:
            size, folders = pending.pop(0).result()
            total += size
            pending += [pool.submit(copy, folder) for folder in folders]
    return total


def refresh_tree(source: Path, target: Path, account: Account) -> None:
    """Makes `target` a copy of the folder `source`, whatever it held before. `source` must not change.

    Files that are in both are overwritten, which is far quicker than removing and making them where ext4 has
    no journal: it gives nobody the inode of a file that was removed in the last minute
    (fs/ext4/ialloc.c, recently_deleted). A file with a second name is never written to.
    """
    account.make_folder(target)
    wanted = {entry.name: entry for entry in _entries(source)}
    for old in _entries(target):
        new = wanted.get(old.name)
        if old.is_dir(follow_symlinks=False):
            if new is None or not new.is_dir(follow_symlinks=False):
                shutil.rmtree(old.path)
        elif new is None or new.is_dir(follow_symlinks=False) or old.stat(follow_symlinks=False).st_nlink > 1:
            Path(old.path).unlink()
    for name, entry in wanted.items():
        if entry.is_dir(follow_symlinks=False):
            refresh_tree(source / name, target / name, account)
        else:
            _overwrite(entry.path, f"{target}/{name}", account)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _overwrite(source: str, target: str, account: Account) -> None:
    try:
        writer = os.open(target, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        copy_file(source, target, account)
        return
    try:
        reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _copy_range(reader, writer)
        finally:
            os.close(reader)
    finally:
        os.close(writer)


def _copy_if_there(source: str, target: str, account: Account) -> int:
    try:
        return copy_file(source, target, account)
    except FileNotFoundError:
        return 0
