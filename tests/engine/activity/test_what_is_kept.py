"""What was read of the log is kept, and is as right as reading it again."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.engine.activity.telling import EVER, later, told, totals, transaction, transactions
from tests.engine.lab import Lab, wait_until
from warubi_tui.engine.activity.chronicle import Chronicle, Transaction
from warubi_tui.engine.activity.codec import decode
from warubi_tui.engine.activity.judging import Deeds
from warubi_tui.engine.activity.pages import SEGMENT
from warubi_tui.engine.clock import to_microseconds
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import BranchRow, RelationRow
from warubi_tui.lsn import Lsn


@pytest.fixture
def branch(lab: Lab) -> BranchRow:
    branch = lab.create(lab.main, compute=True)
    with lab.session(branch) as session:
        session.execute("CREATE TABLE item (id int, body text)")
    return branch


def fill_segments(session: psycopg.Connection, number: int) -> None:
    """Rows in each of so many segments."""
    for _ in range(number):
        session.execute("INSERT INTO item SELECT g, 'x' FROM generate_series(1, 50) g")
        session.execute("SELECT pg_switch_wal()")


def kept(lab: Lab, branch: BranchRow) -> list[Path]:
    return sorted((lab.engine.site.timeline(branch.timeline) / "activity").iterdir())


def begin_anew(lab: Lab) -> Chronicle:
    """As after a restart of the engine: what was in memory is gone."""
    lab.engine.chronicle = Chronicle(lab.engine.site, lab.engine.store)
    return lab.engine.chronicle


def test_the_same_hours_are_read_once(lab: Lab, branch: BranchRow) -> None:
    with lab.session(branch) as session:
        fill_segments(session, 3)
    whole = totals(lab, branch)
    assert whole["public.item"] == {"inserts": 150, "ddl": 1}
    read = lab.engine.chronicle.index.bytes_read[branch.timeline]
    assert [totals(lab, branch, buckets=number) for number in (1, 3, 50)] == [whole] * 3
    asking = lab.engine.chronicle.index.bytes_read[branch.timeline] - read
    assert asking < 10_000, "each question flushes the log by a message in it, and that alone is read"


def test_after_a_restart_finished_segments_are_not_read_again(lab: Lab, branch: BranchRow) -> None:
    with lab.session(branch) as session:
        fill_segments(session, 3)
        session.execute("INSERT INTO item VALUES (1, 'in the segment that is being written')")
    before = transactions(lab, branch)
    anew = begin_anew(lab)
    assert transactions(lab, branch) == before
    assert anew.index.bytes_read[branch.timeline] < 1 << 20


def test_a_damaged_file_is_made_anew(lab: Lab, branch: BranchRow) -> None:
    with lab.session(branch) as session:
        fill_segments(session, 3)
    before = transactions(lab, branch)
    files = kept(lab, branch)
    files[0].write_bytes(files[0].read_bytes()[:-10])
    files[1].write_bytes(b"")
    data = bytearray(files[2].read_bytes())
    data[-1] ^= 1
    files[2].write_bytes(data)
    begin_anew(lab)
    assert transactions(lab, branch) == before


def test_files_go_with_their_segments(lab: Lab, branch: BranchRow) -> None:
    with lab.session(branch) as session:
        fill_segments(session, 3)
    totals(lab, branch)
    first, *others = kept(lab, branch)
    archive = lab.engine.site.wal(branch.timeline)
    wait_until(lambda: len(list(archive.glob("0000*"))) >= 3, "segments are archived")
    for segment in [*archive.glob("*01"), *archive.glob("*02")]:
        if int(segment.name[16:], 16) << 24 == int(first.name, 16):
            segment.unlink()
    live = (
        lab.engine.site.data(branch.timeline) / "pg_wal" / f"00000002{0:08X}{int(first.name, 16) >> 24:08X}"
    )
    live.unlink(missing_ok=True)
    begin_anew(lab)
    with pytest.raises(ApiError, match="missing"):
        totals(lab, branch)
    assert not first.exists()
    assert all(file.exists() for file in others)


def test_a_removed_timeline_leaves_nothing(lab: Lab, branch: BranchRow) -> None:
    with lab.session(branch) as session:
        fill_segments(session, 1)
    totals(lab, branch)
    deleted = lab.engine.delete_branch(branch.id, hard=True)
    assert deleted is not None
    lab.finish(deleted[1])
    with lab.engine.store.transaction() as tx:
        assert tx.all(RelationRow, timeline=branch.timeline) == []
    assert not lab.engine.site.timeline(branch.timeline).exists()


def test_transactions_that_are_open_while_one_looks(lab: Lab, branch: BranchRow) -> None:
    """What they did before and after the look, and before and after a segment's end, is told together."""
    with lab.session(branch) as one, lab.session(branch) as other, lab.session(branch) as third:
        with transaction(one) as first, transaction(other) as second:
            for number in range(3):
                one.execute("INSERT INTO item VALUES (1)")
                other.execute("SAVEPOINT s")
                other.execute("INSERT INTO item VALUES (2)")
                other.execute("RELEASE s")
                assert "inserts" not in totals(lab, branch)["public.item"]
                if number == 1:
                    third.execute("SELECT pg_switch_wal()")
        totals(lab, branch)
        with transaction(third) as last:
            third.execute("INSERT INTO item VALUES (3), (4)")
    found = {one.xid: told(one.deeds) for one in transactions(lab, branch)}
    assert found[first] == found[second] == {"public.item": {"inserts": 3}}
    assert found[last] == {"public.item": {"inserts": 2}}


