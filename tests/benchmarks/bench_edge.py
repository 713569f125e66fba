"""The edge against PostgreSQL's Unix socket, both in one run, with the same client (psycopg).

The peer has no TLS and no password: it is what a client on this machine could have at best. Ratios are
medians of pairs measured one after the other. Run it on an idle machine:

    .venv/bin/python -m tests.benchmarks.bench_edge
"""

import itertools
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from tests.conftest import RunningEngine, engine_on, make_open_folder

ROUNDS = 7
SECONDS = 0.5
CLIENTS = 4
ROWS = 500_000
COMPUTES = 10
LIMITS = {"COPY out": 0.8, "gap": 0.15, "PSS": 10.0}

Json = dict[str, Any]


class Api:
    """The engine's API, as far as a benchmark needs it."""

    def __init__(self, engine: RunningEngine) -> None:
        headers = {"Authorization": f"Bearer {engine.key.reveal()}"}
        self._http = httpx.Client(base_url=engine.host, headers=headers, timeout=60, trust_env=False)
        self._project = f"/projects/{engine.project_id}"

    def get(self, path: str, **query: str) -> Json:
        found: Json = self._http.get(self._project + path, params=query).raise_for_status().json()
        return found

    def post(self, path: str, body: object = None) -> Json:
        """Waits for the operations it starts."""
        answer = self._http.post(self._project + path, json=body)
        assert answer.is_success, answer.text
        done: Json = answer.json()
        for operation in done.get("operations", []):
            while (state := self._operation(operation["id"])["status"]) in ("scheduling", "running"):
                time.sleep(0.002)
            assert state == "finished", self._operation(operation["id"])
        return done

    def _operation(self, identity: str) -> Json:
        found: Json = self._http.get(f"{self._project}/operations/{identity}").json()["operation"]
        return found

    def lineage(self, branch: str) -> Json:
        """Where a branch left its parent."""
        path = f"/warubi{self._project}/branches/{branch}/lineage"
        found: Json = self._http.get(path).raise_for_status().json()["timelines"][0]
        return found

    def uri(self, branch: str) -> str:
        query = {"branch_id": branch, "database_name": "neondb", "role_name": "neondb_owner"}
        return str(self.get("/connection_uri", **query)["uri"])


def fill(uri: str) -> str:
    """Makes the tables; returns the URI of the Unix socket."""
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE big AS SELECT g AS id, repeat(md5(g::text), 3) AS body, now() AS at "
            f"FROM generate_series(1, {ROWS}) g"
        )
        connection.execute("CREATE TABLE copied (LIKE big)")
        connection.execute("ALTER TABLE big ADD PRIMARY KEY (id)")
        connection.execute("VACUUM big")
        row = connection.execute("SHOW unix_socket_directories").fetchone()
    assert row is not None
    return f"postgresql://neondb_owner@/neondb?host={row[0]}"


def round_trips(uri: str) -> float:
    """`SELECT 1` per second, one after the other."""
    with psycopg.connect(uri, autocommit=True) as connection:
        count, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < SECONDS:
            connection.pgconn.exec_(b"SELECT 1")
            count += 1
    return count / seconds


def look_up(uri: str) -> float:
    """One row by its key per second, prepared, one after the other."""
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.pgconn.prepare(b"one", b"SELECT body FROM big WHERE id = $1")
        count, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < SECONDS:
            connection.pgconn.exec_prepared(b"one", [str(count * 7919 % ROWS + 1).encode()])
            count += 1
    return count / seconds


def copy_out(uri: str) -> float:
    """MB/s."""
    with psycopg.connect(uri) as connection, connection.cursor().copy("COPY big TO STDOUT") as copy:
        size, start = 0, time.perf_counter()
        for part in copy:
            size += len(part)
        return size / 1e6 / (time.perf_counter() - start)


def copy_in(uri: str) -> float:
    """MB/s; nothing of it is kept."""
    part = "".join(f"{number}\t{'x' * 96}\t2026-11-22 12:00:00+00\n" for number in range(500)).encode()
    with psycopg.connect(uri) as connection:
        start = time.perf_counter()
        with connection.cursor().copy("COPY copied FROM STDIN") as copy:
            for _ in range(500):
                copy.write(part)
        seconds = time.perf_counter() - start
        connection.rollback()
    return len(part) * 500 / 1e6 / seconds


def connects(uri: str) -> float:
    """New connections per second."""
    start = time.perf_counter()
    for _ in range(20):
        psycopg.connect(uri).close()
    return 20 / (time.perf_counter() - start)


