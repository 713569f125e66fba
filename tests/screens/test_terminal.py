"""The console in a real terminal: without a server it says so, and it leaves the terminal in order."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

SCRIPT = """
import sys
from datetime import UTC
from warubi_tui.app import WarubiApp
from warubi_tui.config import Target
from warubi_tui.secret import Secret

target = Target("http://127.0.0.1:1/api/v2", Secret("napi_hunter2"), "prj", "engine", "local")
app = WarubiApp(target, zone=UTC)
app.run()
sys.exit(app.return_code)
"""
LEAVE_SECOND_SCREEN = b"\x1b[?1049l"
SHOW_CURSOR = b"\x1b[?25h"


def read_until(terminal: int, wanted: bytes, *, seconds: float = 30) -> bytes:
    """What the console wrote, up to `wanted`; fails when that does not come."""
    said = b""
    end = time.monotonic() + seconds
    while wanted not in said:
        assert time.monotonic() < end, f"never saw {wanted!r} in {said[-2000:]!r}"
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                said += os.read(terminal, 65_536)
            except OSError:
                break
    return said


@contextmanager
def console_process(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A console in a terminal of its own, and that terminal's other end."""
    script = folder / "console.py"
    script.write_text(SCRIPT)
    terminal, inside = pty.openpty()
    environment = {
        "WARUBI_HOME": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "TERM": "xterm-256color",
        "COLUMNS": "80",
        "LINES": "24",
    }
    console = subprocess.Popen(
        [sys.executable, str(script)], stdin=inside, stdout=inside, stderr=inside, env=environment
    )
    os.close(inside)
    try:
        yield console, terminal
    finally:
        console.kill()
        console.wait()
        with suppress(OSError):
            os.close(terminal)


def test_without_a_server_it_says_so_and_q_leaves_in_order(tmp_path: Path) -> None:
    with console_process(tmp_path) as (console, terminal):
        said = read_until(terminal, b"LOCAL")
        said += read_until(terminal, "✖".encode())
        os.write(terminal, b"q")
        said += read_until(terminal, LEAVE_SECOND_SCREEN)
        assert console.wait(20) == 0
        said += read_until(terminal, SHOW_CURSOR) if SHOW_CURSOR not in said else b""
        assert b"hunter2" not in said


def test_it_ends_with_its_terminal_though_nobody_says_so(tmp_path: Path) -> None:
    with console_process(tmp_path) as (console, terminal):
        read_until(terminal, "✖".encode())
        os.close(terminal)
        assert console.wait(20) == 129
    assert list((tmp_path / "state").glob("crash-*")) == []


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [([], b"warubi --help lists them"), (["demo", "--dir"], b"warubi demo --headless")],
)
def test_a_terminal_that_cannot_be_drawn_on_is_told_what_works(
    tmp_path: Path, arguments: list[str], instead: bytes
) -> None:
    terminal, inside = pty.openpty()
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "warubi_tui", *arguments, *([str(folder)] if arguments else [])]
    environment = {**os.environ, "TERM": "dumb", "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, stdin=inside, stdout=inside, stderr=subprocess.PIPE, env=environment
    ) as process:
        _, said = process.communicate(timeout=30)
    os.close(inside)
    os.close(terminal)
    assert process.returncode == 2
    assert b"TERM is dumb" in said
    assert instead in said
    assert not folder.exists()
