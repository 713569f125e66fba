"""kill -9 at every step: the next engine finds rows = folders = servers, and everything acknowledged.

The points are read out of the source, so one that is added is tested, or fails here for want of a way to
reach it.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import make_open_folder
from tests.engine.kill_scenarios import KEPT, LEADING_TO, SCENARIOS
from tests.engine.killing import kill_at, points_in_source
from tests.engine.lab import Lab, assert_rows_match_files, opened, servers_below, wait_until


def _cases() -> list[tuple[str, str]]:
    found = [(point, point.partition(":")[0]) for point in points_in_source()]
    return [(point, way) for point, prefix in found for way in LEADING_TO.get(prefix, [prefix])]


def test_every_failpoint_has_a_name_of_its_own() -> None:
    points = points_in_source()
    assert len(set(points)) == len(points) > 20


@pytest.fixture(scope="module")
def furnished(copy_founded: Callable[[], Path]) -> Path:
    """A stopped engine whose main branch holds two notes."""
    root = copy_founded()
    with opened(root) as lab:
        lab.write(lab.main, *KEPT)
    return root


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = make_open_folder()
    yield folder
    wait_until(lambda: servers_below(folder) == {}, "adopted servers have ended")
    shutil.rmtree(folder)


def _assert_sound(lab: Lab) -> None:
    branches, _, _, endpoints = lab.rows()
    timelines = {row.id: row.timeline for row in branches}
    assert_rows_match_files(lab)
    assert {row.state for row in branches} == {"ready"}
    assert {row.status for row in lab.engine.operations()} <= {"finished", "failed", "cancelled"}
    assert servers_below(lab.engine.site.root).keys() == {
        timelines[row.branch] for row in endpoints if row.wanted
    }
    assert not (lab.engine.site.root / "trash").exists()


@pytest.mark.parametrize(("point", "way"), _cases())
def test_killed_there_nothing_is_half_and_nothing_is_lost(
    furnished: Path, folder: Path, point: str, way: str
) -> None:
    root = folder / "engine"
    if way != "found":
        subprocess.run(["cp", "-a", furnished, root], check=True)
    acknowledged = set()
    if way == "start":
        acknowledged = kill_at(root, SCENARIOS["create"], "build: base copied")
    acknowledged |= kill_at(root, SCENARIOS[way], point)
    with opened(root) as lab:
        _assert_sound(lab)
        if way != "found":
            assert acknowledged or not SCENARIOS[way].written_to
            holders = [row for row in lab.engine.branches() if row.name in ("main", "first life")]
            assert {*KEPT, *acknowledged} <= set().union(*(lab.read(holder) for holder in holders))
        SCENARIOS[way].check(lab, point)
        _assert_sound(lab)
