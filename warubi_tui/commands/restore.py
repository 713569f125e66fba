"""`warubi restore`: a copy beside the original, or in place with the old state kept."""

from argparse import Namespace

from warubi_tui.commands.session import Session, require_confirmation
from warubi_tui.commands.shapes import branch_json, time_json
from warubi_tui.errors import UsageError
from warubi_tui.history.moment import RestorePoint
from warubi_tui.recovery.restore import RestorePlan, RestoreResult, perform, plan_copy, plan_in_place


async def restore(session: Session, options: Namespace) -> int:
    """Says what will be done, does it, and prints what came of it."""
    _check(options)
    branch, point = await session.branch_at(options.branch, options.at)
    if point is None:
        raise UsageError(f"To which point should {branch.name} be restored?", hint="Say it with --at WHEN.")
    if options.in_place:
        require_confirmation(branch, options.confirm)
        plan = await plan_in_place(
            session.client,
            session.project,
            branch,
            point,
            keep_as=options.keep_as,
            now=session.now,
            zone=session.zone,
        )
    else:
        plan = await plan_copy(
            session.client,
            session.project,
            branch,
            point,
            name=options.name,
            now=session.now,
            zone=session.zone,
        )
    session.output.note("\n".join(plan.effects))
    result = await perform(
        session.client, plan, confirmation=options.confirm, progress=session.output.operations
    )
    session.output.result(
        _text(plan, result, show_secret=options.show_secret),
        _json(point, result, show_secret=options.show_secret),
    )
    return 0


def _check(options: Namespace) -> None:
    if options.in_place and options.name is not None:
        raise UsageError("--name is for a copy: a restore in place keeps the branch's name.")
    if not options.in_place and (options.keep_as is not None or options.confirm is not None):
        raise UsageError("--keep-as and --confirm are for a restore in place: add --in-place.")


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


def _json(point: RestorePoint, result: RestoreResult, *, show_secret: bool) -> dict[str, object]:
    moment = point.resolved
    lsn = moment.lsn if moment is not None else point.lsn
    data: dict[str, object] = {
        "branch": branch_json(result.branch),
        "requested": point.requested,
        "resolved_lsn": None if lsn is None else str(lsn),
        "resolved_time": time_json(moment.time if moment is not None else point.at),
        "kept_as": None if result.kept_as is None else branch_json(result.kept_as),
        "seconds": round(result.seconds, 3),
    }
    if show_secret:
        uri = result.connection_uri
        data["connection_uri"] = None if uri is None else uri.reveal()
    return data
