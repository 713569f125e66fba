import json

import pytest

from tests.commands.conftest import Warubi
from tests.commands.neon_server import NeonServer
from tests.neon.wire import branch_json

URI = "postgresql://owner:hunter2@127.0.0.1:1/shop"


def test_the_tree(neon: NeonServer, warubi: Warubi) -> None:
    neon.branches["br-dev-1"] = branch_json(
        "br-dev-1", "dev\x1b[31m", parent_id="br-main-1", parent_timestamp="2026-11-22T13:00:00Z"
    )
    ended = warubi("branches")
    assert ended.code == 0
    header, main, dev = ended.out.splitlines()
    assert header.split()[:2] == ["BRANCH", "ID"]
    assert main.startswith("main ")
    assert main.endswith("default")
    assert "30.0 MB" in main
    assert dev.startswith("  dev␛[31m ")
    assert "2026-11-22 13:00:00Z" in dev


def test_the_tree_as_json(neon: NeonServer, warubi: Warubi) -> None:
    ended = warubi("branches", "--json")
    data = json.loads(ended.out)
    assert data["project"]["id"] == "shop-1"
    (branch,) = data["branches"]
    assert (branch["name"], branch["default"], branch["parent_lsn"]) == ("main", True, None)
    assert ended.out.count("\n") == 1


def test_on_a_terminal_long_names_are_cut_in_the_middle(
    neon: NeonServer, warubi: Warubi, monkeypatch: pytest.MonkeyPatch
) -> None:
    neon.branches["br-dev-1"] = branch_json("br-dev-1", "d" * 190 + "_the_end", parent_id="br-main-1")
    monkeypatch.setenv("COLUMNS", "120")
    assert "d" * 190 in warubi("branches").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = warubi("branches").out
    assert max(map(len, shown.splitlines())) <= 120
    assert "_the_end" in shown


class TestUri:
    def test_is_masked_until_asked_for(self, neon: NeonServer, warubi: Warubi) -> None:
        neon.uris["br-main-1"] = URI
        shy, open_ = warubi("branch", "uri", "main"), warubi("branch", "uri", "main", "--reveal")
        assert "hunter2" not in shy.out + shy.err
        assert "127.0.0.1:1/shop" in shy.out
        assert "--reveal" in shy.err
        assert open_.out == f"{URI}\n"
        assert "hunter2" not in open_.err

    def test_as_json(self, neon: NeonServer, warubi: Warubi) -> None:
        neon.uris["br-main-1"] = URI
        data = json.loads(warubi("branch", "uri", "br-main-1", "--database", "shop", "--json").out)
        assert (data["branch"]["name"], data["masked"]) == ("main", True)
        assert "hunter2" not in data["connection_uri"]
        assert json.loads(warubi("branch", "uri", "main", "--json", "--reveal").out)["connection_uri"] == URI

    def test_of_a_role(self, neon: NeonServer, warubi: Warubi) -> None:
        neon.uris["br-main-1"] = URI
        assert warubi("branch", "uri", "main", "--role", "reader").code == 0
        assert neon.asked_roles == ["reader"]

    def test_of_a_database_that_is_not_there(self, neon: NeonServer, warubi: Warubi) -> None:
        ended = warubi("branch", "uri", "main", "--database", "other")
        assert ended.code == 2
        assert "Databases: shop" in ended.err


