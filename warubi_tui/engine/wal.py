"""Reading transactions' ends out of the write-ahead log, with pg_waldump."""

import re
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.programs import child_environment
from warubi_tui.engine.site import Site
from warubi_tui.lsn import Lsn

_ENDING: Final = re.compile(
    r"len \(rec/tot\):\s*\d+/\s*(?P<length>\d+), tx:\s*\d+, lsn: (?P<lsn>\S+), prev \S+, "
    r"desc: (?P<kind>COMMIT|ABORT)(?:_PREPARED)? (?:\S+: )?"
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC"
)
_OVERFLOWED: Final = "; subxid ov"  # "ovf" up to PostgreSQL 15, "overflowed" since
_PAGE: Final = 8192
SEGMENT: Final = 16 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ending:
    """The record that ends a transaction: [start, end) in the log, and its time (µs since the epoch)."""

    start: int
    end: int
    time: int
    committed: bool


def endings(site: Site, sources: Sequence[Path], tli: int, start: int, end: int) -> Generator[Ending]:
    """Every commit and abort in [start, end) of timeline number `tli`, in the order of the log.

    Args:
        sources: folders with segments: the archive, and the live `pg_wal` while there is one.

    Raises:
        ClusterError: the log cannot be read from `start` to `end`: a segment is missing or damaged.
    """
    end = without_bare_header(end)
    if start >= end:
        return
    with tempfile.TemporaryDirectory(prefix="warubi-wal-") as folder:
        hole = _link_segments(sources, tli, start, end, Path(folder))
        if hole is None or start < hole:
            yield from _read(site, Path(folder), tli, start, end if hole is None else hole)
        if hole is not None:
            name = segment_name(tli, hole)
            raise ClusterError(f"segment {name} of the write-ahead log is missing or not whole")


def _read(site: Site, folder: Path, tli: int, start: int, end: int) -> Generator[Ending]:
    with _waldump(site, folder, tli, "Transaction", (start, end)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                if found := _ENDING.search(line):
                    yield _ending(found)
        except GeneratorExit:
            process.kill()
            raise
        message = process.stderr.read().strip()
        if process.wait() != 0:
            raise ClusterError(f"the write-ahead log cannot be read up to {Lsn(end)}: {message}")


def _waldump(
    site: Site, folder: Path, tli: int, manager: str, stretch: tuple[int, int]
) -> subprocess.Popen[str]:
    """Prints the records of one resource manager in a stretch of the log, its end not included."""
    start, end = stretch
    command = [site.programs.path("pg_waldump"), "-t", str(tli), "-p", str(folder), "-r", manager]
    return subprocess.Popen(
        [*command, "-s", str(Lsn(start)), "-e", str(Lsn(end))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd="/",
        env=child_environment(),
    )


def has_usable_snapshot(site: Site, folder: Path, tli: int, start: int, end: int) -> bool:
    """Whether a standby that replays [start, end) learns which transactions are running.

    PostgreSQL lets nobody in before it knows. A note of running transactions tells, unless one of them has
    more subtransactions than the note can hold (procarray.c, ProcArrayApplyRecoveryInfo).

    Args:
        folder: holds the segments, all of timeline number `tli`.
    """
    with _waldump(site, folder, tli, "Standby", (start, without_bare_header(end))) as process:
        assert process.stdout is not None
        found = any("RUNNING_XACTS" in line and _OVERFLOWED not in line for line in process.stdout)
        process.kill()
    return found


def _ending(found: re.Match[str]) -> Ending:
    start = Lsn.parse(found["lsn"])
    end = record_end(start, int(found["length"]))
    return Ending(start, end, _microseconds(found["time"]), found["kind"] == "COMMIT")


def _header_size(page: int) -> int:
    """Bytes of a page's header (xlog_internal.h): long on the first page of a segment."""
    return 40 if page % SEGMENT == 0 else 24


def without_bare_header(end: int) -> int:
    """`end`, or the page's start where nothing but the page's header lies between it and `end`.

    PostgreSQL's reader decodes what its buffer held before, if it is to stop right behind a header; a
    cluster that was stopped ends there whenever its last checkpoint begins a segment.
    """
    page = end - end % _PAGE
    return page if end - page <= _header_size(page) else end


def record_end(start: int, length: int) -> int:
    """Where a record of `length` bytes that begins at `start` ends, rounded up as the next one begins.

    A record that goes over a page's end continues behind the next page's header.
    """
    position, rest = start, length
    while rest > (room := _PAGE - position % _PAGE):
        rest -= room
        position += room
        position += _header_size(position)
    return (position + rest + 7) & ~7


def segment_name(tli: int, lsn: int) -> str:
    """The file that holds this position of a timeline's log."""
    number = lsn // SEGMENT
    per_id = (1 << 32) // SEGMENT
    return f"{tli:08X}{number // per_id:08X}{number % per_id:08X}"


def segment_range(name: str) -> tuple[int, int] | None:
    """The positions [low, high) that a segment's file holds; None where the name is not a segment's."""
    if not re.fullmatch(r"[0-9A-F]{24}", name):
        return None
    low = ((int(name[8:16], 16) << 32) // SEGMENT + int(name[16:], 16)) * SEGMENT
    return low, low + SEGMENT


def _link_segments(sources: Sequence[Path], tli: int, start: int, end: int, folder: Path) -> int | None:
    """Links the segments of [start, end) into `folder`; returns where the first that is nowhere begins."""
    for lsn in range(start - start % SEGMENT, end, SEGMENT):
        name = segment_name(tli, lsn)
        # A live segment can be archived and removed between two looks, so the archive has the last word.
        found = (source / name for source in (*sources, sources[0]) if _is_whole(source / name))
        segment = next(found, None)
        if segment is None:
            return lsn
        (folder / name).symlink_to(segment)
    return None


def _is_whole(segment: Path) -> bool:
    """PostgreSQL refuses a segment of another size; pg_waldump would read its beginning."""
    try:
        return segment.stat().st_size == SEGMENT
    except FileNotFoundError:
        return False


def _microseconds(text: str) -> int:
    delta = datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
