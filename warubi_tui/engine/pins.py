"""History that somebody is reading just now: pruning leaves it alone."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Pins:
    """Timelines whose whole history stays while it is held. Claims of jobs do the same for branches.

    Whoever reads history takes hold of it first and looks into the store then: what the store says after
    that stays true until the hold ends.
    """

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, timeline: str) -> Iterator[None]:
        """Nothing of this timeline's log and bases, or of those it came from, is pruned in the block."""
        with self._lock:
            self._held[timeline] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[timeline] -= 1

    def held(self) -> set[str]:
        """The timelines that are held now."""
        with self._lock:
            return {timeline for timeline, holders in self._held.items() if holders}
