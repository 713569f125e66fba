"""`python -m warubi_tui.engine.activity.worker`: reads slices for the engine that started it."""

import gc
import os
import signal
import sys
from multiprocessing.connection import Connection

from warubi_tui.engine.activity.scanning import Log, scan
from warubi_tui.engine.clusters import ClusterError


def main() -> None:
    """Answers each (log, start) on standard input with the slice, or with what is wrong, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    requests: Connection[object, object] = Connection(sys.stdin.fileno(), writable=False)
    answers: Connection[object, object] = Connection(os.dup(sys.stdout.fileno()), readable=False)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while True:
        try:
            request = requests.recv()
        except EOFError:
            return
        assert isinstance(request, tuple)
        log, start = request
        assert isinstance(log, Log)
        try:
            answer: object = scan(log, int(start))
        except (ClusterError, OSError) as error:
            answer = str(error)
        answers.send(answer)


if __name__ == "__main__":
    main()
