"""Requests of any content end in an answer or in a refusal with a status of the 4xx."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from tests.engine.api.fake_engine import (
    ENDPOINT_ID,
    MAIN_ID,
    PROJECT_ID,
    SNAPSHOT_ID,
    FakeEngine,
    operation_row,
)
from warubi_tui.engine.api.app import ROUTES
from warubi_tui.engine.api.query import Query
from warubi_tui.engine.api.served import Incoming, Served
from warubi_tui.engine.failures import ApiError

_PATH = {
    "project_id": PROJECT_ID,
    "branch_id": MAIN_ID,
    "endpoint_id": ENDPOINT_ID,
    "snapshot_id": SNAPSHOT_ID,
    "database_name": "shop",
    "role_name": "owner",
    "operation_id": operation_row(0).id,
}
_NAMES = st.sampled_from(
    [
        "project",
        "branch",
        "endpoint",
        "role",
        "database",
        "endpoints",
        "settings",
        "annotation_value",
        "name",
        "parent_lsn",
        "parent_id",
        "parent_timestamp",
        "type",
        "expires_at",
        "source_branch_id",
        "branch_id",
        "source_timestamp",
        "source_lsn",
        "protected",
        "history_retention_seconds",
        "owner_name",
        "disabled",
        "autoscaling_limit_min_cu",
        "limit",
        "cursor",
        "search",
        "timestamp",
        "lsn",
        "from",
        "to",
        "buckets",
    ]
)
_WORDS = st.sampled_from(["2026-11-22T14:07:58Z", "0/1", MAIN_ID, "read_write", "main", "\ud800", "\0"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=12,
)
_BODIES = st.binary() | st.dictionaries(_NAMES, _VALUES).map(lambda value: json.dumps(value).encode())
_QUERIES = st.dictionaries(_NAMES, st.text() | _WORDS)


@pytest.mark.parametrize("served", ROUTES, ids=lambda served: f"{served.method} {served.path}")
@settings(deadline=None, max_examples=40)
@given(body=_BODIES, query=_QUERIES)
def test_no_request_breaks_a_handler(served: Served, body: bytes, query: dict[str, Any]) -> None:
    incoming = Incoming(_PATH, Query(QueryParams(query)), body)
    try:
        status = served.handler(FakeEngine(), incoming).status_code
    except ApiError as refusal:
        status = refusal.status
    assert status < 500
