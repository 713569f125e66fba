"""Neon's own command line, pointed at an engine."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from tests.conftest import RunningEngine
from tests.engine.lab import wait_until

VARIABLE: Final = "WARUBI_NEON_CLI"
_FOLDERS: Final = os.environ.get(VARIABLE)
_LIMIT_SECONDS: Final = 60
_UNFINISHED: Final = {"scheduling", "running"}


def find_program(name: str) -> str | None:
    """Where the program `name` (`neon` or `neonctl`) is: in the folders the variable lists, else on PATH."""
    return shutil.which(name, path=_FOLDERS) if _FOLDERS else shutil.which(name)


def why_not(name: str) -> str | None:
    """Why the program cannot be run here; None where it can."""
    node = shutil.which("node")
    if node is None:
        return "node is not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if [int(part) for part in version.lstrip("v").split(".")[:2]] < [20, 19]:
        return f"Neon's programs need node 20.19 or newer, this is {version}"
    if find_program(name) is None:
        return f"{name} is neither in the folders ${VARIABLE} lists nor on PATH (npm install neon neonctl)"
    return None


@dataclass(frozen=True)
class Cli:
    """One of Neon's programs with an engine as its API host.

    Attributes:
        home: an empty folder; the program's settings and its working directory are in it.
    """

    program: str
    engine: RunningEngine
    home: Path

    def run(self, *words: str, project: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command and lets the engine finish what it began.

        Args:
            project: names the engine's project to the program; otherwise it has to find it.
        """
        front, separator, rest = _parted(words)
        named = ["--project-id", self.engine.project_id] if project else []
        quiet = ["--no-analytics", "--no-color", "--config-dir", str(self.home / "settings")]
        done = subprocess.run(
            [self.program, *front, *named, *quiet, *separator, *rest],
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_SECONDS,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "CI": "1",
                "NO_UPDATE_NOTIFIER": "1",
                "NO_PROXY": "127.0.0.1",
                "NODE_NO_WARNINGS": "1",
                "NEON_API_HOST": self.engine.host,
                "NEON_API_KEY": self.engine.key.reveal(),
            },
        )
        self.settle()
        return done

    def text(self, *words: str) -> str:
        """What a command that succeeds prints."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stderr}{done.stdout}"
        return done.stdout.strip()

    def json(self, *words: str, project: bool = True) -> Any:
        """What a command that succeeds prints as JSON."""
        front, separator, rest = _parted(words)
        done = self.run(*front, "-o", "json", *separator, *rest, project=project)
        assert done.returncode == 0, f"{words}: {done.stderr}{done.stdout}"
        return json.loads(done.stdout)

    def refused(self, *words: str) -> str:
        """What a command that fails says."""
        done = self.run(*words)
        assert done.returncode == 1, f"{words}: {done.stdout}"
        return done.stderr

    def psql(self, branch: str, query: str, *options: str) -> list[str]:
        """The lines that the program's `psql` prints for a query."""
        return self.text("psql", branch, *options, "--", "-Atc", query).splitlines()

    def uri(self, branch: str) -> str:
        """A branch's connection string, as the API tells it."""
        names = {"database_name": "neondb", "role_name": "neondb_owner"}
        return str(self.ask("/connection_uri", branch_id=self.branch(branch)["id"], **names)["uri"])

    def connect(self, branch: str) -> psycopg.Connection:
        """A session with a branch's connection string, each statement a transaction."""
        return psycopg.connect(self.uri(branch), autocommit=True)

    def notes(self, branch: str) -> list[str]:
        """What the table `log` of a branch holds, sorted."""
        with self.connect(branch) as session:
            return sorted(row[0] for row in session.execute("SELECT note FROM log"))

    def ask(self, path: str, **query: str) -> Any:
        """What the API itself says of a path below the project."""
        response = httpx.get(
            f"{self.engine.host}/projects/{self.engine.project_id}{path}",
            params=query,
            headers={"authorization": f"Bearer {self.engine.key.reveal()}"},
            trust_env=False,
            timeout=_LIMIT_SECONDS,
        )
        response.raise_for_status()
        return response.json()

    def branch(self, name: str) -> Any:
        """The branch of this name, as the API shows it."""
        (found,) = [one for one in self.ask("/branches")["branches"] if one["name"] == name]
        return found

    def settle(self) -> None:
        """Waits until no operation runs; none may have failed."""

        def over() -> bool:
            operations = self.ask("/operations", limit="50")["operations"]
            failed = [one for one in operations if one["status"] in ("failed", "error", "cancelled")]
            assert not failed, failed
            return not any(one["status"] in _UNFINISHED for one in operations)

        wait_until(over, "operations end")


def _parted(words: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """The words before `--`, that word, and those behind it."""
    place = words.index("--") if "--" in words else len(words)
    return list(words[:place]), list(words[place : place + 1]), list(words[place + 1 :])


def moment(session: psycopg.Connection) -> str:
    """A time in whole milliseconds, as the program takes it: after all that is committed, before the rest."""
    row = session.execute("SELECT date_trunc('milliseconds', clock_timestamp()) + '1 ms'").fetchone()
    assert row is not None
    chosen: datetime = row[0]

    def over() -> bool:
        return bool(session.execute("SELECT clock_timestamp() > %s", (chosen,)).fetchone() == (True,))

    wait_until(over, "the clock goes on")
    return chosen.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def position(session: psycopg.Connection) -> str:
    """The LSN behind all that is committed."""
    row = session.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
    assert row is not None
    return str(row[0])
