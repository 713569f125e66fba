"""What else lies on Neon's branches: this engine has none of it, and says so.

Neon's command line asks for these lists in `status`, `checkout` and `env pull`.
"""

from starlette.responses import JSONResponse

from warubi_tui.engine.api.served import BRANCH, Handler, Incoming, Served
from warubi_tui.engine.api.service import EngineService


def _no(things: str) -> Handler:
    def answer(engine: EngineService, request: Incoming) -> JSONResponse:
        engine.branch(request.path["branch_id"])
        return JSONResponse({things: []})

    return answer


ROUTES = tuple(
    Served("GET", f"{BRANCH}/{things}", _no(things)) for things in ("buckets", "functions", "credentials")
)
