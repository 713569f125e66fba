"""Rename and promote: the original gets another name, the copy gets the original's and becomes the default.

Three calls of the control plane, each looked up before it is made and, when its answer is lost, after it.
What was done is therefore always plain from the branches, and going on after a crash repeats nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from warubi_tui.errors import RefusedError, UnknownOutcomeError
from warubi_tui.recovery.lookup import Patience, branch_as, sent
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch, Changed, Project
    from warubi_tui.recovery.control_plane import ControlPlane
    from warubi_tui.recovery.restore import Progress

CallKind = Literal["rename", "set_default"]


@dataclass(frozen=True)
class BranchCall:
    """One change of one branch: a new name, or becoming the default."""

    kind: CallKind
    branch_id: str
    before: str
    """The branch's name before the call."""
    after: str
    """The branch's name after the call."""

    def done(self, branch: Branch) -> bool:
        """Whether `branch` already is as this call leaves it."""
        return branch.default if self.kind == "set_default" else branch.name == self.after

    def confirmation(self, branch: Branch) -> str | None:
        """What a person has to type: nothing for the name of a branch that is neither default nor protected.

        Args:
            branch: the branch as it is now.
        """
        harmless = self.kind == "rename" and not branch.default and not branch.protected
        return None if harmless else self.before

    @property
    def title(self) -> str:
        if self.kind == "set_default":
            return f"Make {clean(self.after)} the default branch"
        return f"Rename {clean(self.before)} to {clean(self.after)}"


@dataclass(frozen=True)
class PromotePlan:
    """The three calls, in order, and the preview."""

    project: Project
    original: Branch
    copy: Branch
    keep_as: str
    calls: tuple[BranchCall, ...]
    effects: tuple[str, ...]


@dataclass(frozen=True)
class CallResult:
    """The branch after a call, and whether the call was needed at all."""

    branch: Branch
    sent: bool


def plan_promote(
    project: Project, original: Branch, copy: Branch, *, keep_as: str | None = None, now: datetime
) -> PromotePlan:
    """Plans to put `copy` in the place of `original`, which stays under `keep_as`.

    Args:
        keep_as: by default `{original}_old_{UTC}`.

    Raises:
        RefusedError: both are the same branch.
    """
    if original.id == copy.id:
        raise RefusedError("A branch cannot take its own place")
    kept = keep_as or f"{original.name}_old_{now:%Y%m%dT%H%M%SZ}"
    calls = [
        BranchCall("rename", original.id, original.name, kept),
        BranchCall("rename", copy.id, copy.name, original.name),
    ]
    if original.default:
        calls.append(BranchCall("set_default", copy.id, original.name, original.name))
    return PromotePlan(project, original, copy, kept, tuple(calls), _effects(original, copy, kept))


def _effects(original: Branch, copy: Branch, keep_as: str) -> tuple[str, ...]:
    name, kept, new = clean(original.name), clean(keep_as), clean(copy.name)
    lines = [f"1. Rename {name} ({original.id}) to {kept}", f"2. Rename {new} ({copy.id}) to {name}"]
    if original.default:
        lines.append(f"3. Make {copy.id} the default branch")
    return (
        *lines,
        f"Kept: every row of {kept}, with its own connection string, which still reaches the damaged data",
        "Connections: the application has to be given the connection string of the promoted branch",
        f"Undo: make {original.id} the default again, then give both branches their old names back",
    )


async def make_call(
    client: ControlPlane,
    project_id: str,
    call: BranchCall,
    *,
    confirmation: str | None,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> CallResult:
    """Makes one call unless the branch already is as the call leaves it, and waits for its operations.

    Args:
        confirmation: what the person typed; it must be what `BranchCall.confirmation` asks for.
        patience: how long a lost answer is looked up.

    Raises:
        RefusedError: not confirmed; or the branch has a third name: someone else renamed it.
        UnknownOutcomeError: the answer was lost and the change is not seen.
    """
    from warubi_tui.neon.operations import wait

    branch = await client.branch(project_id, call.branch_id)
    if call.done(branch):
        return CallResult(branch, sent=False)
    if branch.name != call.before:
        raise RefusedError(
            f"The branch {call.branch_id} is now named {clean(branch.name)}",
            f"The plan knows it as {clean(call.before)}; nothing was done.",
            "Look at the branches and plan again.",
        )
    if call.confirmation(branch) not in {None, confirmation}:
        raise RefusedError(
            "Not confirmed, nothing was done",
            f"This changes the branch {clean(call.before)}.",
            "Type the branch's name exactly as it is.",
        )
    try:
        changed = await _send(client, project_id, call)
    except UnknownOutcomeError as lost:
        with sent(call.title):
            seen = await branch_as(client, project_id, call.branch_id, call.done, patience or Patience())
        if seen is None:
            raise UnknownOutcomeError(
                f"The answer was lost, and it is not known whether this happens: {call.title}",
                f"The branch is unchanged so far.\n{lost}",
                "Look again in a minute before anything is repeated.",
            ) from lost
        return CallResult(seen, sent=True)
    with sent(call.title):
        await wait(client, project_id, changed.operations, progress=progress)
        return CallResult(await client.branch(project_id, call.branch_id), sent=True)


async def _send(client: ControlPlane, project_id: str, call: BranchCall) -> Changed:
    if call.kind == "set_default":
        return await client.set_default(project_id, call.branch_id)
    return await client.rename_branch(project_id, call.branch_id, call.after)
