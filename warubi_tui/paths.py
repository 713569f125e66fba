"""Where warubi keeps its files. Every folder is made 0700, every file 0600."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from warubi_tui.errors import RefusedError


def _base(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if Path(value).is_absolute() else Path.home() / fallback


def config_dir() -> Path:
    """Settings the user wrote: `$XDG_CONFIG_HOME/warubi`."""
    return _base("XDG_CONFIG_HOME", ".config") / "warubi"


def state_dir() -> Path:
    """Incidents, logs: `$WARUBI_HOME/state`, else `$XDG_STATE_HOME/warubi`."""
    home = os.environ.get("WARUBI_HOME")
    return Path(home) / "state" if home else _base("XDG_STATE_HOME", ".local/state") / "warubi"


def cache_dir() -> Path:
    """What can be fetched again: `$XDG_CACHE_HOME/warubi`."""
    home = os.environ.get("WARUBI_HOME")
    return Path(home) / "cache" if home else _base("XDG_CACHE_HOME", ".cache") / "warubi"


def _data_dir() -> Path:
    home = os.environ.get("WARUBI_HOME")
    if home:
        return Path(home)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/warubi")
    return _base("XDG_DATA_HOME", ".local/share") / "warubi"


def engine_dir() -> Path:
    """The default engine's directory."""
    return _data_dir() / "engine"


def demo_dir() -> Path:
    """The demo engine's directory."""
    return _data_dir() / "demo"


def make_private(folder: Path) -> Path:
    """Creates `folder` (and what is missing above it) with mode 0700. Returns it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Replaces `path` by a 0600 file with `text`, whole or not at all, on disk when this returns."""
    make_private(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def new_private_file(path: Path) -> Iterator[TextIO]:
    """A 0600 file for the user, in UTF-8, that gets its name when the block ends well and is gone otherwise.

    Raises:
        RefusedError: something has that name already, when the block begins or when it ends, or the folder
            cannot be written to.
    """
    _refuse_taken(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise _unwritable(path, error) from error
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _refuse_taken(path: Path) -> None:
    if os.path.lexists(path):
        raise RefusedError(
            f"{path} cannot be written.", "There is something of that name.", "Name a new file."
        )


def _unwritable(path: Path, error: OSError) -> RefusedError:
    return RefusedError(
        f"{path} cannot be written.", str(error), "Name a new file in a folder you may write to."
    )
