"""The program: runs what was typed; every end becomes an exit code and words, never a traceback."""

import os
import sys
from typing import TextIO

from warubi_tui.cli import run
from warubi_tui.errors import WarubiError

_INTERRUPTED = 130


def main() -> int:
    """Runs `warubi` with the arguments of the process; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        _never_fail_to_encode(stream)
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except WarubiError as error:
        from warubi_tui.commands.output import complain_about

        complain_about(error)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("warubi: interrupted. A change that the server had begun goes on there.\n")
        return _INTERRUPTED
    except BrokenPipeError:
        _close_stdout()
        return _INTERRUPTED
    except Exception as error:
        return _crashed(error)
    return code


def _crashed(error: Exception) -> int:
    from datetime import UTC, datetime

    from warubi_tui.commands.output import complain, complain_about
    from warubi_tui.screens.error_door import in_words, write_crash_log

    complain_about(in_words(error))
    if (log := write_crash_log(error, datetime.now(UTC))) is not None:
        complain(f"  Where it failed is in {log}")
    return WarubiError.exit_code


def _never_fail_to_encode(stream: TextIO) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _close_stdout() -> None:
    """Whoever read stdout is gone: nothing more is written there, nor complained about at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
