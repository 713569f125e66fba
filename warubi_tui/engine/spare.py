"""A copy of a base, made before anybody asks for one: a branch that is made from it copies nothing."""

import logging
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from warubi_tui.engine.copying import refresh_tree
from warubi_tui.engine.durability import disk_sync
from warubi_tui.engine.site import Site
from warubi_tui.engine.store import BaseRow

_ROOM: Final = 8
"""The disk must have room for the copy this many times …"""
_ROOM_BYTES: Final = 4 << 30
"""… and so much in any case."""

_log = logging.getLogger("warubi.engine")


class Spare:
    """At most one copy, of the base that was taken or used last. Thread-safe.

    Nothing depends on it: where it is missing, a base is copied as it is needed. What a former engine left
    counts for nothing and is overwritten.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = site.root / "spare"
        self._lock = threading.Lock()
        self._ready: str | None = None
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="spare")

    def take(self, base: BaseRow, data: Path) -> bool:
        """Makes `data`, which is not there yet, a copy of `base`, if one is ready; says whether it was."""
        with self._lock:
            if self._ready != base.id:
                return False
            self._ready = None
            self._folder.rename(data)
            return True

    def prepare(self, base: BaseRow) -> None:
        """Begins to copy `base` in the background, in the place of what was copied before."""
        self._maker.submit(self._make, base)

    def drop(self) -> None:
        """Gives its room up, once everything is copied that was asked for."""
        self._maker.submit(self._remove).result()

    def wait(self) -> None:
        """Returns when everything is copied that was asked for."""
        self._maker.submit(lambda: None).result()

    def close(self) -> None:
        """Ends copying; what is there stays."""
        self._maker.shutdown(cancel_futures=True)

    def _make(self, base: BaseRow) -> None:
        with self._lock:
            if self._ready == base.id:
                return
            self._ready = None
        try:
            if shutil.disk_usage(self._site.root).free < max(_ROOM * base.size, _ROOM_BYTES):
                self._remove()
                return
            refresh_tree(self._site.bases(base.timeline) / base.id, self._folder, self._site.account)
            with disk_sync(self._folder) as sync:
                sync()
        except OSError:
            _log.info("no spare copy of base %s", base.id, exc_info=True)
            self._remove()
            return
        with self._lock:
            self._ready = base.id

    def _remove(self) -> None:
        with self._lock:
            self._ready = None
        shutil.rmtree(self._folder, ignore_errors=True)
