"""kill -9 of the engine at any point: afterwards nothing is half there, nothing acknowledged is lost."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from tests.conftest import make_open_folder
from tests.engine.lab import DATABASE, OWNER, files_below, servers_below, wait_until
from warubi_tui.engine import launch
from warubi_tui.engine.lock import is_held
from warubi_tui.engine.programs import Programs
from warubi_tui.engine.server import load_key

Json = dict[str, Any]

_WRAPPER = """#!/bin/sh
# Runs PostgreSQL's program of the same name; waits while the gate for this moment is shut.
gates='{gates}'
wait_at() {{
  if test -e "$gates/shut-$1"; then echo $$ > "$gates/at-$1"; fi
  while test -e "$gates/shut-$1"; do sleep 0.02; done
}}
name=${{0##*/}}
case "$name $*" in
  "postgres "*recovery_target*)
    wait_at recovery
    for word; do
      shift
      case "$word" in restore_command=*)
        pause="test -e '$gates/shut-replay' && echo > '$gates/at-replay'"
        pause="$pause; while test -e '$gates/shut-replay'; do sleep 0.02; done"
        word="restore_command=$pause; ${{word#restore_command=}}";;
      esac
      set -- "$@" "$word"
    done;;
  pg_controldata*) wait_at recovered;;
esac
exec '{programs}'/"$name" "$@"
"""


@dataclass(frozen=True)
class Gates:
    """Moments of the engine's work, at which it can be held: PostgreSQL's programs are wrapped to wait there.

    recovery: the copy of the base is there, nothing is replayed yet · replay: PostgreSQL is in recovery ·
    recovered: the new cluster is finished and stopped
    """

    folder: Path

    def shut(self, moment: str) -> None:
        (self.folder / f"shut-{moment}").touch()

    def open(self) -> None:
        for mark in (*self.folder.glob("shut-*"), *self.folder.glob("at-*")):
            mark.unlink()

    def wait_for(self, moment: str) -> None:
        wait_until((self.folder / f"at-{moment}").exists, f"the engine reaches {moment!r}")


@pytest.fixture(scope="module")
def gates(programs: Programs) -> Iterator[Gates]:
    folder = make_open_folder()
    gates, wrapped = folder / "gates", folder / "bin"
    gates.mkdir()
    gates.chmod(0o777)
    wrapped.mkdir()
    for name in ("initdb", "postgres", "pg_controldata", "pg_waldump"):
        (wrapped / name).write_text(_WRAPPER.format(gates=gates, programs=programs.folder))
        (wrapped / name).chmod(0o755)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WARUBI_PG_BIN", str(wrapped))
        yield Gates(gates)
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Victim:
    """An engine as a process that can be killed, spoken to by HTTP."""

    root: Path

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        owner, _ = launch.start(self.root)
        assert owner.url is not None
        self.pid = owner.pid
        self.client = httpx.Client(
            base_url=f"{owner.url}/projects/{owner.project_id}",
            headers={"Authorization": f"Bearer {load_key(self.root).reveal()}"},
            trust_env=False,
            timeout=60,
        )

    def kill(self) -> None:
        """kill -9, and nothing else."""
        self.client.close()
        os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: not is_held(self.root / "engine.lock"), "the lock is free")

    def stop(self) -> None:
        self.client.close()
        launch.stop(self.root)

    def get(self, path: str, **query: str) -> Json:
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def post(self, path: str, body: Json) -> Json:
        answer = self.client.post(path, json=body)
        assert answer.is_success, answer.text
        result: Json = answer.json()
        return result

    def branches(self) -> dict[str, Json]:
        return {branch["name"]: branch for branch in self.get("/branches", limit="1000")["branches"]}

    def statuses(self, operations: list[Json]) -> list[str]:
        return [self.get(f"/operations/{one['id']}")["operation"]["status"] for one in operations]

    def finish(self, operations: list[Json]) -> None:
        over = {"finished", "failed", "cancelled"}
        wait_until(lambda: set(self.statuses(operations)) <= over, "operations end")
        assert set(self.statuses(operations)) == {"finished"}

    def create(self, parent: str, name: str) -> list[Json]:
        body = {"branch": {"name": name, "parent_id": parent}, "endpoints": [{"type": "read_write"}]}
        operations: list[Json] = self.post("/branches", body)["operations"]
        return operations

    def restore(self, branch: str, at: str, keep: str) -> list[Json]:
        body = {"source_branch_id": branch, "source_timestamp": at, "preserve_under_name": keep}
        operations: list[Json] = self.post(f"/branches/{branch}/restore", body)["operations"]
        return operations

    def uri(self, branch: str) -> str:
        names = {"branch_id": branch, "database_name": DATABASE, "role_name": OWNER}
        return str(self.get("/connection_uri", **names)["uri"])

    def notes(self, branch: str) -> list[str]:
        with psycopg.connect(self.uri(branch)) as client:
            return sorted(row[0] for row in client.execute("SELECT note FROM log"))

    def write(self, branch: str, note: str) -> str:
        """Commits a note; returns the time of that commit."""
        with psycopg.connect(self.uri(branch), autocommit=True) as client:
            client.execute("CREATE TABLE IF NOT EXISTS log (note text)")
            client.execute("INSERT INTO log VALUES (%s)", (note,))
            found = client.execute(
                "SELECT pg_xact_commit_timestamp(xmin) FROM log WHERE note = %s", (note,)
            ).fetchone()
        assert found is not None
        return str(found[0].isoformat())

    def assert_sound(self) -> None:
        """Rows are directories, servers are the computes that are wanted, each where its endpoint says."""
        with closing(sqlite3.connect(self.root / "state.db", timeout=30)) as store:
            timelines = dict(store.execute("SELECT id, state FROM timeline"))
            bases = {row[0] for row in store.execute("SELECT id FROM base")}
            branches = store.execute("SELECT timeline, state FROM branch").fetchall()
            wanted = dict(
                store.execute(
                    "SELECT timeline, port FROM endpoint JOIN branch ON branch.id = branch WHERE wanted"
                )
            )
        assert {state for _, state in branches} == {"ready"}
        assert set(timelines.values()) <= {"ready", "history"}
        assert files_below(self.root) == (set(timelines), bases)
        assert not (self.root / "trash").exists()
        running = servers_below(self.root)
        assert running.keys() == wanted.keys()
        for port in wanted.values():
            with socket.create_connection(("127.0.0.1", port), timeout=10):
                pass


@pytest.fixture
def victim(gates: Gates, copy_founded: Callable[[], Path]) -> Iterator[Victim]:
    """An engine whose main branch holds the note `kept`."""
    gates.open()
    victim = Victim(copy_founded())
    victim.write(victim.branches()["main"]["id"], "kept")
    yield victim
    gates.open()
    victim.stop()
    assert servers_below(victim.root) == {}


@contextmanager
def _locked_store(root: Path) -> Iterator[None]:
    """Nobody else can write to the engine's records in the block."""
    with closing(sqlite3.connect(root / "state.db", isolation_level=None, timeout=30)) as store:
        store.execute("BEGIN IMMEDIATE")
        yield
        store.execute("ROLLBACK")


