"""Where the histories of two databases part: what the control plane knows and the servers do not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from warubi_tui.lsn import Lsn
from warubi_tui.neon.models import Ancestor, Branch


class ControlPlane(Protocol):
    """What is asked; `NeonClient` answers."""

    async def branches(self, project_id: str) -> Sequence[Branch]: ...

    async def lineage(self, project_id: str, branch_id: str) -> tuple[Ancestor, ...] | None: ...


@dataclass(frozen=True, slots=True)
class Lineage:
    """Both sides hold one history up to a position, and went on from it each on its own or not at all."""

    fork_lsn: Lsn
    """The last position that both have in common."""
    next_xid: int | None = None
    """The first transaction id (64 bit) not yet assigned at `fork_lsn`, where the control plane says so.

    Too low a number only costs comparisons of contents; too high a one would be wrong.
    """
    then_frozen: bool = False
    """Whether `then` is read by a server that has written nothing since `fork_lsn` and is in recovery."""


async def branch_lineage(client: ControlPlane, then: Branch, now: Branch) -> Lineage | None:
    """Where two branches of a project part; None where they share no history, or are one and the same.

    warubi's engine says it exactly; elsewhere it follows from each branch's parent.

    Raises:
        what every call of NeonClient may raise.
    """
    if then.id == now.id:
        return None
    before = await client.lineage(then.project_id, then.id)
    after = await client.lineage(now.project_id, now.id)
    if before is not None and after is not None:
        return common_history(before, after)
    known = {branch.id: branch for branch in await client.branches(now.project_id)}
    return common_history(_parents(then, known), _parents(now, known))


def common_history(then: Sequence[Ancestor], now: Sequence[Ancestor]) -> Lineage | None:
    """The place where two lines of ancestors (newest first) leave the newest one they share."""
    there = {one.id: number for number, one in enumerate(then)}
    for number, one in enumerate(now):
        if one.id in there:
            leaving = [line[place - 1] for line, place in ((then, there[one.id]), (now, number)) if place]
            forks = [(fork.fork_lsn, fork.fork_xid) for fork in leaving if fork.fork_lsn is not None]
            if not leaving or len(forks) < len(leaving):
                return None
            return Lineage(*min(forks, key=lambda fork: fork[0]))
    return None


def _parents(branch: Branch, known: Mapping[str, Branch]) -> list[Ancestor]:
    """The branches a branch came from, as a line of ancestors; it ends where one is not known any more."""
    found: list[Ancestor] = []
    current: Branch | None = branch
    while current is not None and all(one.id != current.id for one in found):
        found.append(Ancestor(current.id, current.parent_lsn, None))
        current = known.get(current.parent_id) if current.parent_id else None
    return found
