"""The one place where an error becomes words, and a crash becomes a file without secrets."""

from __future__ import annotations

import traceback
from datetime import datetime
from pathlib import Path

from textual.worker import WorkerFailed

from warubi_tui import paths
from warubi_tui.errors import WarubiError
from warubi_tui.secret import Secret, redact


def in_words(error: BaseException, *secrets: Secret) -> WarubiError:
    """`error` as title, detail and hint; an unexpected one is called a fault of warubi."""
    if isinstance(error, WorkerFailed):
        error = error.error
    if isinstance(error, WarubiError):
        return error
    return WarubiError(
        "Something in warubi itself failed",
        f"{type(error).__name__}: {redact(str(error), *secrets)}",
        "Nothing more was done. Try again; if it stays, the branches themselves are not affected by this.",
        retryable=True,
    )


def write_crash_log(error: BaseException, at: datetime, *secrets: Secret) -> Path | None:
    """Writes where `error` came from (code lines, no values) to a 0600 file in the state folder.

    Returns:
        The file; None when it cannot be written.
    """
    lines = traceback.TracebackException.from_exception(error, capture_locals=False).format()
    path = paths.state_dir() / f"crash-{at:%Y%m%dT%H%M%S%fZ}.log"
    try:
        paths.write_private(path, redact("".join(lines), *secrets))
    except OSError:
        return None
    return path