def _assert_failed_in_words(victim: Victim, operations: list[Json]) -> None:
    for one in operations:
        operation = victim.get(f"/operations/{one['id']}")["operation"]
        if operation["status"] != "finished":
            assert operation["status"] == "failed"
            assert operation["error"].startswith("the engine ended")


def test_killed_before_there_was_a_project(open_folder: Path, gates: Gates) -> None:
    gates.open()
    gates.shut("recovered")
    root = open_folder / "engine"
    command = [sys.executable, "-m", "warubi_tui", "engine", "serve", "--dir", str(root)]
    with subprocess.Popen(command) as first:
        gates.wait_for("recovered")
        assert launch.running(root) is None
        first.kill()
    gates.open()
    victim = Victim(root)
    try:
        assert list(victim.branches()) == ["main"]
        victim.write(victim.branches()["main"]["id"], "works")
        victim.assert_sound()
    finally:
        victim.stop()


@pytest.mark.parametrize("moment", ["recovery", "replay", "recovered"])
def test_killed_while_a_branch_is_made(victim: Victim, gates: Gates, moment: str) -> None:
    main = victim.branches()["main"]["id"]
    computes = servers_below(victim.root)
    gates.shut(moment)
    operations = victim.create(main, "half")
    gates.wait_for(moment)
    victim.write(main, "acknowledged meanwhile")
    victim.kill()
    if moment == "recovered":
        gates.open()
    victim.start()
    gates.open()
    assert list(victim.branches()) == ["main"]
    _assert_failed_in_words(victim, operations)
    assert victim.notes(main) == ["acknowledged meanwhile", "kept"]
    assert servers_below(victim.root) == computes
    victim.assert_sound()
    again = victim.create(main, "half")
    victim.finish(again)
    assert victim.notes(victim.branches()["half"]["id"]) == ["acknowledged meanwhile", "kept"]
    victim.assert_sound()


