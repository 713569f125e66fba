"""Who is connected, for how long nobody has been, and which endpoints are being suspended."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from warubi_tui.engine import clock


class Usage:
    """Clients of each endpoint. Logins count: they wake the compute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visitors: Counter[str] = Counter()
        self._left: dict[str, float] = {}
        self._seen: dict[str, int] = {}
        self._closing: set[str] = set()

    @contextmanager
    def visiting(self, endpoint_id: str) -> Iterator[None]:
        """A client is connected while the block runs."""
        with self._lock:
            self._visitors[endpoint_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._visitors[endpoint_id] -= 1
                self._left[endpoint_id] = time.monotonic()
                self._seen[endpoint_id] = clock.now()

    def last_seen(self, endpoint_id: str) -> int | None:
        """When somebody was connected last, µs since the epoch; None where nobody was since the start."""
        with self._lock:
            return clock.now() if self._visitors[endpoint_id] else self._seen.get(endpoint_id)

    def unused_seconds(self, endpoint_id: str, since: float) -> float:
        """How long nobody has been connected, at most since `since` (`time.monotonic()`)."""
        with self._lock:
            if self._visitors[endpoint_id]:
                return 0.0
            return time.monotonic() - max(since, self._left.get(endpoint_id, since))

    @contextmanager
    def closing(self, endpoint_id: str) -> Iterator[bool]:
        """New clients wait while the block runs. False, and nobody waits, where somebody is connected."""
        with self._lock:
            free = not self._visitors[endpoint_id]
            if free:
                self._closing.add(endpoint_id)
        try:
            yield free
        finally:
            with self._lock:
                self._closing.discard(endpoint_id)

    def is_closing(self, endpoint_id: str) -> bool:
        with self._lock:
            return endpoint_id in self._closing
