"""Waiting until the server has really done what it said it would do."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, Protocol

from warubi_tui.errors import UnreachableError, WarubiError
from warubi_tui.neon.models import Operation
from warubi_tui.timefmt import span_text

BUDGET: Final = timedelta(minutes=10)

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 1.0

Progress = Callable[[Sequence[Operation]], None]


class OperationSource(Protocol):
    """Where the state of an operation is read: NeonClient."""

    async def operation(self, project_id: str, operation_id: str) -> Operation:
        """One operation as it is now."""


async def wait(
    source: OperationSource,
    project_id: str,
    operations: Sequence[Operation],
    *,
    progress: Progress | None = None,
    budget: timedelta = BUDGET,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[Operation]:
    """Polls until every operation has ended well; their last states, in the order given.

    Args:
        progress: called with all operations at first and after every round of polling.
        budget: how long to wait between polls, in sum.

    Raises:
        WarubiError: one ended badly; names it, says the server's reason and what has become of the others.
        UnreachableError: not all had ended within the budget. They go on at the server. A status that nobody
            knows counts as not ended.
    """
    states = list(operations)
    waited, pause = timedelta(0), _FIRST_PAUSE_SECONDS
    while True:
        if progress is not None:
            progress(states)
        if failed := [state for state in states if state.failed]:
            raise _failure(failed[0], states)
        if all(state.succeeded for state in states):
            return states
        if waited >= budget:
            raise _too_long(states, budget)
        await sleep(pause)
        waited += timedelta(seconds=pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        states = [
            state if state.terminal else await source.operation(project_id, state.id) for state in states
        ]


def _failure(failed: Operation, states: Sequence[Operation]) -> WarubiError:
    said = failed.error or f"The server gives no reason; its status is {failed.status!r}."
    return WarubiError(
        f"The operation {failed.action} has failed.",
        f"{said}\nOperation {failed.id}. All of this call: {_summary(states)}.",
        "Look at the branches: what was asked for may be there in part.",
    )


def _too_long(states: Sequence[Operation], budget: timedelta) -> UnreachableError:
    return UnreachableError(
        f"The operations have not ended within {span_text(budget)}.",
        f"{_summary(states)}. They go on at the server; nothing needs to be sent again.",
        "Look at the operations of the project later.",
    )


def _summary(states: Sequence[Operation]) -> str:
    return ", ".join(f"{state.action} {state.status}" for state in states)
