"""Whom to talk to: the address, the key and the project, from the first place that says so.

The places, in order: a profile named on the command line; the environment (`NEON_API_KEY`, `NEON_API_HOST`,
`NEON_PROJECT_ID`); the profile that `config.toml` chooses; the login that neonctl left; a running engine,
then a running demo. A place gives address and key together: a key never goes to an address from another
place, unless the command line names the address.

config.toml:

    profile = "shop"                # the one to use when nothing else is said

    [profiles.shop]
    key = "napi_…"                  # or key_env = "NAME_OF_A_VARIABLE"
    host = "https://console.neon.tech/api/v2"       # optional
    project_id = "…"                # optional
    environment = "production"      # optional: the word that the header shows
"""

import ipaddress
import json
import os
import shlex
import stat
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from warubi_tui import paths
from warubi_tui.errors import RefusedError, UnreachableError, UsageError
from warubi_tui.secret import Secret
from warubi_tui.text import clean

NEON: Final = "https://console.neon.tech/api/v2"

_API_PATH: Final = "/api/v2"


class NotConfiguredError(UsageError):
    """Nothing says whom to talk to. Exit code 2."""


@dataclass(frozen=True)
class Target:
    """The server, the key and the project to work with."""

    host: str
    """Base URL of the API; ends in `/api/v2`."""
    key: Secret
    project_id: str | None
    """None when nobody named one: then the key's only project is meant."""
    profile: str
    """Where this comes from, in a word or two: `environment`, a profile's name, `neonctl login`, `engine`."""
    environment: str
    """What is at stake, in a word: `production`, `local`, `demo`, or what the profile says."""
    engine: Path | None = None
    """The directory of the engine that serves the API, where that is known."""


def load_target(
    *,
    host: str | None = None,
    key: Secret | None = None,
    project_id: str | None = None,
    profile: str | None = None,
) -> Target:
    """The target to use; the arguments are what the command line said, and stand above everything else.

    Raises:
        NotConfiguredError: no place says whom to talk to.
        UsageError: a profile or a file cannot be understood, or the login has expired.
        RefusedError: a file with a key can be read by others.
    """
    target = _given(key) if key else _profile(profile) if profile else _found()
    if host is not None:
        target = replace(target, host=_api_host(host), environment=_environment_of(host), engine=None)
    if project_id is not None:
        target = replace(target, project_id=project_id)
    return target


def engine_target(folder: Path, *, profile: str, environment: str) -> Target | None:
    """The engine that runs in `folder`, or None when none does."""
    lock = folder / "engine.lock"
    if not _is_held(lock):
        return None
    try:
        state = json.loads(lock.read_text("utf-8"))
        key = (folder / "api.key").read_text("utf-8").strip()
        project = state.get("project_id")
        return Target(_api_host(state["url"]), Secret(key), project, profile, environment, folder)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreachableError(
            f"An engine runs in {folder}, but it cannot be read how to reach it.",
            f"{type(error).__name__}: {error}",
            "It may be starting: try again."
            f" `warubi engine status --dir {shlex.quote(str(folder))}` says more.",
        ) from error


def _found() -> Target:
    login, expired = _neonctl_login()
    target = _environment() or _chosen_profile() or login or _running_engine()
    if target is not None:
        return target
    if expired:
        raise UsageError(
            "The login that neonctl left has expired.", hint="Run `neon auth` again, or set NEON_API_KEY."
        )
    raise NotConfiguredError(
        "Nothing says which Neon account to talk to.",
        hint=(
            "Set NEON_API_KEY (and NEON_PROJECT_ID), write a profile into"
            f" {_config_file()}, log in with `neon auth`, or start a local engine:"
            " warubi engine start. To look around first: warubi demo."
        ),
    )


def _given(key: Secret) -> Target:
    return Target(NEON, key, os.environ.get("NEON_PROJECT_ID") or None, "command line", "production")


def _environment() -> Target | None:
    key = os.environ.get("NEON_API_KEY", "").strip()
    if not key:
        return None
    host = os.environ.get("NEON_API_HOST", "").strip() or NEON
    project_id = os.environ.get("NEON_PROJECT_ID", "").strip() or None
    return Target(_api_host(host), Secret(key), project_id, "environment", _environment_of(host))


def _chosen_profile() -> Target | None:
    name = _read_toml(_config_file()).get("profile")
    return None if name is None else _profile(str(name))


def _profile(name: str) -> Target:
    path = _config_file()
    profiles = _read_toml(path).get("profiles")
    profile = profiles.get(name) if isinstance(profiles, Mapping) else None
    if not isinstance(profile, Mapping):
        known = ", ".join(map(str, profiles)) if isinstance(profiles, Mapping) else "none"
        raise UsageError(f"There is no profile {name!r} in {path}.", hint=f"Profiles: {known}")
    return _target_of(name, profile, path)


def _config_file() -> Path:
    return paths.config_dir() / "config.toml"


def _target_of(name: str, profile: Mapping[str, object], path: Path) -> Target:
    texts: dict[str, str] = {}
    for field, value in profile.items():
        if field not in {"key", "key_env", "host", "project_id", "environment"} or not isinstance(value, str):
            raise UsageError(f"The profile {name!r} in {path} has a field that is not understood: {field!r}.")
        texts[field] = value
    key = texts.get("key") or os.environ.get(texts.get("key_env", ""), "")
    if not key:
        raise UsageError(
            f"The profile {name!r} has no API key.", hint=f"Give it `key` or `key_env` in {path}."
        )
    if "key" in texts:
        _refuse_if_public(path)
    host = texts.get("host", NEON)
    word = clean(texts.get("environment", "")) or _environment_of(host)
    return Target(_api_host(host), Secret(key.strip()), texts.get("project_id"), clean(name), word)


def _read_toml(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read.", str(error)) from error


def _refuse_if_public(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise RefusedError(f"{path} holds an API key and can be read by others.", hint=f"chmod 600 {path}")


def _neonctl_login() -> tuple[Target | None, bool]:
    """The login, and whether there is one that has expired.

    neonctl writes an OAuth token set: `access_token`, and `expires_at` in seconds or milliseconds.
    """
    path = paths.config_dir().parent / "neonctl" / "credentials.json"
    try:
        login = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None, False
    token = login.get("access_token") if isinstance(login, dict) else None
    if not isinstance(token, str) or not token:
        return None, False
    expires = login.get("expires_at")
    if isinstance(expires, int | float):
        seconds = expires / 1000 if expires > 1e11 else expires
        if seconds <= datetime.now(UTC).timestamp():
            return None, True
    project_id = os.environ.get("NEON_PROJECT_ID", "").strip() or None
    return Target(NEON, Secret(token), project_id, "neonctl login", "production"), False


def _running_engine() -> Target | None:
    return engine_target(paths.engine_dir(), profile="engine", environment="local") or engine_target(
        paths.demo_dir(), profile="demo", environment="demo"
    )


def _is_held(lock: Path) -> bool:
    """Whether a process holds the lock. The lock of a process that died is free, whatever its file says."""
    if sys.platform == "win32":  # where the engine does not run
        return False
    import fcntl

    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _api_host(host: str) -> str:
    """`host` with the API's path, which people leave out."""
    host = host.rstrip("/")
    return host if host.endswith(_API_PATH) else host + _API_PATH


def _environment_of(host: str) -> str:
    name = urlsplit(host).hostname or ""
    try:
        here = name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        here = False
    return "local" if here else "production"