class TestCreate:
    def test_from_the_default_branch(self, neon: NeonServer, warubi: Warubi) -> None:
        ended = warubi("branch", "create", "dev")
        assert ended.code == 0
        assert "Created dev (br-new-1) from main." in ended.out
        assert "make the branch: running" in ended.err
        assert "make the branch: finished" in ended.err
        ((call, body),) = neon.changes
        assert call == "POST /projects/shop-1/branches"
        assert body == {
            "branch": {"name": "dev", "parent_id": "br-main-1"},
            "endpoints": [{"type": "read_write"}],
        }

    def test_from_the_past_with_an_end_and_without_compute(self, neon: NeonServer, warubi: Warubi) -> None:
        ended = warubi(
            "branch",
            "create",
            "dev",
            "--parent",
            "main",
            "--at",
            "-15m",
            "--expires-at",
            "+2h",
            "--no-compute",
        )
        assert ended.code == 0
        assert "15 min ago" in ended.err
        ((_, body),) = neon.changes
        assert isinstance(body, dict)
        assert set(body["branch"]) == {"name", "parent_id", "parent_timestamp", "expires_at"}
        assert body["endpoints"] == []

    def test_from_a_point_behind_the_name(self, neon: NeonServer, warubi: Warubi) -> None:
        assert warubi("branch", "create", "dev", "--parent", "main@0/1DE2850").code == 0
        ((_, body),) = neon.changes
        assert isinstance(body, dict)
        assert body["branch"]["parent_lsn"] == "0/1DE2850"

    def test_two_points_are_one_too_many(self, neon: NeonServer, warubi: Warubi) -> None:
        ended = warubi("branch", "create", "dev", "--parent", "main@-1h", "--at", "-15m")
        assert ended.code == 2
        assert neon.changes == []

    def test_the_connection_string_is_shown_only_when_asked_for(
        self, neon: NeonServer, warubi: Warubi
    ) -> None:
        neon.uris["preview"] = URI
        shy, open_ = (
            warubi("branch", "create", "a", "--json"),
            warubi("branch", "create", "b", "--json", "--show-secret"),
        )
        assert "hunter2" not in shy.out + shy.err
        assert json.loads(open_.out)["connection_uri"] == URI
        assert "hunter2" not in open_.err

    def test_a_name_that_is_taken(self, neon: NeonServer, warubi: Warubi) -> None:
        assert warubi("branch", "create", "main").code == 3
        assert neon.changes == []

    def test_an_operation_that_fails(self, neon: NeonServer, warubi: Warubi) -> None:
        neon.status = "failed"
        ended = warubi("branch", "create", "dev")
        assert ended.code == 1
        assert "no space left" in ended.err


MAIN = "/projects/shop-1/branches/br-main-1"
CHANGES: list[tuple[list[str], str, object]] = [
    (["rename", "main", "trunk"], f"PATCH {MAIN}", {"branch": {"name": "trunk"}}),
    (["protect", "main"], f"PATCH {MAIN}", {"branch": {"protected": True}}),
    (
        ["protect", "main", "--off"],
        f"PATCH {MAIN}",
        {"branch": {"protected": False}},
    ),
    (["default", "br-main-1"], f"POST {MAIN}/set_as_default", None),
    (["delete", "main"], f"DELETE {MAIN}", None),
]


class TestChanges:
    @pytest.mark.parametrize(("arguments", "call", "body"), CHANGES)
    def test_happen_when_confirmed(
        self, neon: NeonServer, warubi: Warubi, arguments: list[str], call: str, body: object
    ) -> None:
        ended = warubi("branch", *arguments, "--confirm", "main", "--json")
        assert ended.code == 0
        assert neon.changes == [(call, body)]
        assert json.loads(ended.out)["branch"]["id"] == "br-main-1"

    @pytest.mark.parametrize("arguments", [arguments for arguments, _, _ in CHANGES])
    @pytest.mark.parametrize("typed", [None, "", "Main", "br-main-1"])
    def test_do_not_happen_unless_confirmed(
        self, neon: NeonServer, warubi: Warubi, arguments: list[str], typed: str | None
    ) -> None:
        confirm = [] if typed is None else ["--confirm", typed]
        ended = warubi("branch", *arguments, *confirm)
        assert ended.code == 3
        assert neon.changes == []
        assert "--confirm main" in ended.err

    def test_of_a_branch_that_is_not_there(self, neon: NeonServer, warubi: Warubi) -> None:
        ended = warubi("branch", "delete", "mian", "--confirm", "mian")
        assert ended.code == 2
        assert "main" in ended.err

    def test_that_the_server_refuses_are_in_its_words(self, neon: NeonServer, warubi: Warubi) -> None:
        said = "cannot delete branch that has children: br-x"
        neon.answer = lambda method, path: (
            (422, {"code": "", "message": said}) if method == "DELETE" else None
        )
        ended = warubi("branch", "delete", "main", "--confirm", "main")
        assert ended.code == 3
        assert said in ended.err

    def test_whose_answer_is_lost_are_looked_up_and_not_repeated(
        self, neon: NeonServer, warubi: Warubi
    ) -> None:
        def lose(method: str, path: str) -> tuple[int, object] | None:
            if method != "DELETE":
                return None
            del neon.branches["br-main-1"]
            return 504, "<html>Gateway Timeout</html>"

        neon.answer = lose
        assert warubi("branch", "delete", "main", "--confirm", "main").code == 0
        assert len(neon.changes) == 1
