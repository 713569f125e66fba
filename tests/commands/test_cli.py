"""The program as a process and as a parser; what single commands do is beside it."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commands.conftest import Warubi
from tests.commands.neon_server import NeonServer, Reply
from tests.neon.wire import branch_json
from warubi_tui import __version__, cli, paths
from warubi_tui.cli import build_parser, join_values

WITHOUT = """
import sys
for name in ("textual", "httpx", "psycopg", "rich"):
    sys.modules[name] = None
from warubi_tui.__main__ import main
sys.exit(main())
"""


def program(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Runs the program as a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "warubi_tui", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **more},
        check=False,
        timeout=60,
    )


class TestProcess:
    @pytest.mark.parametrize(
        "arguments", [["--help"], ["--version"], ["restore", "--help"], ["branch", "-h"]]
    )
    def test_help_needs_neither_console_nor_network(self, arguments: list[str]) -> None:
        ended = subprocess.run(
            [sys.executable, "-c", WITHOUT, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "warubi" in ended.stdout

    def test_the_version(self) -> None:
        assert program("--version").stdout == f"warubi {__version__}\n"

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ([], 2),
            (["branches"], 2),
            (["nonsense"], 2),
            (["branch"], 2),
            (["engine", "dance"], 2),
            (["diff", "main"], 2),
        ],
    )
    def test_what_is_not_understood_ends_with_2_and_words(self, arguments: list[str], code: int) -> None:
        ended = program(*arguments)
        assert ended.returncode == code
        assert ended.stdout == ""
        assert ended.stderr.startswith("warubi: ")
        assert "Traceback" not in ended.stderr

    def test_without_a_terminal_the_console_says_so(self) -> None:
        assert "needs a terminal" in program().stderr

    def test_a_server_that_is_not_there_ends_with_4(self) -> None:
        ended = program("branches", NEON_API_KEY="k", NEON_API_HOST="http://127.0.0.1:1/api/v2")
        assert ended.returncode == 4
        assert "127.0.0.1:1 does not answer" in ended.stderr

    def test_an_engine_that_died_is_looked_for_where_it_was(self, tmp_path: Path) -> None:
        root = tmp_path / "demo"
        root.mkdir()
        (root / "engine.lock").write_text(json.dumps({"url": "http://127.0.0.1:1", "project_id": "p"}))
        (root / "api.key").write_text("k")
        with (root / "engine.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ended = program("branches", WARUBI_HOME=str(tmp_path), NEON_API_KEY="")
        assert ended.returncode == 4
        assert f"warubi engine status --dir {root}" in ended.stderr

    def test_an_interruption_ends_with_130(self, neon: NeonServer) -> None:
        asked, gone = threading.Event(), threading.Event()

        def hold(method: str, path: str) -> Reply | None:
            asked.set()
            gone.wait(30)
            return None

        neon.answer = hold
        with subprocess.Popen(
            [sys.executable, "-m", "warubi_tui", "branches"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        ) as process:
            assert asked.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
            gone.set()
        assert process.returncode == 130
        assert out == ""
        assert err.startswith("warubi: interrupted")
        assert "Traceback" not in err

    def test_a_reader_that_left_is_no_traceback(self, neon: NeonServer) -> None:
        neon.branches.update({f"br-{i}": branch_json(f"br-{i}", "x" * 200) for i in range(400)})
        reading, writing = os.pipe()
        os.close(reading)
        with subprocess.Popen(
            [sys.executable, "-m", "warubi_tui", "branches"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        ) as process:
            os.close(writing)
            _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (130, "")

    def test_an_output_that_cannot_show_a_name_shows_its_code(self, neon: NeonServer) -> None:
        neon.branches["br-main-1"]["name"] = "größe"
        ended = program("branches", PYTHONIOENCODING="ascii")
        assert ended.returncode == 0
        assert "gr\\xf6\\xdfe" in ended.stdout


class TestErrors:
    @pytest.mark.parametrize(
        ("reply", "code", "words"),
        [
            ((401, {"code": "", "message": "authentication failed"}), 4, "NEON_API_KEY"),
            ((404, {"code": "", "message": "project not found"}), 3, "project not found"),
            ((422, {"code": "", "message": "napi_verysecretkey is bad"}), 3, "is bad"),
            ((200, "<html>Sign in</html>"), 4, "not Neon's API"),
            ((500, {"code": "", "message": "boom"}), 4, "boom"),
        ],
    )
    def test_of_the_server(
        self, neon: NeonServer, warubi: Warubi, reply: Reply, code: int, words: str
    ) -> None:
        neon.answer = lambda method, path: reply
        ended = warubi("branches", "--json")
        assert ended.code == code
        assert ended.out == ""
        assert words in ended.err
        assert "verysecret" not in ended.err

    def test_of_warubi_itself_are_words_and_a_file_without_secrets(
        self, warubi: Warubi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(options: object) -> Mapping[str, str]:
            raise ValueError("postgresql://u:hunter2@h/db")

        monkeypatch.setattr(cli, "_target", fail)
        ended = warubi("branches")
        assert ended.code == 1
        assert "ValueError" in ended.err
        assert "Traceback" not in ended.err
        (log,) = paths.state_dir().glob("crash-*")
        assert str(log) in ended.err
        assert "Traceback" in log.read_text()
        assert log.stat().st_mode & 0o077 == 0
        assert "hunter2" not in ended.err + log.read_text()

    def test_of_typing_do_not_repeat_a_password(self, warubi: Warubi) -> None:
        ended = warubi("diff", "a", "b", "postgresql://u:hunter2@h/db\x1b[31m")
        assert ended.code == 2
        assert "hunter2" not in ended.err
        assert "\x1b" not in ended.err


class TestTarget:
    @pytest.mark.parametrize("before", [True, False])
    def test_options_stand_before_or_behind_the_command(
        self, neon: NeonServer, warubi: Warubi, monkeypatch: pytest.MonkeyPatch, before: bool
    ) -> None:
        monkeypatch.delenv("NEON_API_HOST")
        options = ["--api-host", neon.url, "--project-id", "shop-1"]
        arguments = [*options, "branches", "--json"] if before else ["branches", "--json", *options]
        ended = warubi(*arguments)
        assert ended.code == 0, ended.err
        assert json.loads(ended.out)["project"]["id"] == "shop-1"

    def test_a_project_that_is_not_there(self, neon: NeonServer, warubi: Warubi) -> None:
        assert warubi("branches", "--project-id", "other").code == 3


class TestParser:
    def test_a_relative_time_is_a_value(self) -> None:
        options = build_parser().parse_args(join_values(["restore", "main", "--at", "-1h30m", "--json"]))
        assert (options.at, options.json) == ("-1h30m", True)

    def test_a_name_may_begin_with_a_dash(self) -> None:
        options = build_parser().parse_args(
            join_values(["branch", "delete", "--confirm", "-x", "--json", "y"])
        )
        assert (options.confirm, options.json, options.branch) == ("-x", True, "y")

    @given(
        st.lists(
            st.sampled_from(["--confirm", "--at", "--expires-at", "-15m", "+1d", "--json", "main", "--", "x"])
        )
    )
    def test_joining_loses_nothing(self, arguments: list[str]) -> None:
        assert " ".join(join_values(arguments)).replace("=", " ") == " ".join(arguments)

    @pytest.mark.parametrize("action", ["start", "serve", "stop", "status", "env"])
    def test_the_engine(self, action: str) -> None:
        options = build_parser().parse_args(
            ["engine", action, "--dir", "/x y", "--port", "1", "--json", "--while-held", "f"]
        )
        assert (options.action, options.dir, options.port) == (action, Path("/x y"), 1)
        assert (options.json, options.while_held) == (True, Path("f"))

    def test_the_demo(self) -> None:
        options = build_parser().parse_args(["demo", "--dir", "d", "--reset", "--headless"])
        assert (options.dir, options.reset, options.headless, options.json) == (Path("d"), True, True, False)

    def test_options_are_not_guessed(self, warubi: Warubi) -> None:
        assert warubi("restore", "main", "--in", "--conf", "main").code == 2
