"""A timeline's past: its own log, then its parent's up to the fork, and so on to the root."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warubi_tui.engine.clusters import ClusterError, read_control
from warubi_tui.engine.servers import Servers, answering
from warubi_tui.engine.site import Site
from warubi_tui.engine.store import BaseRow, GapRow, TimelineRow, Transaction
from warubi_tui.lsn import Lsn


@dataclass(frozen=True)
class Span:
    """The part of a history that lies on one timeline: [low, high), and the bases one can replay it from."""

    timeline: TimelineRow
    low: int
    high: int
    bases: tuple[BaseRow, ...]

    def sources(self, site: Site) -> list[Path]:
        """Folders that hold this timeline's WAL segments."""
        return [site.wal(self.timeline.id), site.data(self.timeline.id) / "pg_wal"]


def trace(tx: Transaction, timeline: str, end: int) -> list[Span]:
    """The spans of a timeline's history that ends at `end`, newest first.

    It goes back to the root, or to the first base behind a gap: what lies before that was let go.
    """
    spans: list[Span] = []
    current: str | None = timeline
    high = end
    while current is not None:
        row = tx.one(TimelineRow, id=current)
        assert row is not None
        gaps = [gap.high for gap in tx.all(GapRow, timeline=current) if gap.low < high]
        floor = max(gaps, default=0)
        known = tx.all(BaseRow, timeline=current)
        found = [base for base in known if floor <= base.start_lsn and base.end_lsn <= high]
        bases = tuple(sorted(found, key=lambda base: base.end_lsn))
        low = bases[0].end_lsn if gaps or row.fork_lsn is None else row.fork_lsn
        spans.append(Span(row, low, high, bases))
        current, high = None if gaps else row.parent, low
    return spans


def find_end(site: Site, servers: Servers, timeline: str) -> int:
    """Where a timeline's log ends now, with everything acknowledged so far on disk.

    A cluster that crashed is started once, so that PostgreSQL itself decides where its log ends. A server
    that runs and cannot be reached any more is started anew.

    Raises:
        ClusterError, ServerError, OSError: the cluster is damaged.
        psycopg.Error: its server does not answer.
    """
    with servers.held(timeline):
        if servers.pid(timeline) is not None:
            servers.start(timeline)
            return _flush(site, servers, timeline)
        control = read_control(site, site.data(timeline))
        if control.shut_down:
            return control.checkpoint_lsn
        servers.start(timeline)
        try:
            return _flush(site, servers, timeline)
        finally:
            servers.stop(timeline)


def _flush(site: Site, servers: Servers, timeline: str) -> int:
    """Flushes what is in memory, commits with `synchronous_commit=off` too, by a message in the log."""
    flushing = "false, 'warubi', '', true" if site.programs.major >= 17 else "true, 'warubi', ''"
    with servers.session(timeline) as session, answering(session):
        session.execute(f"SELECT pg_logical_emit_message({flushing})")
        row = session.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
    if row is None:
        raise ClusterError("the server does not say where its log ends")
    return Lsn.parse(row[0])


def restore_command(site: Site, spans: Sequence[Span], *, link: bool = True) -> str:
    """Fetches a WAL file for recovery from anywhere in a lineage.

    Archived segments are linked, for recovery never writes to them; not so for a standby that also receives
    the log and writes it. Those of a live server are copied, because they are still being written.
    """
    fetch = "ln -sf" if link else "cp"
    tries = []
    for span in spans:
        archived = _quoted(site.wal(span.timeline.id))
        tries.append(f'(test -f {archived}/%f && {fetch} {archived}/%f "%p")')
    for span in spans:
        live = _quoted(site.data(span.timeline.id) / "pg_wal")
        tries.append(f'(test -f {live}/%f && cp {live}/%f "%p")')
    return " || ".join(tries)


def _quoted(folder: Path) -> str:
    return shlex.quote(str(folder).replace("%", "%%"))
