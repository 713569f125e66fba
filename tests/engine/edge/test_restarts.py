"""Ports and computes outlive the engine."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.conftest import engine_on
from tests.engine.lab import opened, wait_until
from warubi_tui.engine import launch
from warubi_tui.engine.lock import is_held


def answer(uri: str) -> object:
    with psycopg.connect(uri) as client:
        return client.execute("SELECT 42").fetchone()


def test_after_the_engine_was_killed_the_same_connection_string_leads_to_the_same_server(
    copy_founded: Callable[[], Path],
) -> None:
    root = copy_founded()
    with opened(root) as lab:
        uri = lab.uri(lab.main)
        pid_file = lab.engine.site.data(lab.main.timeline) / "postmaster.pid"
    with engine_on(root):
        with psycopg.connect(uri) as client:
            pid = pid_file.read_text().split()[0]
            owner = launch.running(root)
            assert owner is not None
            os.kill(owner.pid, signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError):
                client.execute("SELECT 1")
        wait_until(lambda: not is_held(root / "engine.lock"), "the engine is dead")
        launch.start(root)
        assert answer(uri) == (42,)
        assert pid_file.read_text().split()[0] == pid


def test_a_suspended_compute_stays_so_until_somebody_connects(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    with opened(root) as lab:
        uri = lab.uri(lab.main)
        lab.suspend(lab.main)
    with opened(root) as lab:
        assert lab.engine.endpoint_state(lab.endpoint(lab.main)) == "idle"
        assert answer(uri) == (42,)


def test_a_port_that_somebody_else_took_is_named_and_kept(copy_founded: Callable[[], Path]) -> None:
    root = copy_founded()
    with opened(root) as lab:
        port, uri = lab.endpoint(lab.main).port, lab.uri(lab.main)
        lab.suspend(lab.main)
    with socket.create_server(("127.0.0.1", port)), opened(root) as lab:
        (failed,) = lab.end(lab.engine.start_endpoint(lab.endpoint(lab.main).id)[1])
        assert failed.status == "failed"
        assert f"port {port} of the endpoint is taken by another program" in str(failed.error)
        assert lab.endpoint(lab.main).port == port
        assert lab.engine.endpoint_state(lab.endpoint(lab.main)) == "idle"
    with opened(root) as lab:
        assert lab.endpoint(lab.main).port == port
        assert answer(uri) == (42,)
