"""The shop's daily business as a process of its own, so that it never slows the console down.

It reads the connection string from standard input (an argument would be visible to other users) and ends
when that is closed: when the console ends, however it ends.
"""

import subprocess
import sys
import threading
from types import TracebackType
from typing import Final, Self

from warubi_tui.demo.shop import do_business
from warubi_tui.secret import Secret

_PAUSE_SECONDS: Final = 0.05


class Writer:
    """Keeps the shop busy while the block runs."""

    def __init__(self, uri: Secret) -> None:
        self._uri = uri
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "warubi_tui.demo.writer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self._uri.reveal()}\n")
        self._process.stdin.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Does business until standard input is closed."""
    uri = Secret(sys.stdin.readline().strip())
    stop = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    do_business(uri, stop, pause_seconds=_PAUSE_SECONDS)


if __name__ == "__main__":
    main()
