import json
import re

import pytest

from tests.commands.conftest import Warubi
from tests.commands.neon_server import NeonServer

URI = "postgresql://owner:hunter2@127.0.0.1:1/shop"


def test_a_copy(neon: NeonServer, warubi: Warubi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARUBI_TZ", "Europe/Berlin")
    neon.uris["preview"] = URI
    ended = warubi("restore", "main", "--at", "-15m", "--name", "copy", "--json")
    assert ended.code == 0
    data = json.loads(ended.out)
    assert set(data) == {"branch", "requested", "resolved_lsn", "resolved_time", "kept_as", "seconds"}
    assert (data["branch"]["name"], data["requested"], data["kept_as"]) == ("copy", "-15m", None)
    assert data["resolved_time"].endswith("Z")
    assert "15 min ago" in ended.err
    assert re.search(r"State at: \S+ \S+Z = \S+ \S+ CES?T", ended.err)
    ((call, body),) = neon.changes
    assert call == "POST /projects/shop-1/branches"
    assert isinstance(body, dict)
    assert body["branch"]["parent_id"] == "br-main-1"
    assert "hunter2" not in ended.out + ended.err


def test_the_point_may_stand_behind_the_name(neon: NeonServer, warubi: Warubi) -> None:
    ended = warubi("restore", "main@0/1DE2850", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["resolved_lsn"] == "0/1DE2850"


def test_the_connection_string_is_shown_when_asked_for(neon: NeonServer, warubi: Warubi) -> None:
    neon.uris["preview"] = URI
    ended = warubi("restore", "main", "--at", "-15m", "--json", "--show-secret")
    assert json.loads(ended.out)["connection_uri"] == URI
    assert URI in warubi("restore", "main", "--at", "-15m", "--name", "b", "--show-secret").out


def test_in_place(neon: NeonServer, warubi: Warubi) -> None:
    ended = warubi(
        "restore", "main", "--at", "-15m", "--in-place", "--keep-as", "before", "--confirm", "main", "--json"
    )
    assert ended.code == 0, ended.err
    data = json.loads(ended.out)
    assert (data["branch"]["id"], data["kept_as"]["name"]) == ("br-main-1", "before")
    ((call, body),) = neon.changes
    assert call == "POST /projects/shop-1/branches/br-main-1/restore"
    assert isinstance(body, dict)
    assert body["preserve_under_name"] == "before"


@pytest.mark.parametrize("confirm", [[], ["--confirm", "copy"], ["--confirm", "br-main-1"]])
def test_in_place_asks_for_the_name(neon: NeonServer, warubi: Warubi, confirm: list[str]) -> None:
    ended = warubi("restore", "main", "--at", "-15m", "--in-place", *confirm)
    assert ended.code == 3
    assert neon.changes == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["main"],
        ["main", "--at", "lunchtime"],
        ["main", "--at", "2026-11-22 14:00 EST"],
        ["main", "--at", "-15m", "--in-place", "--name", "x", "--confirm", "main"],
        ["main", "--at", "-15m", "--keep-as", "x"],
        ["main", "--at", "-15m", "--confirm", "main"],
        ["main@-15m", "--at", "-15m"],
        ["nobody", "--at", "-15m"],
        ["main", "--at"],
        [],
    ],
)
def test_what_is_not_understood(neon: NeonServer, warubi: Warubi, arguments: list[str]) -> None:
    ended = warubi("restore", *arguments)
    assert ended.code == 2
    assert neon.changes == []


@pytest.mark.parametrize("when", ["+1h", "-7h"])
def test_outside_the_window(neon: NeonServer, warubi: Warubi, when: str) -> None:
    ended = warubi("restore", "main", "--at", when)
    assert ended.code == 3
    assert "any point from" in ended.err
    assert neon.changes == []
