"""Restoring a branch: a copy beside the original, or in place with the old state kept under a name."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Literal

from warubi_tui.errors import RefusedError, UnknownOutcomeError, WarubiError
from warubi_tui.neon.branches import new_name
from warubi_tui.recovery import effects
from warubi_tui.recovery.lookup import Patience, branch_as, branch_named, operations_of, sent
from warubi_tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warubi_tui.history.moment import RestorePoint
    from warubi_tui.neon.models import Branch, Operation, Project
    from warubi_tui.recovery.control_plane import ControlPlane
    from warubi_tui.secret import Secret

    Progress = Callable[[Sequence[Operation]], None]

PATIENT = Patience()

MAX_NAME_LENGTH = 256
"""Neon's limit for a branch name, in characters."""


@dataclass(frozen=True)
class RestorePlan:
    """What a restore would do. Nothing has been done yet; `perform` does it."""

    project: Project
    kind: Literal["copy", "in_place"]
    source: Branch
    """The branch whose history holds the wanted state."""
    target: Branch | None
    """The branch that is overwritten; None for a copy."""
    point: RestorePoint | None
    """The wanted state; None is the source as it is now."""
    name: str
    """The name that the restored state will have: a new one for a copy, the target's own in place."""
    keep_as: str | None
    """The new name of the overwritten state; None for a copy, which overwrites nothing."""
    effects: tuple[str, ...]
    """The preview, line by line: target, times, LSN, what is kept, how to undo. Safe to draw as text."""

    @property
    def confirmation(self) -> str | None:
        """What a person has to type before `perform`: the target's name in place, nothing for a copy."""
        return None if self.target is None else self.target.name


@dataclass(frozen=True)
class RestoreResult:
    """A finished restore: every operation ended well."""

    branch: Branch
    """The branch that holds the restored state."""
    operations: tuple[Operation, ...]
    connection_uri: Secret | None
    """To the branch's first database; None when the server does not give it out."""
    seconds: float
    kept_as: Branch | None
    """The branch that keeps the overwritten state; None for a copy."""


def proposed_copy_name(branch_name: str, now: datetime) -> str:
    """`{branch}_restored_{UTC}`: new as long as no two copies are planned in the same second."""
    return f"{branch_name}_restored_{_stamp(now)}"


async def plan_copy(
    client: ControlPlane,
    project: Project,
    source: Branch,
    point: RestorePoint,
    *,
    name: str | None = None,
    now: datetime,
    zone: tzinfo,
) -> RestorePlan:
    """Plans a new branch beside `source` with its state at `point`; `source` is only read.

    Args:
        name: of the copy; by default `{source}_restored_{UTC}`.
        now: aware; names and ages are counted from it.
        zone: in which times are shown beside UTC.

    Raises:
        RefusedError: the name is taken or cannot be a name.
    """
    wanted = name if name is not None else proposed_copy_name(source.name, now)
    _check_name(wanted)
    await _refuse_taken(client, project, wanted)
    lines = effects.of_copy(project, source, point, wanted, now=now, zone=zone)
    return RestorePlan(project, "copy", source, None, point, wanted, None, lines)


async def plan_in_place(
    client: ControlPlane,
    project: Project,
    branch: Branch,
    point: RestorePoint,
    *,
    keep_as: str | None = None,
    now: datetime,
    zone: tzinfo,
) -> RestorePlan:
    """Plans to put `branch` back to its own state at `point`; today's state is kept under `keep_as`.

    Args:
        keep_as: by default `{branch}_old_{UTC}`.

    Raises:
        RefusedError: the name is taken, or the server does not allow restoring this branch.
    """
    return await _plan_overwrite(client, project, branch, branch, point, keep_as=keep_as, now=now, zone=zone)


async def plan_from(
    client: ControlPlane,
    project: Project,
    branch: Branch,
    source: Branch,
    *,
    keep_as: str | None = None,
    now: datetime,
    zone: tzinfo,
) -> RestorePlan:
    """Plans to overwrite `branch` by the present state of `source`.

    With the branch that an earlier restore kept as `source`, this undoes that restore.

    Raises:
        RefusedError: as `plan_in_place`.
    """
    return await _plan_overwrite(client, project, branch, source, None, keep_as=keep_as, now=now, zone=zone)


