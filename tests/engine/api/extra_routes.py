"""The contract of our own routes below `/warubi`, in the form of Neon's document."""

from typing import Any

_TIME = {"type": "string", "format": "date-time"}
_LSN = {"type": "string", "pattern": "^[0-9A-F]{1,8}/[0-9A-F]{1,8}$"}
_NUMBER = {"type": "integer", "minimum": 0}
_TEXT_OR_NULL = {"type": "string", "nullable": True}
_COUNTS = dict.fromkeys(("inserts", "updates", "deletes", "truncates", "drops", "ddl"), _NUMBER)
_TABLE = {
    "database": _TEXT_OR_NULL,
    "schema": _TEXT_OR_NULL,
    "name": _TEXT_OR_NULL,
    "oid": _NUMBER | {"nullable": True},
    "number": _NUMBER,
    "partition_of": _TEXT_OR_NULL,
}


def _object(properties: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties | optional}


def _list(items: dict[str, Any], most: int | None = None) -> dict[str, Any]:
    return {"type": "array", "items": items} | ({"maxItems": most} if most else {})


_BUCKET = _object(
    {"start": _TIME, "end": _TIME, "commits": _NUMBER, "rollbacks": _NUMBER, "ddl": _NUMBER}
    | {"tables": _list(_object({"table": _NUMBER}, **_COUNTS))}
)
_TRANSACTION = _object(
    {
        "time": _TIME,
        "lsn": _LSN,
        "before_lsn": _LSN,
        "xid": _NUMBER,
        "kind": {"type": "string", "enum": ["DROP", "TRUNCATE", "DELETE", "DDL", "UPDATE", "INSERT"]},
        "application_name": _TEXT_OR_NULL,
        "tables": _list(_object(_TABLE, **_COUNTS)),
    }
)
_SPAN = (
    {"name": "from", "in": "query", "schema": _TIME, "required": True},
    {"name": "to", "in": "query", "schema": _TIME, "required": True},
)


def _get(
    properties: dict[str, Any], *query: dict[str, Any], optional: dict[str, Any] | None = None
) -> dict[str, Any]:
    ids = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("project_id", "branch_id")
    ]
    answer = _object(properties, **(optional or {}))
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
    f"{_BRANCH}/lineage": _get(
        {
            "timelines": _list(
                _object(
                    {
                        "id": {"type": "string"},
                        "fork_lsn": _LSN | {"nullable": True},
                        "fork_xid": _NUMBER | {"nullable": True},
                    }
                )
            )
        }
    ),
    f"{_BRANCH}/activity": _get(
        {"from": _TIME, "to": _TIME, "tables": _list(_object(_TABLE)), "buckets": _list(_BUCKET, 2000)},
        *_SPAN,
        _query("buckets", {"type": "integer", "minimum": 1, "maximum": 2000}, required=True),
    ),
    f"{_BRANCH}/transactions": _get(
        {"transactions": _list(_TRANSACTION, 1000)},
        *_SPAN,
        _query("table", {"type": "string"}),
        _query("cursor", _LSN),
        _query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}),
        optional={"pagination": _object({"cursor": _LSN})},
    ),
}
