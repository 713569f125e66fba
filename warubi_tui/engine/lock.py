"""One engine per directory: a file lock that the kernel releases when the process ends, however it ends."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

_ONLOOKERS_SECONDS: Final = 0.3  # `is_held` holds the lock for an instant
_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True)
class Owner:
    """Who runs a directory's engine. `url` and `project_id` are None while it is starting."""

    pid: int
    url: str | None = None
    project_id: str | None = None


class OwnedError(Exception):
    """Another engine runs on this directory."""

    def __init__(self, owner: Owner | None) -> None:
        super().__init__(f"another engine (pid {owner.pid if owner else 'unknown'}) owns this directory")
        self.owner = owner


class DirectoryLock:
    """Holds `engine.lock` of a directory. Children of the process do not inherit it."""

    def __init__(self, root: Path) -> None:
        """Raises OwnedError."""
        self._path = root / "engine.lock"
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + _ONLOOKERS_SECONDS
        while not _try_lock(self._handle):
            if time.monotonic() > deadline:
                os.close(self._handle)
                raise OwnedError(read_owner(root))
            time.sleep(_POLL_SECONDS)
        self.describe(Owner(os.getpid()))

    def describe(self, owner: Owner) -> None:
        """Says in the file who holds it and how to reach them."""
        text = json.dumps(asdict(owner)).encode()
        os.pwrite(self._handle, text, 0)
        os.ftruncate(self._handle, len(text))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._handle, 0)
        os.close(self._handle)


def is_held(path: Path) -> bool:
    """Whether a live process holds a lock on this file."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(handle)
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_owner(root: Path) -> Owner | None:
    """Who runs the engine of this directory; None where nobody does, or it has not said yet."""
    path = root / "engine.lock"
    if not is_held(path):
        return None
    try:
        return Owner(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        return None
