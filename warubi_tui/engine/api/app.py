"""The API as an ASGI application."""

from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from warubi_tui.engine.api.door import Door
from warubi_tui.engine.api.problems import on_crash, on_http_error, on_refusal
from warubi_tui.engine.api.routes import (
    accounts,
    activity,
    branch_list,
    branches,
    databases,
    endpoints,
    history,
    operations,
    other_services,
    projects,
    roles,
    schemas,
    snapshots,
)
from warubi_tui.engine.api.served import routes
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.failures import ApiError
from warubi_tui.secret import Secret

_THEMES: Final = (
    accounts,
    projects,
    branch_list,
    branches,
    schemas,
    snapshots,
    endpoints,
    databases,
    roles,
    operations,
    history,
    activity,
    other_services,
)
ROUTES: Final = tuple(served for theme in _THEMES for served in theme.ROUTES)
"""Everything that is served."""


def create_app(engine: EngineService, key: Secret) -> Starlette:
    """Neon's API v2 over `engine`, for callers on this machine that carry `key`."""
    app = Starlette(
        routes=routes(engine, ROUTES),
        middleware=[Middleware(Door, key=key)],
        exception_handlers={ApiError: on_refusal, HTTPException: on_http_error, Exception: on_crash},
    )
    app.router.redirect_slashes = False
    return app
