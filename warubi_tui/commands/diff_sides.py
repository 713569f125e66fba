"""The two sides of `warubi diff`: what was typed, as databases that can be read."""

from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from warubi_tui.commands.session import Session
from warubi_tui.errors import UsageError
from warubi_tui.history.preview import preview
from warubi_tui.neon.connections import branch_uri
from warubi_tui.neon.models import Branch
from warubi_tui.secret import Secret, redact
from warubi_tui.text import clean


@dataclass(frozen=True)
class Wish:
    """A side as it was typed: a branch, perhaps at a point of its past, or a URL."""

    text: str
    when: str | None = None
    """The point, where it is not in `text`."""

    @property
    def is_uri(self) -> bool:
        return self.text.startswith(("postgresql://", "postgres://"))


@dataclass(frozen=True)
class Side:
    """A database that can be read."""

    label: str
    """What the user called it, without a password."""
    uri: Secret
    branch: Branch | None
    """The branch that is read; None for a URL."""


def wishes(options: Namespace) -> tuple[Wish, Wish]:
    """What is to be compared: THEN with NOW, or a branch's past with the branch. Raises UsageError."""
    then, now, when = options.then, options.now, options.against_time
    if when is None and now is None:
        raise UsageError(
            "What THEN is compared with is missing.", hint="Name NOW, or give --against-time WHEN."
        )
    if when is None:
        return Wish(then), Wish(now)
    if now is not None:
        raise UsageError("--against-time compares one branch with its own past.", hint="Leave out NOW.")
    if Wish(then).is_uri:
        raise UsageError("--against-time needs a branch: the past of a URL is not known.")
    return Wish(then, when), Wish(then)


@asynccontextmanager
async def open_side(session: Session | None, wish: Wish, database: str | None) -> AsyncIterator[Side]:
    """One side, ready to be read.

    The past, and a branch without a compute (such as one that keeps the state before a restore), are read
    from a temporary branch, which is deleted afterwards.
    """
    if session is None or wish.is_uri:
        yield Side(redact(clean(wish.text)), Secret(wish.text), None)
        return
    branch, point = await session.branch_at(wish.text, wish.when)
    if point is None and await session.client.endpoints(session.project.id, branch.id):
        uri = await branch_uri(session.client, session.project.id, branch, database)
        yield Side(clean(branch.name), uri, branch)
        return
    output = session.output
    state = f"at {session.describe(point)}" if point else "(which has no compute)"
    output.note(f"Reading {branch.name} {state} from a temporary branch")
    async with preview(
        session.client,
        session.project,
        branch,
        point,
        now=session.now,
        progress=output.operations,
        notice=output.note,
    ) as past:
        uri = await branch_uri(session.client, session.project.id, past, database)
        name = f"{branch.name}@{point.requested}" if point else branch.name
        yield Side(clean(name), uri, past)
