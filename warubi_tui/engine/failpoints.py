"""Points of the engine's work at which a test has its process killed, to see what is left of it."""

import os
import signal
from typing import Final

VARIABLE: Final = "WARUBI_FAILPOINT"


def failpoint(name: str) -> None:
    """Ends this process by SIGKILL where $WARUBI_FAILPOINT is `name`."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
