"""Who the key belongs to. An engine has one user, no organization and one region."""

from starlette.responses import JSONResponse

from warubi_tui.engine.api.rendering import BRANCHES_LIMIT, EMAIL, LOCAL
from warubi_tui.engine.api.served import Incoming, Served
from warubi_tui.engine.api.service import EngineService


def me(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse(
        {
            "id": LOCAL,
            "login": LOCAL,
            "name": LOCAL,
            "last_name": "",
            "email": EMAIL,
            "image": "",
            "plan": LOCAL,
            "auth_accounts": [],
            "active_seconds_limit": 0,
            "projects_limit": 1,
            "branches_limit": BRANCHES_LIMIT,
            "max_autoscaling_limit": 0,
        }
    )


def organizations(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"organizations": []})


def auth(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"account_id": LOCAL, "auth_method": "api_key_user"})


def regions(engine: EngineService, request: Incoming) -> JSONResponse:
    region = {"region_id": LOCAL, "name": "This machine", "default": True, "geo_lat": "", "geo_long": ""}
    return JSONResponse({"regions": [region]})


ROUTES = (
    Served("GET", "/users/me", me),
    Served("GET", "/users/me/organizations", organizations),
    Served("GET", "/auth", auth),
    Served("GET", "/regions", regions),
)
