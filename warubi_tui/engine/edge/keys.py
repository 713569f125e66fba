"""The keys by which clients cancel queries: which server each belongs to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warubi_tui.engine.edge import backend


class Keys:
    """What `BackendKeyData` gave out: process id and secret, four bytes or (protocol 3.2) up to 256."""

    def __init__(self) -> None:
        self._servers: dict[bytes, Path] = {}
        self._lock = threading.Lock()

    @contextmanager
    def lent(self, key: bytes, server: Path) -> Iterator[None]:
        """The client has this key of a session on a server while the block runs."""
        with self._lock:
            self._servers[key] = server
        try:
            yield
        finally:
            with self._lock:
                self._servers.pop(key, None)

    def cancel(self, key: bytes) -> None:
        """Passes a cancel request on. One with an unknown key is ignored, as PostgreSQL does."""
        with self._lock:
            server = self._servers.get(key)
        if server is not None:
            backend.cancel(server, key)
