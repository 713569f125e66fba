"""`warubi restore`: a copy beside the original, or in place with the old state kept."""

from argparse import Namespace

from warubi_tui.commands.session import Session, require_confirmation
from warubi_tui.commands.shapes import branch_json, time_json
from warubi_tui.errors import UsageError
from warubi_tui.history.moment import RestorePoint
from warubi_tui.neon.models import Branch
from warubi_tui.recovery.restore import (
    RestorePlan,
    RestoreResult,
    perform,
    plan_copy,
    plan_from,
    plan_in_place,
)


async def restore(session: Session, options: Namespace) -> int:
    """Says what will be done, does it, and prints what came of it."""
    _check(options)
    branch, point = await session.branch_at(options.branch, options.at)
    if options.in_place:
        require_confirmation(branch, options.confirm)
    plan = await _plan(session, branch, point, options)
    session.output.note("\n".join(plan.effects))
    result = await perform(
        session.client, plan, confirmation=options.confirm, progress=session.output.operations
    )
    session.output.result(
        _text(plan, result, show_secret=options.show_secret),
        _json(point, result, show_secret=options.show_secret),
    )
    return 0


async def _plan(
    session: Session, branch: Branch, point: RestorePoint | None, options: Namespace
) -> RestorePlan:
    client, project = session.client, session.project
    if options.source is not None:
        if point is not None:
            raise UsageError("--from takes the state a branch has now: leave out the point.")
        source = await session.branch(options.source)
        return await plan_from(
            client, project, branch, source, keep_as=options.keep_as, now=session.now, zone=session.zone
        )
    if point is None:
        raise UsageError(f"To which point should {branch.name} be restored?", hint="Say it with --at WHEN.")
    if options.in_place:
        return await plan_in_place(
            client, project, branch, point, keep_as=options.keep_as, now=session.now, zone=session.zone
        )
    return await plan_copy(
        client, project, branch, point, name=options.name, now=session.now, zone=session.zone
    )


def _check(options: Namespace) -> None:
    if options.in_place and options.name is not None:
        raise UsageError("--name is for a copy: a restore in place keeps the branch's name.")
    meant_in_place = (options.keep_as, options.confirm, options.source)
    if not options.in_place and any(option is not None for option in meant_in_place):
        raise UsageError("--keep-as, --confirm and --from are for a restore in place: add --in-place.")


def _text(plan: RestorePlan, result: RestoreResult, *, show_secret: bool) -> str:
    branch, origin = result.branch, plan.source.name
    done = (
        f"Restored a copy of {origin} as {branch.name}" if plan.kind == "copy" else f"Restored {branch.name}"
    )
    lines = [f"{done} ({branch.id}) in {result.seconds:.1f} s."]
    if result.kept_as is not None:
        lines.append(f"The state before is kept as {result.kept_as.name} ({result.kept_as.id}).")
    if show_secret and result.connection_uri is not None:
        lines.append(result.connection_uri.reveal())
    return "\n".join(lines)


def _json(point: RestorePoint | None, result: RestoreResult, *, show_secret: bool) -> dict[str, object]:
    moment = point.resolved if point is not None else None
    lsn = moment.lsn if moment is not None else point.lsn if point is not None else None
    time = moment.time if moment is not None else point.at if point is not None else None
    data: dict[str, object] = {
        "branch": branch_json(result.branch),
        "requested": None if point is None else point.requested,
        "resolved_lsn": None if lsn is None else str(lsn),
        "resolved_time": time_json(time),
        "kept_as": None if result.kept_as is None else branch_json(result.kept_as),
        "seconds": round(result.seconds, 3),
    }
    if show_secret:
        uri = result.connection_uri
        data["connection_uri"] = None if uri is None else uri.reveal()
    return data
