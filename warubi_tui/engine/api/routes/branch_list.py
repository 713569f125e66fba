"""Lists of branches, page by page.

A page starts after the branch the cursor names, wherever that branch is now: branches that come or go
between two pages neither repeat others nor hide them.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from starlette.responses import JSONResponse

from warubi_tui.engine.api import rendering
from warubi_tui.engine.api.query import Query
from warubi_tui.engine.api.served import PROJECT, Incoming, Served
from warubi_tui.engine.api.service import EngineService
from warubi_tui.engine.store import BranchRow

MOST_BRANCHES: Final = 10_000

SortValue = str | int
_SORT_VALUES: Final[dict[str, Callable[[BranchRow], SortValue]]] = {
    "name": lambda row: row.name,
    "created_at": lambda row: row.created_at,
    "updated_at": lambda row: row.updated_at,
}


@dataclass(frozen=True)
class Order:
    """How a list is sorted. Branches that are equal in it follow their ids."""

    by: str
    direction: str

    def place(self, row: BranchRow) -> tuple[SortValue, str]:
        """What a branch is compared by."""
        return _SORT_VALUES[self.by](row), row.id

    def sorted(self, rows: list[BranchRow]) -> list[BranchRow]:
        """The branches in this order."""
        return sorted(rows, key=self.place, reverse=self.direction == "desc")

    def is_after(self, row: BranchRow, place: tuple[SortValue, str]) -> bool:
        """Whether a branch comes later than a place."""
        return self.place(row) < place if self.direction == "desc" else self.place(row) > place


@dataclass(frozen=True)
class Cursor:
    """Where a page ended."""

    order: Order
    place: tuple[SortValue, str]

    def text(self) -> str:
        """The cursor as clients carry it about: opaque to them."""
        value, branch_id = self.place
        fields = {
            "branch_id": branch_id,
            "sort_by": self.order.by,
            "sort_by_value": value,
            "sort_order": self.order.direction,
        }
        return urlsafe_b64encode(json.dumps(fields).encode()).decode()

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Reads what `text()` wrote. Raises ValueError for anything else."""
        fields = json.loads(urlsafe_b64decode(text.encode()))
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        by, value = fields.get("sort_by"), fields.get("sort_by_value")
        direction, branch_id = fields.get("sort_order"), fields.get("branch_id")
        if not isinstance(by, str) or by not in _SORT_VALUES or direction not in ("asc", "desc"):
            raise ValueError("not an order of branches")
        if not isinstance(value, str if by == "name" else int) or not isinstance(branch_id, str):
            raise ValueError("not a place in that order")
        return cls(Order(by, direction), (value, branch_id))


def list_branches(engine: EngineService, request: Incoming) -> JSONResponse:
    """As on Neon, `pagination.next` is there whenever the page holds a branch, also on the last page."""
    query = request.query
    limit = query.whole("limit", 1, MOST_BRANCHES) or MOST_BRANCHES
    order, after = _order_and_place(query)
    deleted = engine.deleted_branches() if query.flag("include_deleted") else ()
    rows = order.sorted(_found([*engine.branches(), *deleted], query))
    if after is not None:
        rows = [row for row in rows if order.is_after(row, after)]
    page = rows[:limit]
    answer: rendering.Json = {
        "branches": [rendering.branch(row) for row in page],
        "annotations": rendering.annotations(page),
    }
    if page:
        following = Cursor(order, order.place(page[-1])).text()
        answer["pagination"] = {"next": following, "sort_by": order.by, "sort_order": order.direction}
    return JSONResponse(answer)


def count_branches(engine: EngineService, request: Incoming) -> JSONResponse:
    return JSONResponse({"count": len(_found(engine.branches(), request.query))})


def _found(rows: Iterable[BranchRow], query: Query) -> list[BranchRow]:
    """Those of `rows` whose name or id has the text of `search` in it, in any case."""
    wanted = (query.text("search") or "").casefold()
    return [row for row in rows if wanted in row.name.casefold() or wanted in row.id]


def _order_and_place(query: Query) -> tuple[Order, tuple[SortValue, str] | None]:
    """The order a query asks for, or the one its cursor goes on with. They must not contradict each other."""
    by = query.choice("sort_by", tuple(_SORT_VALUES))
    direction = query.choice("sort_order", ("asc", "desc"))
    text = query.text("cursor")
    if not text:
        return Order(by or "updated_at", direction or "desc"), None
    try:
        cursor = Cursor.parse(text)
    except (ValueError, RecursionError):
        query.refuse("cursor", "a cursor from an earlier page expected")
    if cursor.order != Order(by or cursor.order.by, direction or cursor.order.direction):
        query.refuse("cursor", f"it continues a list by {cursor.order.by}, {cursor.order.direction}")
    return cursor.order, cursor.place


ROUTES = (
    Served("GET", PROJECT + "/branches", list_branches),
    Served("GET", PROJECT + "/branches/count", count_branches),
)
