"""The contract of our own routes below `/warubi`, in the form of Neon's document."""

from typing import Any

_TIME = {"type": "string", "format": "date-time"}
_LSN = {"type": "string", "pattern": "^[0-9A-F]{1,8}/[0-9A-F]{1,8}$"}
_BUCKET = {
    "type": "object",
    "required": ["start", "end", "commits"],
    "properties": {"start": _TIME, "end": _TIME, "commits": {"type": "integer", "minimum": 0}},
}


def _get(properties: dict[str, Any], *query: dict[str, Any]) -> dict[str, Any]:
    ids = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("project_id", "branch_id")
    ]
    answer = {"type": "object", "required": list(properties), "properties": properties}
    return {
        "get": {
            "parameters": ids + list(query),
            "responses": {"200": {"content": {"application/json": {"schema": answer}}}},
        }
    }


def _query(name: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "required": required}


_BRANCH = "/warubi/projects/{project_id}/branches/{branch_id}"

PATHS = {
    f"{_BRANCH}/window": _get({"from": _TIME, "to": _TIME, "from_lsn": _LSN, "to_lsn": _LSN}),
    f"{_BRANCH}/moment": _get(
        {
            "lsn": _LSN,
            "time": _TIME | {"nullable": True},
            "next_lsn": _LSN | {"nullable": True},
            "next_time": _TIME | {"nullable": True},
        },
        _query("timestamp", _TIME),
        _query("lsn", _LSN),
    ),
    f"{_BRANCH}/activity": _get(
        {"from": _TIME, "to": _TIME, "buckets": {"type": "array", "maxItems": 2000, "items": _BUCKET}},
        _query("from", _TIME, required=True),
        _query("to", _TIME, required=True),
        _query("buckets", {"type": "integer", "minimum": 1, "maximum": 2000}, required=True),
    ),
}
