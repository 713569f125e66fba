"""Engines that are killed at a failpoint, and how their work leads there."""

import ast
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import psycopg
import pytest

import warubi_tui.engine
from tests.engine.lab import DATABASE, Lab, opened
from warubi_tui.engine import durability
from warubi_tui.engine.failpoints import VARIABLE

_LIMIT_SECONDS: Final = 60


def points_in_source() -> list[str]:
    found = []
    for file in sorted(Path(warubi_tui.engine.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{file}: the name of a failpoint is a constant"
                found.append(str(name.value))
    return found


@dataclass(frozen=True)
class Scenario:
    """What leads to some failpoints.

    Attributes:
        act: does it, in the process that is killed.
        check: looks at what is left, in an engine that came up afterwards; then does it again.
        written_to: whether a client writes to `main` meanwhile.
    """

    act: Callable[[Lab], object]
    check: Callable[[Lab, str], None]
    written_to: bool = True


_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.engine.kill_scenarios"])


def kill_at(root: Path, scenario: Scenario, point: str) -> set[str]:
    """Runs an engine until it is killed at `point`; returns what its server had acknowledged."""
    reader, writer = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_doomed, args=(root, scenario, point, writer))
    process.start()
    writer.close()
    process.join(_LIMIT_SECONDS)
    if process.exitcode != -signal.SIGKILL:
        process.kill()
        with opened(root):
            pytest.fail(f"{point!r} is never reached: status {process.exitcode}")
    with os.fdopen(os.dup(reader.fileno())) as lines:
        reader.close()
        return set(lines.read().splitlines())


def _doomed(root: Path, scenario: Scenario, point: str, acknowledged: Connection) -> None:
    """Does what leads to `point` while a client writes, and tells which of its notes were acknowledged."""
    os.environ[VARIABLE] = point
    durability._sync_file_system = lambda descriptor: None
    with opened(root) as lab:
        if scenario.written_to:
            begun = threading.Event()
            threading.Thread(target=_write_on, args=(lab, acknowledged, begun), daemon=True).start()
            begun.wait(_LIMIT_SECONDS)
        scenario.act(lab)
    os._exit(0)


def _write_on(lab: Lab, acknowledged: Connection, begun: threading.Event) -> None:
    """Writes notes until the server ends."""
    number = 0
    try:
        with lab.engine.servers.session(lab.main.timeline, DATABASE) as session:
            while True:
                number += 1
                session.execute("INSERT INTO log VALUES (%s)", (f"note {number}",))
                os.write(acknowledged.fileno(), f"note {number}\n".encode())
                begun.set()
    except psycopg.OperationalError:
        return
