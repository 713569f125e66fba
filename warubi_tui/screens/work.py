"""Work that outlives the screen it was started on: restores, renames, deletions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from warubi_tui.errors import UnknownOutcomeError, WarubiError

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch, Operation


class WorkState(StrEnum):
    """How a piece of work stands, in the word that is shown."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "outcome unknown"


@dataclass(eq=False)
class Work:
    """One thing the console does on the server, from the moment it was confirmed. The app owns it."""

    title: str
    started: datetime
    changed: Callable[[Work], None]
    """Called after every change; the app tells whoever is looking."""
    state: WorkState = WorkState.RUNNING
    finished: datetime | None = None
    operations: tuple[Operation, ...] = ()
    branch: str = ""
    """The name of the branch it is about; it stands in the header."""
    plan: tuple[str, ...] = ()
    """What was announced before it started. May hold foreign text."""
    results: tuple[str, ...] = ()
    """What came of it so far. May hold foreign text."""
    comparison: tuple[Branch, Branch] | None = None
    """Two branches (then, now) that are worth comparing when this is done."""
    error: WarubiError | None = None
    verdict: str = "Done"
    """How the news of its end begins, when it ended without an error."""

    def progress(self, operations: Sequence[Operation]) -> None:
        """Takes the latest state of the operations."""
        self.operations = tuple(operations)
        self.changed(self)

    def note(self, *results: str) -> None:
        """Adds results."""
        self.results += results
        self.changed(self)

    def end(self, at: datetime, error: WarubiError | None = None) -> None:
        """Marks the work as over."""
        self.finished = at
        self.error = error
        if error is None:
            self.state = WorkState.DONE
        elif isinstance(error, UnknownOutcomeError):
            self.state = WorkState.UNKNOWN
        else:
            self.state = WorkState.FAILED
        self.changed(self)
