"""The engine as a process: lock, key, HTTP on loopback, orderly end."""

import fcntl
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Final

import uvicorn

from warubi_tui import paths
from warubi_tui.engine.api.app import create_app
from warubi_tui.engine.engine import Engine
from warubi_tui.engine.lock import DirectoryLock, OwnedError, Owner
from warubi_tui.engine.programs import forget_postgres_environment
from warubi_tui.engine.site import make_root
from warubi_tui.engine.store import UnreadableStoreError
from warubi_tui.errors import RefusedError, WarubiError
from warubi_tui.secret import Secret

_HOLDERS_POLL_SECONDS: Final = 0.5


def serve(root: Path, *, port: int | None = None, while_held: Path | None = None) -> None:
    """Runs the engine on `root` until SIGTERM or SIGINT.

    Args:
        port: of the API on 127.0.0.1; by default the one of last time, if it is free.
        while_held: a file; the engine ends when no process holds a lock on it any more.

    Raises:
        RefusedError: another engine runs on `root`; `root` cannot be trusted.
        WarubiError: it cannot start.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    forget_postgres_environment()
    try:
        make_root(root)
        with DirectoryLock(root) as lock:
            _log_to(root / "engine.log")
            _run(root, lock, port, while_held)
    except OwnedError as error:
        raise RefusedError(
            f"Another engine runs on {root}", str(error), "Use it, or choose another directory with --dir."
        ) from error
    except UnreadableStoreError as error:
        raise RefusedError(
            f"{root / 'state.db'} cannot be trusted: {error}",
            f"Nothing was changed or removed. The data lies in {root / 'tl'}/*/data; each is an ordinary "
            "PostgreSQL cluster that pg_ctl -D … start brings up without warubi.",
            "Restore state.db from a copy, or choose another directory with --dir.",
        ) from error
    except OSError as error:
        raise WarubiError(
            f"The engine cannot use {root}", str(error), "Choose another with --dir."
        ) from error


def _run(root: Path, lock: DirectoryLock, port: int | None, while_held: Path | None) -> None:
    engine = Engine.open(root)
    try:
        listener = _listen(root, port)
        address, chosen = listener.getsockname()
        app = create_app(engine, load_key(root))
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5, ws="none")
        )
        if while_held is not None:
            _end_when_released(while_held, server)
        _end_on_signals(server)
        lock.describe(Owner(os.getpid(), f"http://{address}:{chosen}/api/v2", engine.project().id))
        server.run(sockets=[listener])
    finally:
        lock.describe(Owner(os.getpid()))
        engine.close()


def _end_on_signals(server: uvicorn.Server) -> None:
    """From now on, also before uvicorn listens to signals, and when it raises them once more at its end."""

    def end(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def load_key(root: Path) -> Secret:
    """The API key of a directory's engine, generated the first time, 0600."""
    path = root / "api.key"
    if not path.exists():
        paths.write_private(path, f"warubi_{secrets.token_urlsafe(32)}\n")
    return Secret(path.read_text("utf-8").strip())


def _listen(root: Path, port: int | None) -> socket.socket:
    remembered = root / "api.port"
    wishes = [port] if port is not None else [_remembered(remembered), 0]
    for position, wish in enumerate(wishes):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wish))
            listener.listen()  # before anybody is told the address
        except OSError as error:
            listener.close()
            if position == len(wishes) - 1:
                raise WarubiError(
                    f"Port {wish} cannot be used for the API", str(error), "Choose another with --port."
                ) from error
            continue
        break
    paths.write_private(remembered, f"{listener.getsockname()[1]}\n")
    return listener


def _remembered(path: Path) -> int:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _end_when_released(path: Path, server: uvicorn.Server) -> None:
    """Ends the server once nobody holds `path`, and holds it from then on: newcomers wait for the end."""
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    pause = threading.Event()

    def watch() -> None:
        while not server.should_exit:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pause.wait(_HOLDERS_POLL_SECONDS)
                continue
            server.should_exit = True

    threading.Thread(target=watch, name="holders", daemon=True).start()


def _log_to(path: Path) -> None:
    path.touch(mode=0o600)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name in ("warubi.engine", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO if name == "warubi.engine" else logging.WARNING)
        logger.addHandler(handler)
        logger.propagate = False
