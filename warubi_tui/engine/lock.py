"""One engine per directory: a file lock that the kernel releases when the process ends, however it ends."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


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
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._handle)
            raise OwnedError(read_owner(root)) from error
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
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def read_owner(root: Path) -> Owner | None:
    """Who runs the engine of this directory; None where nobody does, or it has not said yet."""
    path = root / "engine.lock"
    if not is_held(path):
        return None
    try:
        return Owner(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        return None
