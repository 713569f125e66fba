"""What the console asks of its terminal: that it can draw on it, and that it is still there."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from warubi_tui.errors import UsageError

LOST: Final = 128 + signal.SIGHUP
"""The exit code of a console whose terminal went away: what a shell says of a process that was hung up."""

_LOOK_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 40.0
"""How long the way out may take: temporary branches are deleted on it."""


def require_screen(instead: str) -> None:
    """Raises UsageError unless there is a terminal on which a cursor can be moved.

    Args:
        instead: what works without one, as a sentence.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The console needs a terminal.", hint=instead)
    if (kind := os.environ.get("TERM", "")) in {"dumb", "unknown"}:
        raise UsageError(
            "The console cannot draw on this terminal.", f"TERM is {kind}: it has no cursor to move.", instead
        )


def end_with_terminal(leave: Callable[[], object]) -> None:
    """Sees to it that the console ends when its terminal goes away, also where no SIGHUP says so.

    Textual goes on reading from a terminal that hung up, without a pause, and waits for ever to write to it.

    Args:
        leave: called from a thread, once. Where that does not end the process, it is ended all the same.
    """
    threading.Thread(target=_watch, args=(leave,), name="terminal-watch", daemon=True).start()


def _watch(leave: Callable[[], object]) -> None:
    terminal = sys.__stdin__.fileno() if sys.__stdin__ else 0
    while os.isatty(terminal):
        time.sleep(_LOOK_SECONDS)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    leave()
    time.sleep(_PATIENCE_SECONDS)
    os._exit(LOST)
