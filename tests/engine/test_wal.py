"""Positions in the log, compared with what PostgreSQL's own reader says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.lab import Lab
from tests.engine.log_records import transaction_ends
from warubi_tui.engine.clock import to_microseconds
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.wal import endings, record_end, segment_name, without_bare_header
from warubi_tui.lsn import Lsn

PAGE, SEGMENT = 8192, 16 << 20


def test_ends_of_records_are_where_postgresql_goes_on(lab: Lab) -> None:
    """Short and long records, over ends of pages and of a segment."""
    branch = lab.create(lab.main, compute=True)
    with lab.session(branch) as session:
        session.execute("CREATE EXTENSION pg_walinspect")
        start = session.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        assert start is not None
        session.execute("CREATE TABLE log (note text STORAGE EXTERNAL)")
        for size in (1, 100, 1500, 7000):
            for _ in range(20):
                session.execute("INSERT INTO log VALUES (repeat('x', %s))", (size,))
        session.execute("BEGIN")
        session.execute("INSERT INTO log SELECT repeat('y', 7000) FROM generate_series(1, 2600)")
        session.execute("ROLLBACK")
        session.execute("INSERT INTO log VALUES ('this flushes everything before it')")
        records = session.execute(
            "SELECT start_lsn - '0/0'::pg_lsn, end_lsn - '0/0'::pg_lsn, record_length"
            " FROM pg_get_wal_records_info(%s, pg_current_wal_flush_lsn()) WHERE record_type <> 'SWITCH'",
            start,
        ).fetchall()
        ends = transaction_ends(session, start[0])
    crossing = [row for row in records if int(row[0]) // PAGE != (int(row[1]) - 1) // PAGE]
    assert len(crossing) > 500
    assert any(int(row[0]) // SEGMENT != (int(row[1]) - 1) // SEGMENT for row in records)
    assert [record_end(int(first), length) for first, _, length in records] == [
        int(end) for _, end, _ in records
    ]
    site = lab.engine.site
    sources = [site.wal(branch.timeline), site.data(branch.timeline) / "pg_wal"]
    found = list(endings(site, sources, 2, Lsn.parse(start[0]), ends[-1].end))
    assert [(one.start, one.end, one.time, one.committed) for one in found] == [
        (one.start, one.end, to_microseconds(one.time), one.committed) for one in ends
    ]


def _walk(start: int, length: int) -> int:
    """The end of a record, byte by byte."""
    position = start
    for _ in range(length):
        if position % SEGMENT == 0:
            position += 40
        elif position % PAGE == 0:
            position += 24
        position += 1
    return position + -position % 8


@given(
    page=st.integers(0, 4096),
    offset=st.integers(5, PAGE // 8 - 1),
    length=st.integers(24, 3 * PAGE),
)
def test_a_record_goes_on_behind_the_headers_of_pages(page: int, offset: int, length: int) -> None:
    start = page * PAGE + offset * 8
    assert record_end(start, length) == _walk(start, length)


@given(segment=st.integers(0, 4), page=st.integers(0, 2), header=st.integers(0, 48))
def test_an_end_right_behind_a_header_is_the_pages_start(segment: int, page: int, header: int) -> None:
    start = segment * SEGMENT + page * PAGE
    bare = header <= (40 if page == 0 else 24)
    assert without_bare_header(start + header) == (start if bare else start + header)


def test_names_of_segments_are_postgresqls(lab: Lab) -> None:
    with lab.session(lab.main) as session:
        for lsn in (0x1000000, 0xFFFFFFFF, 0x1_0000_0000, 0x12_34567890):
            row = session.execute("SELECT pg_walfile_name(%s::pg_lsn)", (str(Lsn(lsn)),)).fetchone()
            assert row == (segment_name(1, lsn),)


def test_what_comes_before_a_hole_is_read_and_the_hole_is_named(lab: Lab, tmp_path: Path) -> None:
    branch = lab.create(lab.main, compute=True)
    lab.write(branch, "before the hole")
    with lab.session(branch) as session:
        session.execute("SELECT pg_switch_wal()")
    lab.write(branch, "behind the hole")
    window = lab.engine.window(branch.id)
    site = lab.engine.site
    fork = branch.parent_lsn
    assert fork is not None
    sources = [site.wal(branch.timeline), site.data(branch.timeline) / "pg_wal"]
    whole = list(endings(site, sources, 2, fork, window.end_lsn))
    first, last = (Path(segment_name(2, one.start)) for one in (whole[0], whole[-1]))
    assert first != last
    for source in sources:
        for file in source.glob("00000002????????????????"):
            if file.name < last.name and not (tmp_path / file.name).exists():
                (tmp_path / file.name).symlink_to(file)
    reading = endings(site, [tmp_path], 2, fork, window.end_lsn)
    before = [one for one in whole if segment_name(2, one.start) < last.name]
    assert [next(reading) for _ in before] == before
    with pytest.raises(ClusterError, match=f"{last.name} .* missing"):
        next(reading)
