import io
import sys

import pytest

from warubi_tui.commands.progress import ProgressLine, progress_words
from warubi_tui.diff.model import Progress, TableProgress


class Terminal(io.StringIO):
    """A stderr that is one."""

    def isatty(self) -> bool:
        return True


def test_progress_in_words() -> None:
    at = Progress(3, 12, 1204, 0.4299, 83.4, (TableProgress("public", "or\x1bders", 1200, 40000, "blocks"),))
    assert progress_words(at) == (
        "42%, 3 of 12 tables, 1,204 differences, about 1 min left: public.or␛ders 1,200 of 40,000 blocks"
    )


def test_what_is_not_known_is_not_said() -> None:
    assert progress_words(Progress(0, 1, 0)) == "0 of 1 tables"


def test_one_line_on_a_terminal_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "20")
    with ProgressLine() as line:
        line.show(Progress(0, 1, 0))
        line.say("x" * 100)
    assert terminal.getvalue() == f"\r\x1b[K0 of 1 tables\r\x1b[K{'x' * 18}…\r\x1b[K"


def test_a_line_now_and_then_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    clock = 100.0
    with ProgressLine(lambda: clock) as line:
        for clock in (100.0, 109.0, 110.0, 111.0, 119.9, 120.0):
            line.say(f"at {clock}")
    assert capsys.readouterr().err == "at 110.0\nat 120.0\n"