def together(pool: ProcessPoolExecutor) -> Callable[[str], float]:
    """`look_up` by several clients at once, each a process of its own."""
    return lambda uri: sum(pool.map(look_up, [uri] * CLIENTS))


def compare(name: str, unit: str, measure: Callable[[str], float], edge: str, direct: str) -> bool:
    """Prints a line; whether the ratio is within its limit."""
    pairs = [(measure(direct), measure(edge)) for _ in range(ROUNDS)]
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    theirs, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    limit = LIMITS.get(name, 0.0)
    wanted = f" (limit {limit})" if limit else ""
    sys.stdout.write(
        f"{name}: edge {ours:,.0f} {unit}, Unix socket {theirs:,.0f}, ratio {ratio:.2f}{wanted}\n"
    )
    return ratio >= limit


def suspend(api: Api, branch: str) -> None:
    (endpoint,) = api.get(f"/branches/{branch}/endpoints")["endpoints"]
    api.post(f"/endpoints/{endpoint['id']}/suspend")


def wake(api: Api, branch: str) -> float:
    """Seconds from connecting to a suspended compute until the first answer."""
    uri, taken = api.uri(branch), []
    for _ in range(ROUNDS):
        suspend(api, branch)
        start = time.perf_counter()
        with psycopg.connect(uri) as connection:
            connection.execute("SELECT 1")
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def restore_gap(api: Api, branch: str) -> float:
    """The longest time without an answer that a client sees which connects again at once."""
    uri, done, answers = api.uri(branch), threading.Event(), [time.perf_counter()]

    def ask() -> None:
        while not done.is_set():
            try:
                with psycopg.connect(uri, autocommit=True) as connection:
                    while not done.is_set():
                        connection.execute("SELECT 1")
                        answers.append(time.perf_counter())
            except psycopg.OperationalError:
                continue

    client = threading.Thread(target=ask)
    client.start()
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    body = {"source_branch_id": branch, "source_timestamp": moment, "preserve_under_name": f"old {moment}"}
    api.post(f"/branches/{branch}/restore", body)
    done.set()
    client.join()
    return max(later - earlier for earlier, later in itertools.pairwise(answers))


def idle_memory(root: Path) -> tuple[int, float]:
    """How many servers run, and the memory of each, in MB: shared pages are divided among their users."""
    servers, size = 0, 0
    for process in psutil.process_iter():
        try:
            if not process.name().startswith("postgres") or root not in Path(process.cwd()).parents:
                continue
            servers += not psutil.Process(process.ppid()).name().startswith("postgres")
            size += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return servers, size / 1e6 / servers


def main() -> int:
    """Prints the figures; 1 where one is over its limit."""
    folder = make_open_folder()
    try:
        with engine_on(folder / "engine") as engine, ProcessPoolExecutor(CLIENTS) as pool:
            api = Api(engine)
            (main_branch,) = api.get("/branches")["branches"]
            small = api.post(
                "/branches",
                {"branch": {"parent_id": main_branch["id"]}, "endpoints": [{"type": "read_write"}]},
            )
            branch = str(small["branch"]["id"])
            edge = api.uri(main_branch["id"])
            direct = fill(edge)
            good = compare("SELECT 1", "per second", round_trips, edge, direct)
            good &= compare("1 row by key, 1 client", "per second", look_up, edge, direct)
            good &= compare(f"1 row by key, {CLIENTS} clients", "per second", together(pool), edge, direct)
            good &= compare("COPY out", "MB/s", copy_out, edge, direct)
            good &= compare("COPY in", "MB/s", copy_in, edge, direct)
            good &= compare("new connections", "per second", connects, edge, direct)
            sys.stdout.write(f"cold connect with the compute's start: {wake(api, branch):.3f} s\n")
            gap = statistics.median(restore_gap(api, branch) for _ in range(ROUNDS))
            sys.stdout.write(f"gap at a restore in place: {gap:.3f} s (limit {LIMITS['gap']})\n")
            suspend(api, main_branch["id"])  # it has been busy
            for _ in range(COMPUTES - 1):
                api.post(
                    "/branches", {"branch": {"parent_id": branch}, "endpoints": [{"type": "read_write"}]}
                )
            servers, size = idle_memory(folder)
            sys.stdout.write(f"PSS of {servers} idle computes: {size:.1f} MB each (limit {LIMITS['PSS']})\n")
            return 0 if good and gap <= LIMITS["gap"] and size <= LIMITS["PSS"] else 1
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
