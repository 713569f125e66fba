"""How far a command is, on stderr: one line that changes on a terminal, a line now and then elsewhere."""

import shutil
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from warubi_tui.diff.model import Progress
from warubi_tui.text import clean, shorten
from warubi_tui.timefmt import span_text

QUIET_SECONDS: Final = 10.0
"""Without a terminal, a line no more often than this, and none before."""


class ProgressLine:
    """Shows where a comparison is. Nothing is left of it on a terminal when the block ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = sys.stderr.isatty()
        self._clock = clock
        self._next = clock() + QUIET_SECONDS

    def show(self, progress: Progress) -> None:
        """Takes where a comparison is now."""
        self.say(progress_words(progress))

    def say(self, text: str) -> None:
        """Takes what is being done, on one line that is safe to draw."""
        if self._terminal:
            width = max(shutil.get_terminal_size().columns - 1, 1)
            sys.stderr.write(f"\r\x1b[K{shorten(text, width)}")
        elif self._clock() >= self._next:
            self._next = self._clock() + QUIET_SECONDS
            sys.stderr.write(f"{text}\n")
        else:
            return
        sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def progress_words(progress: Progress) -> str:
    """`42%, 3 of 12 tables, 1,204 differences, about 20 s left: public.orders 1,200 of 40,000 blocks`."""
    parts = [] if progress.fraction is None else [f"{int(progress.fraction * 100)}%"]
    parts.append(f"{progress.tables_done} of {progress.tables} tables")
    if progress.differences:
        parts.append(f"{progress.differences:,} difference{'' if progress.differences == 1 else 's'}")
    if progress.seconds_left is not None:
        parts.append(f"about {span_text(timedelta(seconds=max(progress.seconds_left, 1)))} left")
    said = ", ".join(parts)
    if progress.current:
        at = progress.current[0]
        name = f"{clean(at.schema)}.{clean(at.table)}"
        said += f": {name} {at.done:,} of {at.total:,} {at.unit}" if at.total else f": {name}"
    return said
