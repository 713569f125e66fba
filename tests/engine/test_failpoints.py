"""kill -9 at every step: the next engine finds rows = folders = servers, and everything acknowledged.

The points are read out of the source, so one that is added is tested, or fails here for want of a way to
reach it.
"""

import ast
import multiprocessing
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import psycopg
import pytest

import warubi_tui.engine
from tests.conftest import make_open_folder
from tests.engine.lab import DATABASE, Lab, assert_rows_match_files, opened, servers_below
from warubi_tui.engine import durability
from warubi_tui.engine.failpoints import VARIABLE
from warubi_tui.engine.store import BaseRow, BranchRow

_LIMIT_SECONDS: Final = 60
_KEPT: Final = ["kept", "mistake"]


def _points_in_source() -> list[str]:
    found = []
    for file in sorted(Path(warubi_tui.engine.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{file}: the name of a failpoint is a constant"
                found.append(str(name.value))
    return found


@dataclass(frozen=True)
class Scenario:
    """What leads to some failpoints.

    Attributes:
        act: does it, in the process that is killed.
        check: looks at what is left, in an engine that came up afterwards; then does it again.
        written_to: whether a client writes to `main` meanwhile.
    """

    act: Callable[[Lab], object]
    check: Callable[[Lab, str], None]
    written_to: bool = True


def _create(lab: Lab) -> BranchRow:
    return lab.create(lab.main, name="new", compute=True)


def _check_create(lab: Lab, point: str) -> None:
    there = point in ("operation: committed", "compute: about to start", "compute: started")
    assert [row.name for row in lab.engine.branches()] == ["main", *(["new"] if there else [])]
    created = [row.status for row in lab.engine.operations() if row.action == "create_branch"]
    assert created[0] == ("finished" if there else "failed")
    if there:
        assert set(_KEPT) <= set(lab.read(lab.named("new"))) <= set(lab.read(lab.main))
        lab.delete(lab.named("new"))
    again = _create(lab)
    assert lab.read(again) == lab.read(lab.main)
    lab.delete(again)


def _restore(lab: Lab) -> BranchRow:
    with lab.session(lab.main) as session:
        found = session.execute("SELECT max(pg_xact_commit_timestamp(xmin)) FROM log WHERE note = 'mistake'")
        (row,) = found.fetchall()
    return lab.restore(lab.main, lab.main, at=row[0], keep="first life")


def _check_restore(lab: Lab, point: str) -> None:
    swapped = point in ("compute: about to start", "compute: started")
    assert [row.name for row in lab.engine.branches()] == ["main", *(["first life"] if swapped else [])]
    if swapped:
        assert lab.read(lab.main) == _KEPT
        return
    before = lab.read(lab.main)
    _restore(lab)
    assert lab.read(lab.main) == _KEPT
    assert lab.read(lab.named("first life")) == before


def _delete_leaf(lab: Lab) -> None:
    lab.delete(lab.create(lab.main, name="leaf"))


def _delete_root(lab: Lab) -> None:
    _restore(lab)
    lab.delete(lab.named("first life"))


def _check_deleted(lab: Lab, _: str) -> None:
    """The rows went first, so the branch is gone at whatever step the process ended."""
    assert [row.name for row in lab.engine.branches()] == ["main"]
    branch = lab.create(lab.main, lsn=lab.engine.window(lab.main.id).start_lsn)
    with pytest.raises(psycopg.errors.UndefinedTable):
        lab.read(branch)
    lab.delete(branch)


def _take_base(lab: Lab) -> BaseRow:
    return lab.engine.bases.take_hot(lab.main.timeline)


def _check_base(lab: Lab, point: str) -> None:
    _, _, bases, _ = lab.rows()
    (timeline,) = [row.timeline for row in lab.engine.branches() if row.is_default]
    assert [base.timeline for base in bases].count(timeline) == 1 + (point == "base: recorded")
    base = _take_base(lab)
    assert lab.engine.resolve(lab.main.id, at=None, lsn=None).base == base
    branch = lab.create(lab.main)
    assert lab.read(branch) == lab.read(lab.main)
    lab.delete(branch)


def _found(_: Lab) -> None:
    """The founding was done when the engine was opened."""


def _check_found(lab: Lab, _: str) -> None:
    assert [row.name for row in lab.engine.branches()] == ["main"]
    lab.write(lab.main, "works")
    assert lab.read(lab.create(lab.main)) == ["works"]


_SCENARIOS: Final = {
    "create": Scenario(_create, _check_create),
    "restore": Scenario(_restore, _check_restore),
    "delete": Scenario(_delete_leaf, _check_deleted),
    "delete root": Scenario(_delete_root, _check_deleted, written_to=False),
    "base": Scenario(_take_base, _check_base),
    "found": Scenario(_found, _check_found, written_to=False),
    "start": Scenario(_create, _check_create),
}
_LEADING_TO: Final = {
    "base": ["base"],
    "build": ["create"],
    "compute": ["create", "restore"],
    "create": ["create"],
    "delete": ["delete"],
    "first": ["found"],
    "history": ["delete root"],
    "operation": ["create", "restore"],
    "remove": ["delete"],
    "restore": ["restore"],
    "start": ["start"],
}


def _cases() -> list[tuple[str, str]]:
    return [(point, way) for point in _points_in_source() for way in _LEADING_TO[point.partition(":")[0]]]


def test_every_failpoint_has_a_name_of_its_own() -> None:
    points = _points_in_source()
    assert len(set(points)) == len(points) > 20


@pytest.fixture(scope="module")
def furnished(copy_founded: Callable[[], Path]) -> Path:
    """A stopped engine whose main branch holds two notes."""
    root = copy_founded()
    with opened(root) as lab:
        lab.write(lab.main, *_KEPT)
    return root


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = make_open_folder()
    yield folder
    assert servers_below(folder) == {}
    shutil.rmtree(folder)


_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.engine.test_failpoints"])


def _doomed(root: Path, way: str, point: str, acknowledged: Connection) -> None:
    """Does what leads to `point` while a client writes, and tells which of its notes were acknowledged."""
    os.environ[VARIABLE] = point
    durability._sync_file_system = lambda descriptor: None
    with opened(root) as lab:
        if _SCENARIOS[way].written_to:
            begun = threading.Event()
            threading.Thread(target=_write_on, args=(lab, acknowledged, begun), daemon=True).start()
            begun.wait(_LIMIT_SECONDS)
        _SCENARIOS[way].act(lab)
    os._exit(0)


def _write_on(lab: Lab, acknowledged: Connection, begun: threading.Event) -> None:
    """Writes notes until the server ends."""
    number = 0
    try:
        with lab.engine.servers.session(lab.main.timeline, DATABASE) as session:
            while True:
                number += 1
                session.execute("INSERT INTO log VALUES (%s)", (f"note {number}",))
                os.write(acknowledged.fileno(), f"note {number}\n".encode())
                begun.set()
    except psycopg.OperationalError:
        return


def _kill_at(root: Path, way: str, point: str) -> set[str]:
    """Runs an engine until it is killed at `point`; returns what its server had acknowledged."""
    reader, writer = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_doomed, args=(root, way, point, writer))
    process.start()
    writer.close()
    process.join(_LIMIT_SECONDS)
    if process.exitcode != -signal.SIGKILL:
        process.kill()
        with opened(root):
            pytest.fail(f"{way} never comes to {point!r}: status {process.exitcode}")
    with os.fdopen(os.dup(reader.fileno())) as lines:
        reader.close()
        return set(lines.read().splitlines())


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
        acknowledged = _kill_at(root, "create", "build: base copied")
    acknowledged |= _kill_at(root, way, point)
    with opened(root) as lab:
        _assert_sound(lab)
        if way != "found":
            assert acknowledged or not _SCENARIOS[way].written_to
            holders = [row for row in lab.engine.branches() if row.name in ("main", "first life")]
            assert {*_KEPT, *acknowledged} <= set().union(*(lab.read(holder) for holder in holders))
        _SCENARIOS[way].check(lab, point)
        _assert_sound(lab)
