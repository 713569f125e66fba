"""Processes that read segments: away from the engine's own threads, which must go on answering."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from multiprocessing.connection import Connection
from typing import Final, Self

from warubi_tui.engine.activity.scanning import Log, scan
from warubi_tui.engine.activity.slices import Slice
from warubi_tui.engine.clusters import ClusterError

_SMALL: Final = 2 << 20
_MOST: Final = 4
_AHEAD: Final = 2
_KEEP_MEMORY: Final = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
"""A worker reads segment after segment into the same memory; else glibc returns it each time (mallopt(3))."""


def scan_all(log: Log, starts: Sequence[int]) -> Iterator[Slice]:
    """Reads the slices that begin at `starts`, in their order; several at a time where there is much to read.

    Raises:
        ClusterError: the log cannot be read.
    """
    if log.limit - starts[0] <= _SMALL:
        yield from (scan(log, start) for start in starts)
        return
    number = min(os.cpu_count() or 1, _MOST, len(starts))
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker()) for _ in range(number)]
        threads = stack.enter_context(ThreadPoolExecutor(number))
        free = list(workers)

        def read(start: int) -> Slice:
            worker = free.pop()
            try:
                return worker.scan(log, start)
            finally:
                free.append(worker)

        waiting = iter(starts)
        running = [threads.submit(read, start) for start in islice(waiting, number * _AHEAD)]
        while running:
            yield running.pop(0).result()
            running += [threads.submit(read, start) for start in islice(waiting, 1)]


class Worker:
    """One process; it ends with its input, so it never outlives the engine."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "warubi_tui.engine.activity.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _KEEP_MEMORY,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests: Connection[object, object] = Connection(
            os.dup(self._process.stdin.fileno()), readable=False
        )
        self._answers: Connection[object, object] = Connection(
            os.dup(self._process.stdout.fileno()), writable=False
        )
        self._process.stdin.close()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.close()
        self._answers.close()
        self._process.kill()
        self._process.wait()

    def scan(self, log: Log, start: int) -> Slice:
        """Raises ClusterError."""
        try:
            self._requests.send((log, start))
            answer = self._answers.recv()
        except (OSError, EOFError) as error:
            raise ClusterError(f"a process that reads the log ended: {error}") from error
        if isinstance(answer, Slice):
            return answer
        raise ClusterError(str(answer))
