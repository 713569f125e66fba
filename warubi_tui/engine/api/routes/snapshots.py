"""Snapshots, restoring them, and backup schedules."""

import re
from typing import Final

from starlette.responses import JSONResponse

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.body import Fields
from warubi_tui.engine.api.query import Query
from warubi_tui.engine.api.routes.endpoints import render_endpoints
from warubi_tui.engine.api.served import BRANCH, PROJECT, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.rules import FREQUENCIES, Rule

SNAPSHOT: Final = PROJECT + "/snapshots/{snapshot_id}"
MOST_RULES: Final = 20
SHORTEST_RETENTION_SECONDS: Final = 3600

_SLUG: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_RANGES: Final = {"hour": (0, 23), "day": (1, 31), "month": (1, 12)}
_LONGEST_RETENTION_SECONDS: Final = 100 * 366 * 86_400


def take_snapshot(engine: EngineService, request: Incoming) -> JSONResponse:
    """As on Neon everything is in the query. It is there at once, so no operations are left to wait for."""
    query = request.query
    at, lsn = query.target("timestamp", "lsn")
    row = engine.take_snapshot(
        request.path["branch_id"],
        name=query.title("name"),
        slug=_slug(query),
        at=at,
        lsn=lsn,
        expires_at=query.time("expires_at"),
    )
    return JSONResponse({"snapshot": rendering.snapshot(row), **rendering.operations(())})


def _slug(query: Query) -> str | None:
    slug = query.text("slug")
    if slug is not None and not _SLUG.fullmatch(slug):
        query.refuse("slug", f"a text of the form {_SLUG.pattern} expected")
    return slug


def list_snapshots(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"snapshots": [rendering.snapshot(row) for row in engine.snapshots()]})


def change_snapshot(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    wanted = body.need("snapshot", body.fields("snapshot"))
    changes: dict[str, object] = {}
    if (name := wanted.title("name")) is not None:
        changes["name"] = name
    if "expires_at" in wanted:
        changes["expires_at"] = None if wanted["expires_at"] is None else wanted.time("expires_at")
    row = engine.change_snapshot(request.path["snapshot_id"], changes)
    return JSONResponse({"snapshot": rendering.snapshot(row)})


def delete_snapshot(engine: EngineService, request: Incoming) -> JSONResponse:
    operations = engine.delete_snapshot(request.path["snapshot_id"])
    return JSONResponse(rendering.operations(operations), 202)


def restore_snapshot(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.optional_body()
    row, endpoints, operations = engine.restore_snapshot(
        request.path["snapshot_id"],
        name=body.title("name") or request.query.title("name"),
        target_id=body.identifier("target_branch_id"),
        finalize=body.flag("finalize_restore") or False,
    )
    answer = {"branch": rendering.branch(row), **rendering.operations(operations)}
    if endpoints:
        answer["endpoints"] = render_endpoints(engine, endpoints)
    return JSONResponse(answer)


def finalize_restore(engine: EngineService, request: Incoming) -> JSONResponse:
    name = request.optional_body().title("name")
    operations = engine.finalize_restore(request.path["branch_id"], name=name)
    return JSONResponse(rendering.operations(operations))


def get_schedule(engine: EngineService, request: Incoming) -> JSONResponse:
    rules = engine.schedule(request.path["branch_id"])
    return JSONResponse({"schedule": [rendering.rule(rule) for rule in rules]})


def set_schedule(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    if "schedule" not in body:
        body.refuse("schedule", "field required")
    items = body.list_of_fields("schedule")
    if len(items) > MOST_RULES:
        body.refuse("schedule", f"at most {MOST_RULES} items expected")
    engine.set_schedule(request.path["branch_id"], [_rule(item) for item in items])
    return JSONResponse({})


def _rule(item: Fields) -> Rule:
    frequency = item.need("frequency", item.choice("frequency", FREQUENCIES))
    values = {name: _within(item, name, *bounds) for name, bounds in _RANGES.items()}
    if frequency == "weekly" and (values["day"] or 1) > 7:
        item.refuse("day", "a day of the week from 1 (Monday) to 7 expected")
    bounds = (SHORTEST_RETENTION_SECONDS, _LONGEST_RETENTION_SECONDS)
    return Rule(frequency, **values, retention_seconds=_within(item, "retention_seconds", *bounds))


def _within(item: Fields, name: str, lowest: int, highest: int) -> int | None:
    value = item.whole(name)
    if value is not None and not lowest <= value <= highest:
        item.refuse(name, f"a whole number from {lowest} to {highest} expected")
    return value


ROUTES = (
    Served("POST", BRANCH + "/snapshot", take_snapshot),
    Served("GET", PROJECT + "/snapshots", list_snapshots),
    Served("PATCH", SNAPSHOT, change_snapshot),
    Served("DELETE", SNAPSHOT, delete_snapshot),
    Served("POST", SNAPSHOT + "/restore", restore_snapshot),
    Served("POST", BRANCH + "/finalize_restore", finalize_restore),
    Served("GET", BRANCH + "/backup_schedule", get_schedule),
    Served("PUT", BRANCH + "/backup_schedule", set_schedule),
)
