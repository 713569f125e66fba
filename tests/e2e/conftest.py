"""Neon's own command line, version 6, on an engine of its own per module."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunningEngine
from tests.e2e.cli import Cli, find_program, why_not


@pytest.fixture(scope="module")
def program_on(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Cli]:
    """Neon's program of this name, pointed at the module's engine. Skips where it is not installed."""

    def point(name: str) -> Cli:
        program = find_program(name)
        assert program is not None
        home: Path = tmp_path_factory.mktemp(name)
        return Cli(program, engine, home)

    return point


@pytest.fixture(scope="module")
def neon(request: pytest.FixtureRequest) -> Cli:
    """The program `neon`. Skips where it is not installed."""
    reason = why_not("neon")
    if reason is not None:
        pytest.skip(reason)
    point: Callable[[str], Cli] = request.getfixturevalue("program_on")
    return point("neon")
