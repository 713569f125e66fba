"""What the engine's read-only servers have in common."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from warubi_tui.engine.account import Account
from warubi_tui.engine.clusters import standby_floors
from warubi_tui.engine.copying import refresh_tree
from warubi_tui.engine.lineage import Span
from warubi_tui.engine.servers import ServerError, Servers
from warubi_tui.engine.site import Site
from warubi_tui.engine.store import BaseRow
from warubi_tui.lsn import Lsn

_PATIENCE_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.0005


@dataclass(frozen=True)
class ReadOnlyServer:
    """A server that refuses writing: the folder of its Unix socket, the port in the socket's name, its state.

    `lsn` is the position that names the state it shows.
    """

    socket: Path
    port: int
    lsn: int


def standby_settings(site: Site, base: BaseRow, spans: Sequence[Span]) -> dict[str, str]:
    """Settings of every standby that starts from `base` and replays this history.

    Limits are those the base and the newest timeline of the history were run with, whichever is higher.

    Raises:
        ClusterError: a control file is damaged.
    """
    newest = spans[0].timeline
    clusters = [site.bases(base.timeline) / base.id]
    if site.data(newest.id).exists():
        clusters.append(site.data(newest.id))
    floors: dict[str, int] = {}
    for cluster in clusters:
        for name, value in standby_floors(site, cluster).items():
            floors[name] = max(value, floors.get(name, 0))
    return {name: str(value) for name, value in floors.items()} | {
        "archive_mode": "off",
        "autovacuum": "off",
        "fsync": "off",
        "hot_standby": "on",
        "recovery_target_timeline": str(newest.tli),
    }


def await_replay(session: psycopg.Connection, lsn: int) -> None:
    """Returns when a standby has replayed everything before `lsn`.

    Raises:
        ServerError: it stands still on the way.
        psycopg.Error: it is gone.
    """
    seen, deadline = -1, 0.0
    while (replayed := _replayed(session)) < lsn:
        now = time.monotonic()
        if replayed != seen:
            seen, deadline = replayed, now + _PATIENCE_SECONDS
        elif now > deadline:
            raise ServerError(f"replay stands at {Lsn(replayed)} and does not reach {Lsn(lsn)}")
        time.sleep(_POLL_SECONDS)


def _replayed(session: psycopg.Connection) -> int:
    row = session.execute("SELECT pg_last_wal_replay_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])


def fill_place(site: Site, home: Site, identity: str, base: BaseRow, mark: str) -> None:
    """Puts a copy of a base where a read-only server is to run, in the place of what was there.

    Args:
        mark: the file by which PostgreSQL is told what to do with it (`standby.signal`).
    """
    site.account.make_folder(home.timeline(identity))
    data = home.data(identity)
    refresh_tree(site.bases(base.timeline) / base.id, data, site.account)
    make_signal(data / mark, site.account)


def make_signal(path: Path, account: Account) -> None:
    """Makes an empty file that PostgreSQL looks for."""
    path.touch(mode=0o600)
    account.own(path)


def remove_place(servers: Servers, home: Site, identity: str) -> None:
    """Ends the read-only server that runs there, and removes its files."""
    servers.kill(identity)
    for folder in (home.timeline(identity), home.socket(identity)):
        if folder.exists():
            shutil.rmtree(folder)
