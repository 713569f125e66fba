"""Clients that do all at once what a database sees, and what of it a state shows."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Final

import psycopg

from tests.engine.lab import DATABASE, Lab
from warubi_tui.engine.store import BranchRow

_SCHEMA: Final = """
    CREATE TABLE events (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), kind text, value bigint,
        transaction xid8 DEFAULT pg_current_xact_id()
    );
    CREATE TABLE counter AS SELECT 0 AS ticks;
    CREATE TABLE scratch (id uuid, n int);
    CREATE SEQUENCE numbers;
"""
_STATE: Final = """
    SELECT
        (SELECT json_object_agg(id, json_build_array(kind, value)) FROM events),
        (SELECT ticks FROM counter),
        (SELECT coalesce(array_agg(substr(relname, 6)::bigint), '{}')
         FROM pg_class WHERE relkind = 'r' AND relname LIKE 'made\\_%'),
        (SELECT last_value FROM numbers)
"""


def furnish(session: psycopg.Connection) -> None:
    """Makes the tables."""
    session.execute(_SCHEMA)
    session.execute("INSERT INTO events (kind) VALUES ('plain')")


@dataclass(frozen=True)
class State:
    """What a server shows. Each transaction that committed left events: id → (kind, value)."""

    events: dict[str, tuple[str, int]]
    ticks: int
    made: frozenset[int]
    last_number: int

    def values(self, kind: str) -> list[int]:
        return [value for one, value in self.events.values() if one == kind]

    def assert_consistent(self) -> None:
        """Whatever a transaction did beside its events is there with them, and nothing else is."""
        assert self.ticks == len(self.values("tick"))
        assert self.made == set(self.values("made")) - set(self.values("dropped"))
        assert self.last_number >= max(self.values("number"), default=0)


def read_state(session: psycopg.Connection) -> State:
    """Everything but `scratch`, in one snapshot."""
    row = session.execute(_STATE).fetchone()
    assert row is not None
    events, ticks, made, last_number = row
    return State(
        {identity: (kind, value) for identity, (kind, value) in events.items()},
        ticks,
        frozenset(made),
        last_number,
    )


def read_scratch(session: psycopg.Connection) -> dict[str, int]:
    """Which event filled `scratch` last, and how many rows are there."""
    found = session.execute("SELECT id::text, count(*) FROM scratch GROUP BY id")
    return dict(found.fetchall())


def commit_times(session: psycopg.Connection) -> dict[str, tuple[int, datetime]]:
    """Each event's transaction and the time at which that committed."""
    found = session.execute(
        "SELECT id::text, transaction::text, pg_xact_commit_timestamp(transaction::xid) FROM events"
    )
    return {identity: (int(transaction), time) for identity, transaction, time in found}


class _Client:
    """One client's transactions, each of a random kind."""

    def __init__(self, session: psycopg.Connection, seed: int) -> None:
        self._session = session
        self._choose = random.Random(seed)
        self._mark = f"{seed}_{self._choose.getrandbits(40)}"
        self._numbers = count(1)
        self._prepared: list[str] = []
        self._made: list[int] = []

    def step(self) -> None:
        kinds: dict[Callable[[], None], int] = {
            self._plain: 8,
            self._rolled_back: 2,
            self._savepoints: 2,
            self._two_phases: 2,
            self._tick: 2,
            self._number: 2,
            self._ddl: 1,
            self._truncate: 1,
        }
        self._choose.choices(list(kinds), list(kinds.values()))[0]()

    def end(self) -> None:
        for name in self._prepared:
            self._session.execute(f"COMMIT PREPARED '{name}'")

    def _event(self, kind: str, value: int = 0) -> str:
        row = self._session.execute(
            "INSERT INTO events (kind, value) VALUES (%s, %s) RETURNING id::text", (kind, value)
        ).fetchone()
        assert row is not None
        return str(row[0])

    @contextmanager
    def _brief_transaction(self) -> Iterator[None]:
        """Its exclusive locks are not held for the time that the disk takes."""
        with self._session.transaction():
            self._session.execute("SET LOCAL synchronous_commit = off")
            yield

    def _plain(self) -> None:
        with self._session.transaction():
            for _ in range(self._choose.randrange(1, 4)):
                self._event("plain")

    def _rolled_back(self) -> None:
        with self._session.transaction(force_rollback=True):
            self._event("rolled back")

    def _savepoints(self) -> None:
        with self._session.transaction():
            for number in range(self._choose.randrange(1, 6)):
                with self._session.transaction(force_rollback=number % 2 == 1):
                    self._event("rolled back" if number % 2 else "inner")

    def _two_phases(self) -> None:
        if len(self._prepared) > 1:
            end = self._choose.choice(["COMMIT", "ROLLBACK"])
            self._session.execute(f"{end} PREPARED '{self._prepared.pop(0)}'")
            return
        name = f"{self._mark}_{next(self._numbers)}"
        self._session.execute("BEGIN")
        self._event("prepared")
        self._session.execute(f"PREPARE TRANSACTION '{name}'")
        self._prepared.append(name)

    def _tick(self) -> None:
        with self._session.transaction():
            self._session.execute("UPDATE counter SET ticks = ticks + 1")
            self._event("tick")

    def _ddl(self) -> None:
        with self._brief_transaction():
            if len(self._made) > 3:
                number = self._made.pop(0)
                self._session.execute(f"DROP TABLE made_{number}")
                self._event("dropped", number)
            else:
                number = self._choose.getrandbits(40)
                self._session.execute(f"CREATE TABLE made_{number} AS SELECT 1 AS one")
                self._event("made", number)
                self._made.append(number)

    def _number(self) -> None:
        with self._session.transaction():
            row = self._session.execute("SELECT nextval('numbers')").fetchone()
            assert row is not None
            self._event("number", row[0])

    def _truncate(self) -> None:
        rows = self._choose.randrange(1, 50)
        with self._brief_transaction():
            self._session.execute("TRUNCATE scratch")
            identity = self._event("scratch", rows)
            self._session.execute("INSERT INTO scratch SELECT %s, generate_series(1, %s)", (identity, rows))


@contextmanager
def clients(lab: Lab, branch: BranchRow, number: int, *, seed: int) -> Iterator[None]:
    """Clients work on a branch during the block; every second one does not wait for the disk."""
    done = threading.Event()
    failures: list[BaseException] = []

    def work(which: int) -> None:
        try:
            with lab.engine.servers.session(branch.timeline, DATABASE) as session:
                if which % 2:
                    session.execute("SET synchronous_commit = off")
                client = _Client(session, seed * 100 + which)
                while not done.is_set():
                    client.step()
                client.end()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
