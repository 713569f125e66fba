"""Operations: work that goes on in the background while the API answers at once, and can be polled."""

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from warubi_tui.engine import clock
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import OperationRow, ProjectRow, Store, Transaction

Commit = Callable[[Transaction], object]

_log = logging.getLogger("warubi.engine")


def nothing(_: Transaction) -> None:
    """A commit that changes no rows of its own."""


@dataclass(frozen=True)
class Step:
    """One operation of a task.

    Attributes:
        action: Neon's word for it (`create_branch`, `start_compute`, …).
        run: does the work and returns what to write; that and the operation's end are one transaction.
        undo: after `run` failed: removes what it left, and returns what to write about it.
        endpoint: the endpoint it is about.
    """

    action: str
    run: Callable[[], Commit]
    undo: Callable[[], Commit] = lambda: nothing
    endpoint: str | None = None


@dataclass(frozen=True)
class Task:
    """Steps that run one after another; the claim is released when they are over."""

    claim: "Claim"
    steps: Sequence[tuple[Step, str]]


class Claim:
    """Branches a task changes (`exclusive`) or reads (`shared`); others are told 423 meanwhile.

    As a context manager it is released at the block's end, unless a task was launched with it: then it is
    released when the task is over.
    """

    def __init__(self, jobs: "Jobs", exclusive: Collection[str], shared: Collection[str]) -> None:
        self._jobs = jobs
        self.exclusive = exclusive
        self.shared = shared
        self.launched = False
        self.released = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.launched:
            self._jobs.release(self)


class Jobs:
    """Runs tasks, each on a thread, and says which branches are busy."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Condition(threading.Lock())
        self._changing: set[str] = set()
        self._changed: Counter[str] = Counter()
        self._reading: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="operation")

    def claim(self, *, exclusive: Collection[str] = (), shared: Collection[str] = ()) -> Claim:
        """Raises ApiError 423 where another task changes one of these, or reads one that is to be changed."""
        with self._lock:
            busy = self._changing & {*exclusive, *shared} or {b for b in exclusive if self._reading[b]}
            if busy:
                raise ApiError(
                    423, "project already has running operations, scheduling of new ones is prohibited"
                )
            self._changing.update(exclusive)
            self._changed.update(exclusive)
            self._reading.update(shared)
        return Claim(self, exclusive, shared)

    def release(self, claim: Claim) -> None:
        """Releasing twice is allowed."""
        with self._lock:
            if not claim.released:
                claim.released = True
                self._changing.difference_update(claim.exclusive)
                self._reading.subtract(claim.shared)
                self._lock.notify_all()

    def busy(self) -> set[str]:
        """Everything that is claimed."""
        with self._lock:
            return self._changing | {name for name, readers in self._reading.items() if readers}

    def await_release(self, branch: str, limit_seconds: float) -> None:
        """Returns when no task changes a branch, or when this much time is over."""
        with self._lock:
            self._lock.wait_for(lambda: branch not in self._changing, limit_seconds)

    def changes(self, branch: str) -> int | None:
        """How many tasks changed a branch so far; None while one does."""
        with self._lock:
            return None if branch in self._changing else self._changed[branch]

    def plan(
        self, tx: Transaction, claim: Claim, branch: str, steps: Sequence[Step]
    ) -> tuple[Task, list[OperationRow]]:
        """Writes down the operations of a task. `launch` it once the transaction is through."""
        project = tx.one(ProjectRow)
        assert project is not None
        rows = []
        for position, step in enumerate(steps):
            status = "running" if position == 0 else "scheduling"
            moment = clock.now() + position
            row = OperationRow(
                id=str(uuid.uuid4()),
                project=project.id,
                branch=branch,
                endpoint=step.endpoint,
                action=step.action,
                status=status,
                error=None,
                created_at=moment,
                updated_at=moment,
                started_at=None,
                finished_at=None,
            )
            tx.insert(row)
            rows.append(row)
        return Task(claim, [(step, row.id) for step, row in zip(steps, rows, strict=True)]), rows

    def launch(self, task: Task) -> None:
        """Starts a task in the background; one without steps is over already."""
        if not task.steps:
            return
        task.claim.launched = True
        self._threads.submit(self._run, task)

    def perform(self, task: Task) -> None:
        """Runs a task in this thread, at once."""
        task.claim.launched = True
        self._run(task)

    def close(self) -> None:
        """Waits for the running tasks; no new ones start."""
        self._threads.shutdown(wait=True)

    def _run(self, task: Task) -> None:
        """Whoever reads that the last operation is over finds the branches free."""

        def release() -> None:
            self.release(task.claim)

        try:
            for position, (step, operation) in enumerate(task.steps):
                later = [waiting for _, waiting in task.steps[position + 1 :]]
                self._begin(operation)
                try:
                    failpoint("operation: begun")
                    commit = step.run()
                    failpoint("operation: done, not recorded")
                    with self._store.transaction(_go_on if later else release) as tx:
                        commit(tx)
                        _end(tx, operation, "finished")
                        failpoint("operation: recorded, not committed")
                    failpoint("operation: committed")
                except Exception as error:
                    _log.exception("operation %s (%s) failed", operation, step.action)
                    commit, reason = _undo(step, error)
                    with self._store.transaction(release) as tx:
                        commit(tx)
                        _end(tx, operation, "failed", reason)
                        for waiting in later:
                            _end(tx, waiting, "cancelled")
                    return
        finally:
            release()

    def _begin(self, operation: str) -> None:
        with self._store.transaction() as tx:
            moment = clock.now()
            tx.update(
                OperationRow,
                {"status": "running", "started_at": moment, "updated_at": moment},
                id=operation,
            )


def _go_on() -> None:
    """After an operation that others follow: the claim stays."""


def _end(tx: Transaction, operation: str, status: str, error: str | None = None) -> None:
    moment = clock.now()
    tx.update(
        OperationRow,
        {"status": status, "error": error, "finished_at": moment, "updated_at": moment},
        id=operation,
    )


def _undo(step: Step, error: Exception) -> tuple[Commit, str]:
    """Cleans up after a failed step; returns what to write about it, and the reason in words."""
    reason = str(error) or type(error).__name__
    try:
        return step.undo(), reason
    except Exception as second:
        _log.exception("cleaning up after %s failed", step.action)
        return nothing, f"{reason}; cleaning up failed too, the next start of the engine does it: {second}"


def fail_unfinished(tx: Transaction) -> None:
    """At start: operations that a former engine did not finish have failed."""
    reasons = {
        "running": "the engine ended while this ran",
        "scheduling": "the engine ended before this began",
    }
    for status, reason in reasons.items():
        moment = clock.now()
        tx.update(
            OperationRow,
            {"status": "failed", "error": reason, "finished_at": moment, "updated_at": moment},
            status=status,
        )
