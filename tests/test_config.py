import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from warubi_tui import paths
from warubi_tui.config import NEON, NotConfiguredError, engine_target, load_target
from warubi_tui.errors import RefusedError, UnreachableError, UsageError
from warubi_tui.secret import Secret

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def write_profile(text: str, mode: int = 0o600) -> None:
    path = paths.config_dir() / "config.toml"
    paths.write_private(path, text)
    path.chmod(mode)


def write_login(**tokens: object) -> None:
    paths.write_private(paths.config_dir().parent / "neonctl" / "credentials.json", json.dumps(tokens))


def write_engine(folder: Path, **state: object) -> None:
    url = "http://127.0.0.1:4711/api/v2"
    paths.write_private(
        folder / "engine.lock", json.dumps({"pid": 1, "url": url, "project_id": "p1", **state})
    )
    paths.write_private(folder / "api.key", "engine-key\n")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Another process holds the engine's lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder / "engine.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.communicate()


@pytest.fixture
def running_engine() -> Iterator[Path]:
    folder = paths.engine_dir()
    write_engine(folder)
    with held(folder):
        yield folder


PROFILES = """
profile = "shop"
[profiles.shop]
key = "profile-key"
project_id = "shop-1"
environment = "staging"
[profiles.other]
key_env = "OTHER_KEY"
host = "https://other.test"
"""


class TestOrder:
    def test_nothing_says_what_to_do(self) -> None:
        with pytest.raises(NotConfiguredError, match="NEON_API_KEY"):
            load_target()

    def test_each_place_stands_above_the_next(
        self, monkeypatch: pytest.MonkeyPatch, running_engine: Path
    ) -> None:
        assert load_target().profile == "engine"
        write_login(access_token="login-token")
        assert load_target().profile == "neonctl login"
        write_profile(PROFILES)
        assert load_target().profile == "shop"
        monkeypatch.setenv("NEON_API_KEY", "env-key")
        assert load_target().profile == "environment"
        monkeypatch.setenv("OTHER_KEY", "other-key")
        assert load_target(profile="other").profile == "other"
        assert load_target(key=Secret("k"), profile="other").profile == "command line"

    def test_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEON_API_KEY", " env-key\n")
        target = load_target()
        assert (target.host, target.key, target.project_id) == (NEON, Secret("env-key"), None)
        assert target.environment == "production"
        monkeypatch.setenv("NEON_API_HOST", "http://127.0.0.1:9/api/v2/")
        monkeypatch.setenv("NEON_PROJECT_ID", "p9")
        target = load_target()
        assert (target.host, target.project_id) == ("http://127.0.0.1:9/api/v2", "p9")
        assert target.environment == "local"

    def test_the_command_line_replaces_single_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEON_API_KEY", "env-key")
        target = load_target(host="https://elsewhere.test", project_id="p2")
        assert (target.host, target.project_id) == ("https://elsewhere.test/api/v2", "p2")
        assert target.key == Secret("env-key")

    def test_a_key_does_not_go_to_the_address_of_another_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write_profile(PROFILES)
        monkeypatch.setenv("NEON_API_HOST", "https://elsewhere.test")
        assert load_target().host == NEON


class TestProfiles:
    def test_the_chosen_one(self) -> None:
        write_profile(PROFILES)
        target = load_target()
        assert (target.host, target.key, target.project_id) == (NEON, Secret("profile-key"), "shop-1")
        assert target.environment == "staging"

    def test_a_key_from_a_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTHER_KEY", "other-key")
        write_profile(PROFILES, mode=0o644)
        target = load_target(profile="other")
        assert (target.host, target.key) == ("https://other.test/api/v2", Secret("other-key"))
        assert target.environment == "production"

    def test_a_file_with_a_key_that_others_can_read_is_refused(self) -> None:
        write_profile(PROFILES, mode=0o640)
        with pytest.raises(RefusedError, match="chmod 600"):
            load_target()

    @pytest.mark.parametrize(
        "text",
        [
            "profile = 'nobody'",
            "profile = 3",
            "profile = 'a'\nprofiles = 3",
            "profile = 'a'\n[profiles]\na = 3",
            "profile = 'a'\n[profiles.a]",
            "profile = 'a'\n[profiles.a]\nkey_env = 'NOT_SET'",
            "profile = 'a'\n[profiles.a]\nkey = 3",
            "profile = 'a'\n[profiles.a]\nkey = 'k'\npasswort = 'x'",
            "not toml",
            "\x00",
        ],
    )
    def test_what_is_not_understood_is_said(self, text: str) -> None:
        write_profile(text)
        with pytest.raises(UsageError, match=r"config\.toml"):
            load_target()

    def test_a_profile_that_is_named_must_be_there(self) -> None:
        with pytest.raises(UsageError, match="'shop'"):
            load_target(profile="shop")

    def test_an_error_does_not_show_the_key(self) -> None:
        write_profile("profile = 'a'\n[profiles.a]\nkey = 'very-secret'\nhots = 'x'")
        with pytest.raises(UsageError) as caught:
            load_target()
        assert "very-secret" not in str(caught.value)


class TestLogin:
    @pytest.mark.parametrize("factor", [1, 1000], ids=["seconds", "milliseconds"])
    def test_counts_until_it_expires(self, factor: int) -> None:
        now = datetime.now(UTC).timestamp()
        write_login(access_token="token", expires_at=(now + 60) * factor)
        assert load_target().key == Secret("token")
        write_login(access_token="token", expires_at=(now - 60) * factor)
        with pytest.raises(UsageError, match="expired"):
            load_target()

    def test_that_has_expired_gives_way_to_a_running_engine(self, running_engine: Path) -> None:
        write_login(access_token="token", expires_at=1)
        assert load_target().profile == "engine"

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"access_token": 3}', "no json"])
    def test_that_is_none_is_passed_over(self, text: str) -> None:
        paths.write_private(paths.config_dir().parent / "neonctl" / "credentials.json", text)
        with pytest.raises(NotConfiguredError):
            load_target()

    def test_takes_the_project_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEON_PROJECT_ID", "p7")
        write_login(access_token="token")
        assert load_target().project_id == "p7"


class TestEngine:
    def test_that_runs(self, running_engine: Path) -> None:
        target = load_target()
        assert (target.host, target.key) == ("http://127.0.0.1:4711/api/v2", Secret("engine-key"))
        assert (target.project_id, target.environment) == ("p1", "local")

    def test_that_died_is_none_whatever_its_file_says(self) -> None:
        write_engine(paths.engine_dir(), pid=os.getpid())
        with pytest.raises(NotConfiguredError):
            load_target()

    def test_of_the_demo_comes_last(self) -> None:
        write_engine(paths.demo_dir())
        with held(paths.demo_dir()):
            assert load_target().environment == "demo"
            write_engine(paths.engine_dir())
            with held(paths.engine_dir()):
                assert load_target().environment == "local"

    @pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}', '{"url": 3}', "no json"])
    def test_that_is_starting_is_said(self, text: str) -> None:
        folder = paths.engine_dir()
        write_engine(folder)
        (folder / "engine.lock").write_text(text)
        with held(folder), pytest.raises(UnreachableError, match="engine status"):
            load_target()

    def test_looking_does_not_take_the_lock(self, tmp_path: Path) -> None:
        write_engine(tmp_path)
        assert engine_target(tmp_path, profile="engine", environment="local") is None
        with held(tmp_path):
            assert engine_target(tmp_path, profile="engine", environment="local") is not None
