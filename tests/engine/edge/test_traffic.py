"""What flows between a client and its server, and what happens when one of them stops."""

import hashlib
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from tests.engine.lab import Lab, wait_until

MB = 1 << 20
CLIENTS = 200


def sessions_that(lab: Lab, condition: str) -> int:
    """How many sessions of clients meet a condition on pg_stat_activity."""
    with lab.session(lab.main) as session:
        row = session.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('client backend', 'walsender') "
            f"AND application_name <> 'warubi engine' AND {condition}".encode()
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("version", ["3.0", "3.2"])
def test_a_cancel_request_reaches_the_query(lab: Lab, version: str) -> None:
    if version == "3.2" and lab.engine.site.programs.major < 18:
        pytest.skip("the server does not speak it")
    uri = lab.uri(lab.main)
    with psycopg.connect(uri, max_protocol_version=version) as client, ThreadPoolExecutor(1) as beside:

        def cancel() -> None:
            wait_until(lambda: sessions_that(lab, "query ~ 'pg_sleep'") == 1, "it sleeps")
            client.cancel_safe()

        cancelled = beside.submit(cancel)
        with pytest.raises(psycopg.errors.QueryCanceled):
            client.execute("SELECT pg_sleep(60)")
        cancelled.result()
        client.rollback()
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_a_cancel_request_without_tls_and_with_a_foreign_key(lab: Lab) -> None:
    with psycopg.connect(lab.uri(lab.main)) as client:
        with socket.create_connection(("127.0.0.1", lab.endpoint(lab.main).port)) as stranger:
            stranger.sendall(struct.pack("!IIII", 16, 80877102, client.info.backend_pid, 12345))
            assert stranger.recv(1) == b""
        assert client.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize(
    "query", ["SELECT pg_sleep(600)", "SELECT repeat('x', 1000) FROM generate_series(1, 1e9)"]
)
def test_the_server_of_a_client_that_vanishes_ends(lab: Lab, query: str, reset: bool) -> None:
    client = psycopg.connect(lab.uri(lab.main))
    client.pgconn.send_query(query.encode())
    client.pgconn.flush()
    wait_until(lambda: sessions_that(lab, "state = 'active'") == 1, "it works")
    connection = socket.socket(fileno=os.dup(client.pgconn.socket))
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()
    client.close()
    wait_until(lambda: sessions_that(lab, "true") == 0, "the backend ends")


def test_a_client_that_says_goodbye_at_once_is_heard(lab: Lab) -> None:
    with psycopg.connect(lab.uri(lab.main), autocommit=True) as client:
        client.execute("CREATE TABLE heard (x int)")
    last = psycopg.connect(lab.uri(lab.main), autocommit=True)
    last.pgconn.send_query(b"INSERT INTO heard SELECT g FROM generate_series(1, 100000) g")
    last.pgconn.flush()
    last.close()
    with lab.session(lab.main) as session:
        wait_until(lambda: session.execute("SELECT count(*) FROM heard").fetchone() == (100_000,), "it is in")


def test_copies_pass_unchanged_both_ways(lab: Lab) -> None:
    lines = [
        f"{number}\t{hashlib.sha512(str(number).encode()).hexdigest() * 3}\n" for number in range(50_000)
    ]
    contents = "".join(lines).encode()
    with psycopg.connect(lab.uri(lab.main)) as client:
        client.execute("CREATE TABLE copied (id int, body text)")
        with client.cursor().copy("COPY copied FROM STDIN") as copy:
            copy.write(contents)
        with client.cursor().copy("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT") as copy:
            returned = b"".join(copy)
    assert returned == contents


def test_one_message_may_be_very_long(lab: Lab) -> None:
    body = os.urandom(48 * MB)
    with psycopg.connect(lab.uri(lab.main)) as client:
        assert client.execute("SELECT %b", (body,)).fetchone() == (body,)


def test_many_queries_sent_ahead_do_not_block_each_other(lab: Lab) -> None:
    """The client sends without reading, while the server answers at length."""
    with psycopg.connect(lab.uri(lab.main)) as client, client.pipeline():
        cursors = [client.execute("SELECT %s, repeat('y', 100000)", ("x" * 10_000,)) for _ in range(500)]
        assert sum(len(row[0]) + len(row[1]) for cursor in cursors for row in cursor) == 500 * 110_000


def copied_bytes(lab: Lab) -> int | None:
    """How far the one COPY that runs has come."""
    with lab.session(lab.main) as session:
        row = session.execute("SELECT bytes_processed FROM pg_stat_progress_copy").fetchone()
    return row[0] if row is not None else None


def test_a_slow_reader_holds_the_server_back_instead_of_filling_memory(lab: Lab) -> None:
    seen: list[int | None] = []

    def stands_still() -> bool:
        seen.append(copied_bytes(lab))
        return len(seen) >= 10 and len(set(seen[-10:])) == 1

    rows = "SELECT repeat('z', 1000) FROM generate_series(1, 200000)"
    with (
        psycopg.connect(lab.uri(lab.main)) as client,
        client.cursor().copy(f"COPY ({rows}) TO STDOUT") as copy,
    ):
        wait_until(stands_still, "the server waits")
        assert seen[-1] is not None
        assert 0 < seen[-1] < 32 * MB
        assert sum(len(part) for part in copy) == 200_000 * 1001


def test_replication_connections_pass(lab: Lab) -> None:
    with closing(psycopg.connect(lab.uri(lab.main), replication="true", autocommit=True)) as client:
        system = client.pgconn.exec_(b"IDENTIFY_SYSTEM")
        position, timeline = system.get_value(0, 2), system.get_value(0, 1)
        assert position is not None
        assert timeline is not None
        stream = client.pgconn.exec_(b"START_REPLICATION " + position + b" TIMELINE " + timeline)
        assert stream.status == psycopg.pq.ExecStatus.COPY_BOTH
        lab.write(lab.main, "replicated")
        received: list[bytes] = []

        def receive() -> bool:
            client.pgconn.consume_input()
            size, contents = client.pgconn.get_copy_data(1)
            received.extend([bytes(contents[:1])] if size > 0 else [])
            return b"w" in received

        wait_until(receive, "the log streams")


def test_200_clients_that_do_nothing(lab: Lab) -> None:
    uri = lab.uri(lab.main)
    with ThreadPoolExecutor(16) as pool:
        clients = list(pool.map(lambda _: psycopg.connect(uri, autocommit=True), range(CLIENTS)))
        try:
            assert sessions_that(lab, "true") == CLIENTS
            answers = pool.map(lambda client: client.execute("SELECT pg_backend_pid()").fetchone(), clients)
            assert len(set(answers)) == CLIENTS
        finally:
            list(pool.map(lambda client: client.close(), clients))
    wait_until(lambda: sessions_that(lab, "true") == 0, "they are gone")