async def perform(
    client: ControlPlane,
    plan: RestorePlan,
    *,
    confirmation: str | None = None,
    progress: Progress | None = None,
    patience: Patience = PATIENT,
) -> RestoreResult:
    """Does what `plan` says and waits until every operation has ended.

    A call whose answer is lost is never repeated: the branch it would have made is looked up by its name.

    Args:
        confirmation: what the person typed; in place it must be the branch's name.
        progress: told the operations each time they were asked for.
        patience: how long a lost answer is looked up.

    Raises:
        RefusedError: not confirmed, the branch changed meanwhile, a rule of the server; nothing was done.
        UnknownOutcomeError: the answer was lost and no trace of the call is seen, or its end was not seen.
        WarubiError: an operation failed.
    """
    if plan.confirmation is not None and confirmation != plan.confirmation:
        raise RefusedError(
            "Not confirmed, nothing was done",
            f"This overwrites the branch {clean(plan.confirmation)}.",
            "Type the branch's name exactly as it is.",
        )
    started = time.monotonic()
    await _check_still_true(client, plan)
    try:
        branch_id, operations = await _send(client, plan)
    except UnknownOutcomeError as lost:
        with sent(f"restoring {clean(plan.name)}"):
            branch_id, operations = await _look_up(client, plan, lost, patience)
    with sent(f"restoring {clean(plan.name)}"):
        return await _settle(
            client, plan, branch_id, operations, started=started, progress=progress, patience=patience
        )


async def resume(
    client: ControlPlane,
    plan: RestorePlan,
    *,
    progress: Progress | None = None,
    patience: Patience = PATIENT,
) -> RestoreResult:
    """Follows a restore that was sent earlier, by this process or one that died. Sends nothing.

    Raises:
        UnknownOutcomeError: no branch with the name it would have made is seen.
        WarubiError: an operation failed.
    """
    started = time.monotonic()
    never_seen = UnknownOutcomeError("It is not known whether the restore was sent")
    with sent(f"restoring {clean(plan.name)}"):
        branch_id, operations = await _look_up(client, plan, never_seen, patience)
        return await _settle(
            client, plan, branch_id, operations, started=started, progress=progress, patience=patience
        )


async def _plan_overwrite(
    client: ControlPlane,
    project: Project,
    branch: Branch,
    source: Branch,
    point: RestorePoint | None,
    *,
    keep_as: str | None,
    now: datetime,
    zone: tzinfo,
) -> RestorePlan:
    for action, reason in branch.restricted:
        if action == "restore":
            raise RefusedError(f"The branch {clean(branch.name)} cannot be restored", clean(reason))
    kept = keep_as
    if kept is None:
        taken = {other.name for other in await client.branches(project.id)}
        kept = new_name(branch.name, "old", now, taken)
    _check_name(kept)
    await _refuse_taken(client, project, kept)
    lines = effects.of_in_place(project, branch, source, point, kept, now=now, zone=zone)
    return RestorePlan(project, "in_place", source, branch, point, branch.name, kept, lines)


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%SZ}"


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME_LENGTH or clean(name) != name:
        raise RefusedError(
            "That cannot be the name of a branch",
            f"A name has 1 to {MAX_NAME_LENGTH} characters, all of them printable.",
        )


async def _refuse_taken(client: ControlPlane, project: Project, name: str) -> None:
    if any(branch.name == name for branch in await client.branches(project.id)):
        raise RefusedError(
            f"There is already a branch named {clean(name)}",
            "A restore is found again by the name it makes, so the name has to be new.",
            "Choose another name.",
        )