def test_records_that_lie_in_two_segments(lab: Lab, branch: BranchRow) -> None:
    """Small transactions over the ends of segments: whichever record is cut there, none is lost."""
    written = 0
    with lab.session(branch) as session:
        for turn in range(5):
            row = session.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
            assert row is not None
            room = -int(row[0]) % SEGMENT
            session.execute("SELECT pg_logical_emit_message(false, '', repeat('x', %s))", (room - 60_000,))
            for number in range(400):
                session.execute("INSERT INTO item VALUES (1, repeat('x', %s))", (number % 90 + 7 * turn,))
                written += 1
    assert len(transactions(lab, branch, table="item")) == written + 1
    assert totals(lab, branch)["public.item"]["inserts"] == written
    assert len(kept(lab, branch)) >= 5


def test_transactions_that_a_crash_ended_are_forgotten(lab: Lab, branch: BranchRow) -> None:
    with suppress(psycopg.OperationalError), lab.session(branch) as session:
        session.execute("BEGIN")
        session.execute("INSERT INTO item SELECT g FROM generate_series(1, 1000) g")
        with lab.session(branch) as other:
            other.execute("INSERT INTO item VALUES (0)")
        assert totals(lab, branch)["public.item"]["inserts"] == 1
        pid = lab.engine.servers.pid(branch.timeline)
        assert pid is not None
        for process in [psutil.Process(pid), *psutil.Process(pid).children()]:
            os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: lab.engine.servers.pid(branch.timeline) is None, "the server is gone")
        lab.engine.servers.start(branch.timeline)
    with lab.session(branch) as session:
        session.execute("CHECKPOINT")
        session.execute("INSERT INTO item VALUES (1)")
        session.execute("SELECT pg_switch_wal()")
    assert totals(lab, branch)["public.item"]["inserts"] == 2
    assert decode(kept(lab, branch)[-1].read_bytes()).open.xids() == set()


def test_the_history_goes_on_in_the_parent(lab: Lab, branch: BranchRow) -> None:
    """What the parent did before the fork is told; what it did later is not."""
    with lab.session(branch) as session:
        fill_segments(session, 2)
    child = lab.create(branch, compute=True)
    with lab.session(branch) as session:
        session.execute("INSERT INTO item VALUES (1)")
    with lab.session(child) as session:
        session.execute("DELETE FROM item WHERE id <= 10")
    grandchild = lab.create(child, compute=True)
    assert totals(lab, branch)["public.item"] == {"inserts": 101, "ddl": 1}
    for one in (child, grandchild):
        assert totals(lab, one)["public.item"] == {"inserts": 100, "deletes": 20, "ddl": 1}
        assert totals(lab, one, buckets=200)["public.item"] == totals(lab, one)["public.item"]
    read = dict(lab.engine.chronicle.index.bytes_read)
    totals(lab, lab.create(child))
    assert lab.engine.chronicle.index.bytes_read[branch.timeline] == read[branch.timeline]


def test_names_that_were_never_seen_are_asked_of_the_past(lab: Lab, branch: BranchRow) -> None:
    with lab.session(branch) as session:
        session.execute("CREATE TABLE gone AS SELECT 1 AS id")
        session.execute("SELECT pg_switch_wal()")
        totals(lab, branch)
        session.execute("INSERT INTO gone VALUES (2), (3)")
        session.execute("DROP TABLE gone")
    with lab.engine.store.transaction() as tx:
        tx.delete(RelationRow, timeline=branch.timeline)
    begin_anew(lab)
    assert "public.gone" not in totals(lab, branch)
    found = [told(one.deeds) for one in transactions(lab, branch)]
    assert found[-2:] == [{"public.gone": {"inserts": 2}}, {"public.gone": {"drops": 1}}]
    assert totals(lab, branch)["public.gone"]["drops"] == 1


def test_buckets_are_by_the_time_of_the_commit(lab: Lab, branch: BranchRow) -> None:
    (time,) = lab.write(branch, "one")
    micro = to_microseconds(time)
    found = lab.engine.activity(branch.id, start=time.replace(microsecond=0), end=later(), buckets=2000)
    assert [(one.start <= micro < one.end) for one in found if inserts(one.deeds)] == [True]
    assert [one.start for one in found[1:]] == [one.end for one in found[:-1]]
    (from_then_on,) = lab.engine.activity(branch.id, start=time, end=later(), buckets=1)
    (until_then,) = lab.engine.activity(branch.id, start=EVER, end=time, buckets=1)
    assert (inserts(from_then_on.deeds), inserts(until_then.deeds)) == (1, 0)


def inserts(deeds: Deeds) -> int:
    return told(deeds).get("public.log", {}).get("inserts", 0)


def test_many_segments_are_read_by_several_processes(
    lab: Lab, branch: BranchRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab.session(branch) as session:
        fill_segments(session, 6)
    expected = totals(lab, branch)
    for file in kept(lab, branch):
        file.unlink()
    begin_anew(lab)
    monkeypatch.setattr("warubi_tui.engine.activity.workers._SMALL", 1 << 40)
    assert totals(lab, branch) == expected


def test_a_page_and_the_next(lab: Lab, branch: BranchRow) -> None:
    with lab.session(branch) as session:
        fill_segments(session, 5)
    everything = transactions(lab, branch, table="item")
    found: list[Transaction] = []
    more = True
    while more:
        after = Lsn(found[-1].lsn) if found else None
        page = lab.engine.transactions(
            branch.id, start=EVER, end=later(), table="public.item", after=after, limit=2
        )
        found += page.transactions
        more = page.more
    assert found == everything
    assert len(found) == 6
