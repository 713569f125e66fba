"""`warubi demo` from the command to a usable console, against the limit of 10 s on 2 cores.

.venv/bin/python -m tests.benchmarks.bench_demo
"""

import os
import pty
import select
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import make_open_folder
from warubi_tui.demo.home import throw_away

LEAVE = b"\x11"
"""Ctrl+Q, which leaves from anywhere."""
BRIEFING = b"on call"
"""What the notice says with which the demo opens; enter closes it."""
ROUNDS = 3
LIMIT_SECONDS = 10.0
USABLE = b"history kept"
"""What the home screen says once the branches are there."""


def until_usable(folder: Path) -> tuple[float, float]:
    """Seconds to the first sign of progress, and to the list of branches, with a demo made from nothing."""
    leader, follower = pty.openpty()
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "warubi_tui", "demo", "--dir", str(folder / "demo")],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"},
        start_new_session=True,
    )
    os.close(follower)
    seen = b""
    first = 0.0
    briefed = False
    while USABLE not in seen:
        if not select.select([leader], [], [], 30)[0]:
            raise SystemExit(f"not usable: {seen[-2000:]!r}")
        seen += os.read(leader, 65536)
        first = first or time.perf_counter() - start
        if not briefed and BRIEFING in seen:
            os.write(leader, b"\r")
            briefed = True
    usable = time.perf_counter() - start
    while process.poll() is None:
        try:
            os.write(leader, LEAVE)
            if select.select([leader], [], [], 0.1)[0]:
                os.read(leader, 65536)
        except OSError:
            break
    process.wait()
    os.close(leader)
    return first, usable


def main() -> int:
    """Prints the figures; 1 where the median is over the limit."""
    firsts, usables = [], []
    for _ in range(ROUNDS):
        folder = make_open_folder()
        first, usable = until_usable(folder)
        firsts.append(first)
        usables.append(usable)
        throw_away(folder / "demo")
        shutil.rmtree(folder)
    median = statistics.median(usables)
    sys.stdout.write(
        f"median of {ROUNDS}: progress after {statistics.median(firsts):.2f} s, usable after {median:.1f} s, "
        f"ratio to the limit {median / LIMIT_SECONDS:.2f}\n"
    )
    return 0 if median <= LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