async def _check_still_true(client: ControlPlane, plan: RestorePlan) -> None:
    """Refuses when the branches are no longer those that the plan was made for."""
    await _refuse_taken(client, plan.project, plan.keep_as or plan.name)
    for planned in {branch.id: branch for branch in (plan.source, plan.target) if branch}.values():
        current = await client.branch(plan.project.id, planned.id)
        if (current.name, current.last_reset_at) != (planned.name, planned.last_reset_at):
            raise RefusedError(
                f"The branch {clean(planned.name)} changed since this was planned",
                f"It was renamed or restored; it is now named {clean(current.name)}. Nothing was done.",
                "Look at the branch again and make a new plan.",
            )


async def _send(client: ControlPlane, plan: RestorePlan) -> tuple[str, Sequence[Operation]]:
    at = plan.point.at if plan.point and plan.point.lsn is None else None
    lsn = plan.point.lsn if plan.point else None
    if plan.target is None:
        created = await client.create_branch(
            plan.project.id, parent_id=plan.source.id, name=plan.name, at=at, lsn=lsn
        )
        return created.branch.id, created.operations
    changed = await client.restore_branch(
        plan.project.id,
        plan.target.id,
        source_id=plan.source.id,
        at=at,
        lsn=lsn,
        preserve_under_name=plan.keep_as,
    )
    return changed.branch.id, changed.operations


async def _look_up(
    client: ControlPlane, plan: RestorePlan, lost: UnknownOutcomeError, patience: Patience
) -> tuple[str, Sequence[Operation]]:
    if plan.target is not None:
        await _let_finish(client, plan.project.id, plan.target.id)
    made = await branch_named(client, plan.project.id, plan.keep_as or plan.name, patience)
    if made is None:
        raise UnknownOutcomeError(
            "The answer was lost, and it is not known whether the restore happens",
            f"No branch named {clean(plan.keep_as or plan.name)} is seen so far.\n{lost}",
            "Look again in a minute before anything is repeated.",
        ) from lost
    branch_id = made.id if plan.target is None else plan.target.id
    operations = await operations_of(client, plan.project.id, {branch_id, made.id}, since=made.created_at)
    return branch_id, operations


async def _let_finish(client: ControlPlane, project_id: str, branch_id: str) -> None:
    """Waits for what runs on a branch: a server may name the kept state only when the restore is done."""
    from warubi_tui.neon.operations import wait

    operations = await client.operations(project_id)
    running = [one for one in operations if one.branch_id == branch_id and not one.terminal]
    await wait(client, project_id, running)


async def _settle(
    client: ControlPlane,
    plan: RestorePlan,
    branch_id: str,
    operations: Sequence[Operation],
    *,
    started: float,
    progress: Progress | None,
    patience: Patience,
) -> RestoreResult:
    from warubi_tui.neon.operations import wait

    ended = await wait(client, plan.project.id, operations, progress=progress)
    branch = await branch_as(client, plan.project.id, branch_id, _at_rest, patience)
    if branch is None:
        raise UnknownOutcomeError(
            f"The branch {clean(plan.name)} is not ready yet",
            "Its operations have ended, as far as they are seen.",
            "Look again in a minute.",
        )
    kept = None
    if plan.keep_as is not None:
        kept = await branch_named(client, plan.project.id, plan.keep_as, Patience(attempts=1))
        if kept is None:
            raise WarubiError(
                f"The state before the restore is not found under {clean(plan.keep_as)}",
                "The server says the restore is finished.",
                "Look at the list of branches before you change anything else.",
            )
    uri = await _connection_uri(client, plan.project.id, branch_id)
    return RestoreResult(branch, tuple(ended), uri, time.monotonic() - started, kept)


def _at_rest(branch: Branch) -> bool:
    return branch.current_state not in {"init", "resetting"}


async def _connection_uri(client: ControlPlane, project_id: str, branch_id: str) -> Secret | None:
    """None when the branch has no database or the server keeps its passwords to itself."""
    try:
        databases = await client.databases(project_id, branch_id)
        if not databases:
            return None
        first = min(databases, key=lambda database: database.id)
        return await client.connection_uri(
            project_id, branch_id=branch_id, database=first.name, role=first.owner_name
        )
    except WarubiError:
        return None
