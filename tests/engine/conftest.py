"""Engines for the tests of the engine: copies of one that was founded once."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import make_open_folder
from tests.engine.lab import Lab, opened
from warubi_tui.engine import durability


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """Engines inside the test process leave new clusters to the page cache: no test cuts the power.

    It makes these tests three to five times as fast. Engines that run as processes are as they are.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durability, "_sync_file_system", lambda _: None)
        yield


@pytest.fixture(scope="session")
def founded(no_waiting_for_the_disk: None) -> Iterator[Path]:
    """The directory of a stopped engine that has a project and nothing else."""
    folder = make_open_folder()
    with opened(folder / "engine"):
        pass
    yield folder / "engine"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def copy_founded(founded: Path) -> Iterator[Callable[[], Path]]:
    """Makes directories of stopped engines; one at a time may run, for they have the same ports."""
    folders: list[Path] = []

    def copy() -> Path:
        folders.append(make_open_folder())
        subprocess.run(["cp", "-a", founded, folders[-1]], check=True)
        return folders[-1] / founded.name

    yield copy
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def lab(copy_founded: Callable[[], Path]) -> Iterator[Lab]:
    """An engine in this process for the tests of one module."""
    with opened(copy_founded()) as ready:
        yield ready
