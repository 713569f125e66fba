"""Copying clusters: by reference where the file system can, else by the kernel."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from warubi_tui.engine.account import Account

_CHUNK = 1 << 30
_NO_RANGE_COPY = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}


def copy_file(source: Path, target: Path, account: Account) -> None:
    """Copies one file, by reflink where the file system can (XFS, btrfs). The copy belongs to `account`."""
    with source.open("rb") as reader, target.open("xb") as writer:
        os.fchmod(writer.fileno(), 0o600)
        if account.switch:
            os.fchown(writer.fileno(), account.uid, account.gid)
        if not _copy_range(reader.fileno(), writer.fileno()):
            shutil.copyfileobj(reader, writer, 1 << 20)


def _copy_range(source: int, target: int) -> bool:
    copy = getattr(os, "copy_file_range", None)
    if copy is None:
        return False
    try:
        while copy(source, target, _CHUNK):
            pass
    except OSError as error:
        if error.errno in _NO_RANGE_COPY:
            return False
        raise
    return True


def copy_tree(source: Path, target: Path, account: Account, wanted: Callable[[Path], bool]) -> None:
    """Copies the folder `source` to the new folder `target`, without what `wanted` says no to.

    `wanted` sees paths relative to `source`. Files that vanish meanwhile are left out: PostgreSQL removes
    files while a base backup runs, and replay of the WAL removes them again.
    """
    account.make_folder(target)
    pending = [Path()]
    while pending:
        folder = pending.pop()
        for entry in os.scandir(source / folder):
            relative = folder / entry.name
            if not wanted(relative):
                continue
            if entry.is_dir(follow_symlinks=False):
                account.make_folder(target / relative)
                pending.append(relative)
            else:
                try:
                    copy_file(source / relative, target / relative, account)
                except FileNotFoundError:
                    (target / relative).unlink(missing_ok=True)


def tree_size(folder: Path) -> int:
    """Bytes in all files below `folder`."""
    return sum(
        (Path(parent) / name).lstat().st_size for parent, _, files in os.walk(folder) for name in files
    )
