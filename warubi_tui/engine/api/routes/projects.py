"""The engine's one project."""

from typing import Final

from starlette.responses import JSONResponse

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.body import Fields
from warubi_tui.engine.api.query import Query
from warubi_tui.engine.api.served import PROJECT, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import ProjectRow

LONGEST_RETENTION_SECONDS: Final = 2_592_000
"""30 days, the most that Neon offers on any plan."""


def list_projects(engine: EngineService, request: Incoming) -> JSONResponse:
    """As on Neon the cursor is the last project's id, and an empty page has no `pagination`."""
    query = request.query
    _check_page(query)
    elsewhere = query.identifier("org_id") is not None or query.flag("recoverable")
    row = engine.project()
    if elsewhere or query.text("cursor") or not _matches(row, query.text("search")):
        return JSONResponse({"projects": [], "applications": {}, "integrations": {}})
    return JSONResponse(
        {
            "projects": [rendering.project_list_item(row)],
            "pagination": {"cursor": row.id},
            "applications": {},
            "integrations": {},
        }
    )


def list_shared_projects(engine: EngineService, request: Incoming) -> JSONResponse:
    """Nobody shares projects with an engine's user."""
    _check_page(request.query)
    return JSONResponse({"projects": []})


def _check_page(query: Query) -> None:
    """Limits of a page that holds one project at most, and of waiting that is never needed."""
    query.whole("limit", 1, 400)
    query.whole("timeout", 100, 30_000)


def _matches(row: ProjectRow, search: str | None) -> bool:
    wanted = (search or "").casefold()
    return wanted in row.name.casefold() or wanted in row.id


def get_project(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"project": rendering.project(engine.project())})


def change_project(engine: EngineService, request: Incoming) -> JSONResponse:
    body = request.body()
    project = body.need("project", body.fields("project"))
    name, retention = project.title("name"), _retention(project)
    for unoffered in ("settings", "default_endpoint_settings"):
        if (given := project.fields(unoffered)) is not None and list(given):
            raise ApiError(422, f"this engine's project has no {unoffered}")
    row = engine.change_project(name=name, history_retention_seconds=retention)
    return JSONResponse({"project": rendering.project(row), **rendering.operations(())})


def _retention(project: Fields) -> int | None:
    name = "history_retention_seconds"
    retention = project.whole(name)
    if retention is not None and retention < 0:
        project.refuse(name, "0 or more seconds expected")
    if retention is not None and retention > LONGEST_RETENTION_SECONDS:
        raise ApiError(
            400,
            "requested history retention seconds exceeds allowed maximum; "
            f'requested_history_retention_seconds:"{retention}", max:"{LONGEST_RETENTION_SECONDS}"',
        )
    return retention


ROUTES = (
    Served("GET", "/projects", list_projects),
    Served("GET", "/projects/shared", list_shared_projects),
    Served("GET", PROJECT, get_project),
    Served("PATCH", PROJECT, change_project),
)
