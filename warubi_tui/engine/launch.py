"""Starting and stopping an engine from another process."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from warubi_tui.engine.lock import Owner, is_held, read_owner
from warubi_tui.errors import UnreachableError, WarubiError

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 90.0
_POLL_SECONDS: Final = 0.05


def running(root: Path) -> Owner | None:
    """The engine that serves this directory, None where none does."""
    owner = read_owner(root)
    return owner if owner is not None and owner.url is not None else None


def start(
    root: Path,
    *,
    port: int | None = None,
    while_held: Path | None = None,
    waiting: Callable[[], None] = lambda: None,
) -> tuple[Owner, bool]:
    """The engine on `root`, and whether it was started now rather than found running.

    It runs on after the caller, unless `while_held` names a file that somebody must hold a lock on.
    `waiting` is called now and then until it serves.

    Raises:
        WarubiError: it did not start, with what it said.
    """
    found = _await_settled(root, waiting)
    if found is not None:
        return found, False
    command = [sys.executable, "-m", "warubi_tui", "engine", "serve", "--dir", str(root)]
    command += ["--port", str(port)] if port is not None else []
    command += ["--while-held", str(while_held)] if while_held is not None else []
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
        )
        owner = _await_start(root, process, waiting)
        if owner is None:
            said.seek(0)
            message = said.read().decode(errors="replace").strip()
            raise WarubiError("The engine did not start", message, f"{root / 'engine.log'} says more.")
    if owner.pid != process.pid:
        process.terminate()  # another was quicker; this one would take over when that ends
        process.wait()
        return owner, False
    process.returncode = 0  # it lives on; this process is not the one to wait for it
    return owner, True


def _await_settled(root: Path, waiting: Callable[[], None]) -> Owner | None:
    """The engine that serves `root`, None where none does; one that is starting or ending is waited for."""
    deadline = time.monotonic() + _START_SECONDS
    while is_held(root / "engine.lock"):
        found = running(root)
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"An engine holds {root} but does not serve it", "", f"{root / 'engine.log'} says more."
            )
        waiting()
        time.sleep(_POLL_SECONDS)
    return None


def _await_start(root: Path, process: subprocess.Popen[bytes], waiting: Callable[[], None]) -> Owner | None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        waiting()
        found = running(root)
        if found is not None:
            return found
        if process.poll() is not None and not is_held(root / "engine.lock"):
            return None
        time.sleep(_POLL_SECONDS)
    process.terminate()
    process.wait()
    return None


def stop(root: Path) -> bool:
    """Ends the engine of `root` in order, computes included. False where none runs.

    Raises:
        UnreachableError: it does not end.
    """
    owner = read_owner(root)
    if owner is None:
        return False
    os.kill(owner.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while is_held(root / "engine.lock"):
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"The engine (pid {owner.pid}) does not end",
                "It may be finishing an operation. Nothing was killed.",
                "Try again, or look into its engine.log.",
            )
        time.sleep(_POLL_SECONDS)
    return True