@pytest.mark.parametrize("moment", ["recovery", "recovered", "swap"])
def test_killed_while_a_branch_is_restored(victim: Victim, gates: Gates, moment: str) -> None:
    main = victim.branches()["main"]["id"]
    then = victim.write(main, "then")
    victim.write(main, "mistake")
    uri = victim.uri(main)
    gates.shut("recovered" if moment == "swap" else moment)
    operations = victim.restore(main, then, "half")
    gates.wait_for("recovered" if moment == "swap" else moment)
    if moment == "swap":
        (server,) = servers_below(victim.root).values()
        os.kill(server, signal.SIGSTOP)
        gates.open()
        wait_until(lambda: victim.statuses(operations)[1] == "running", "the old server is to stop")
        with _locked_store(victim.root):
            os.kill(server, signal.SIGCONT)
            wait_until(lambda: not _lives(server), "the old server is stopped")
            victim.kill()
    else:
        victim.kill()
        gates.open()
    victim.start()
    assert list(victim.branches()) == ["main"]
    _assert_failed_in_words(victim, operations)
    assert victim.uri(main) == uri
    assert victim.notes(main) == ["kept", "mistake", "then"]
    victim.assert_sound()
    again = victim.restore(main, then, "half")
    victim.finish(again)
    assert victim.notes(main) == ["kept", "then"]
    victim.assert_sound()


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_killed_at_any_time(victim: Victim) -> None:
    """Without gates: a little later each time, through a whole create and a whole restore."""
    main = victim.branches()["main"]["id"]
    then = victim.write(main, "then")
    acknowledged = ["kept", "then"]
    for number in range(7):
        before = set(victim.branches())
        if number % 2:
            operations = victim.restore(main, then, f"kept {number}")
        else:
            operations = victim.create(main, f"branch {number}")
        time.sleep(0.08 * number)
        statuses = victim.statuses(operations)
        victim.kill()
        victim.start()
        victim.assert_sound()
        _assert_failed_in_words(victim, operations)
        ended = victim.statuses(operations)
        decisive = 1 if number % 2 else 0
        new = set(victim.branches()) - before
        assert len(new) == (ended[decisive] == "finished")
        assert all(now == "finished" for now, said in zip(ended, statuses, strict=True) if said == "finished")
        if number % 2 and new:
            acknowledged = ["kept", "then"]
        assert victim.notes(main) == sorted(acknowledged)
        victim.write(main, f"round {number}")
        acknowledged.append(f"round {number}")


def test_an_orderly_restart_brings_back_what_ran_and_nothing_else(victim: Victim) -> None:
    main = victim.branches()["main"]["id"]
    then = victim.write(main, "then")
    victim.write(main, "mistake")
    victim.finish(victim.create(main, "suspended"))
    (idle,) = victim.get(f"/branches/{victim.branches()['suspended']['id']}/endpoints")["endpoints"]
    victim.finish(victim.post(f"/endpoints/{idle['id']}/suspend", {})["operations"])
    victim.finish(victim.restore(main, then, "before"))
    uri, url = victim.uri(main), victim.client.base_url
    victim.stop()
    assert servers_below(victim.root) == {}
    victim.start()
    assert (victim.uri(main), victim.client.base_url) == (uri, url)
    assert victim.notes(main) == ["kept", "then"]
    assert victim.get(f"/endpoints/{idle['id']}")["endpoint"]["current_state"] == "idle"
    victim.assert_sound()


def test_computes_live_through_it_and_their_clients_come_back(victim: Victim) -> None:
    main = victim.branches()["main"]["id"]
    computes, uri = servers_below(victim.root), victim.uri(main)
    with psycopg.connect(uri, autocommit=True) as client:
        victim.kill()
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    victim.start()
    assert servers_below(victim.root) == computes
    with psycopg.connect(uri) as client:
        assert client.execute("SELECT note FROM log").fetchall() == [("kept",)]
    victim.assert_sound()


def test_a_compute_that_died_with_the_engine_comes_back_on_its_port(victim: Victim) -> None:
    main = victim.branches()["main"]["id"]
    uri = victim.uri(main)
    (server,) = servers_below(victim.root).values()
    family = [psutil.Process(server), *psutil.Process(server).children()]
    victim.kill()
    for process in family:
        process.kill()
    wait_until(lambda: not any(_lives(process.pid) for process in family), "the server dies")
    victim.start()
    with psycopg.connect(uri) as client:
        assert client.execute("SELECT note FROM log").fetchall() == [("kept",)]
    victim.assert_sound()
