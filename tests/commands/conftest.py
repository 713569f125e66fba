import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.commands.neon_server import NeonServer, serving
from warubi_tui.__main__ import main


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str


Warubi = Callable[..., Ended]


@pytest.fixture
def neon(monkeypatch: pytest.MonkeyPatch) -> Iterator[NeonServer]:
    """A server that the environment points to."""
    with serving(NeonServer()) as server:
        monkeypatch.setenv("NEON_API_KEY", "napi_verysecretkey")
        monkeypatch.setenv("NEON_API_HOST", server.url)
        yield server


@pytest.fixture
def warubi(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Warubi:
    """Runs the program in this process."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["warubi", *arguments])
        code = main()
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run
