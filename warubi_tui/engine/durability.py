"""Bringing files to disk after they were written without fsync: all at once where the system can."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def disk_sync(folder: Path) -> Iterator[Callable[[], None]]:
    """Gives a function that returns when everything written below `folder` is on its disk.

    The function may be called several times, from any thread; what is on disk already costs little. Linux
    reports a write that failed since the block began, even one that the kernel did in the background
    (syncfs(2), since 5.8). The function raises OSError where a write failed.
    """
    if sys.platform != "linux":
        yield lambda: _sync_each(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield lambda: _sync_file_system(descriptor)
    finally:
        os.close(descriptor)


def _sync_file_system(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _sync_each(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
