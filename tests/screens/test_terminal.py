"""The console in a real terminal: without a server it says so, and it leaves the terminal in order."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

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


def test_without_a_server_it_says_so_and_q_leaves_in_order(tmp_path: Path) -> None:
    script = tmp_path / "console.py"
    script.write_text(SCRIPT)
    terminal, inside = pty.openpty()
    environment = {
        "WARUBI_HOME": str(tmp_path),
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
        said = read_until(terminal, b"LOCAL")
        said += read_until(terminal, "✖".encode())
        os.write(terminal, b"q")
        said += read_until(terminal, LEAVE_SECOND_SCREEN)
        assert console.wait(20) == 0
        said += read_until(terminal, SHOW_CURSOR) if SHOW_CURSOR not in said else b""
        assert b"hunter2" not in said
    finally:
        console.kill()
        console.wait()
        os.close(terminal)
