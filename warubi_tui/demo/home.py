"""The demo's engine: it runs as long as some demo uses it, and no longer."""

import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from warubi_tui import paths
from warubi_tui.config import Target, engine_target
from warubi_tui.engine import launch
from warubi_tui.engine.lock import is_held
from warubi_tui.engine.site import make_root
from warubi_tui.errors import RefusedError, UnreachableError

_MARK: Final = "demo.json"
_ENDING_SECONDS: Final = 5.0
"""How long the engine of a demo that was just left may take to end."""


@dataclass(frozen=True)
class DemoNotes:
    """What a demo remembers about itself: when the accident was committed (UTC), and what was run."""

    accident_at: datetime | None
    statements: tuple[str, ...] = ()


@contextmanager
def demo_engine(root: Path, waiting: Callable[[], None]) -> Iterator[Target]:
    """The demo's engine while the block runs; another demo on the same directory shares it.

    Raises:
        RefusedError: `root` holds something that is not a demo.
        WarubiError: the engine does not start.
    """
    _make(root)
    with (root / "demo.users").open("a+b") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        launch.start(root, while_held=root / "demo.users", waiting=waiting)
        target = engine_target(root, profile="demo", environment="demo")
        if target is None:
            raise UnreachableError("The demo's engine ended at once", hint=f"{root / 'engine.log'} says why.")
        yield target


@contextmanager
def turn(root: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Accidents and recoveries of one demo happen one after another; `waiting` is called before a wait."""
    with (root / "demo.turn").open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(root: Path) -> None:
    if root.exists() and any(root.iterdir()) and not (root / _MARK).exists():
        raise RefusedError(
            f"{root} is not a demo's directory", "It holds other files.", "Choose another one with --dir."
        )
    make_root(root)
    if not (root / _MARK).exists():
        write_notes(root, DemoNotes(None))


def throw_away(root: Path) -> None:
    """Removes a demo that nobody uses. Nothing where there is none.

    Raises:
        RefusedError: it is in use, or `root` is not a demo.
    """
    if not root.exists():
        return
    _make(root)
    deadline = time.monotonic() + _ENDING_SECONDS
    while is_held(root / "demo.users") or is_held(root / "engine.lock"):
        if time.monotonic() < deadline:
            time.sleep(0.05)
            continue
        raise RefusedError(
            "The demo is in use", "Another console works with it.", "End that one first, or use --dir."
        )
    shutil.rmtree(root)


def read_notes(root: Path) -> DemoNotes:
    """What the demo remembers; nothing where the file cannot be read."""
    try:
        stored = json.loads((root / _MARK).read_text("utf-8"))
        moment = stored["accident_at"]
        return DemoNotes(datetime.fromisoformat(moment) if moment else None, tuple(stored["statements"]))
    except (OSError, ValueError, KeyError, TypeError):
        return DemoNotes(None)


def write_notes(root: Path, notes: DemoNotes) -> None:
    """Remembers."""
    moment = notes.accident_at.isoformat() if notes.accident_at else None
    text = json.dumps({"accident_at": moment, "statements": notes.statements})
    paths.write_private(root / _MARK, text)
