"""The console's first frame against a trivial Textual app's, both in one run, each in a fresh process.

.venv/bin/python -m tests.benchmarks.bench_first_frame
"""

import os
import pty
import select
import statistics
import subprocess
import sys
import time

ROUNDS = 9
LIMIT = 1.5

TRIVIAL = """
from textual.app import App
from textual.widgets import Footer, Header, Static
class Trivial(App):
    def compose(self):
        yield Header()
        yield Static("FIRST-FRAME")
        yield Footer()
Trivial().run()
"""
CONSOLE = """
from datetime import UTC
from warubi_tui.app import WarubiApp
from warubi_tui.config import Target
from warubi_tui.secret import Secret
target = Target("http://127.0.0.1:9/api/v2", Secret("x"), "FIRST-FRAME", "FIRST-FRAME", "local")
WarubiApp(target, zone=UTC).run()
"""


def first_frame(program: str) -> float:
    """Seconds from starting Python to the text that the program draws."""
    leader, follower = pty.openpty()
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"},
        close_fds=True,
    )
    os.close(follower)
    seen = b""
    while b"FIRST-FRAME" not in seen:
        ready, _, _ = select.select([leader], [], [], 30)
        if not ready:
            break
        seen += os.read(leader, 65536)
    seconds = time.perf_counter() - start
    process.kill()
    process.wait()
    os.close(leader)
    if b"FIRST-FRAME" not in seen:
        raise SystemExit(f"no first frame: {seen[-2000:]!r}")
    return seconds


def main() -> int:
    """Prints the figures; 1 where the ratio is over the limit."""
    first_frame(TRIVIAL), first_frame(CONSOLE)
    trivial, console = [], []
    for _ in range(ROUNDS):
        trivial.append(first_frame(TRIVIAL))
        console.append(first_frame(CONSOLE))
    ratio = statistics.median(console) / statistics.median(trivial)
    sys.stdout.write(
        f"median of {ROUNDS}: console {statistics.median(console):.3f} s, "
        f"trivial app {statistics.median(trivial):.3f} s, ratio {ratio:.2f} (limit {LIMIT})\n"
    )
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
