"""Incidents on disk."""

import json
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warubi_tui import paths
from warubi_tui.errors import RefusedError, WarubiError
from warubi_tui.recovery.check import CHECK_STATES, Check, worst
from warubi_tui.recovery.incident import Incident, LogEntry, MalformedIncidentError, StepRecord
from warubi_tui.recovery.incident_store import IncidentStore

NOW = datetime(2026, 11, 22, 14, 7, 58, 123456, tzinfo=UTC)
HOSTILE = "[/] [@click=app.quit]x[/] \x1b]2;x\x1b\\ \x00 \u202e \ud800 é"


def incident(now: datetime = NOW) -> Incident:
    return Incident.begin(
        "deletion",
        host="https://neon.test",
        project_id="prj",
        branch_id="br-main",
        branch_name="main",
        now=now,
    )


def test_incident_survives_with_everything_in_it(tmp_path: Path) -> None:
    store, one = IncidentStore(tmp_path), incident()
    one.records["copy"] = StepRecord(
        "held", HOSTILE, [Check("Connection", "unknown", HOSTILE, NOW)], {"copy_name": HOSTILE}, "why"
    )
    one.note(NOW, "copy", HOSTILE)
    one.closed_at = NOW
    store.save(one)
    assert store.load(one.id) == one
    assert store.list() == ([one], [])


def test_files_are_private_and_lie_in_the_state_directory() -> None:
    store, one = IncidentStore(), incident()
    store.save(one)
    path = paths.state_dir() / "incidents" / f"{one.id}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_newest_comes_first(tmp_path: Path) -> None:
    store = IncidentStore(tmp_path)
    older, newer = incident(NOW - timedelta(days=1)), incident(NOW)
    store.save(newer)
    store.save(older)
    assert [one.id for one in store.list()[0]] == [newer.id, older.id]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"format": 2}',
        b"\xff\xfe\x00",
        b'{"format": 1, "records": {}, "log": [], "revision": 1}',
        b"[" * 100_000,
    ],
)
def test_unreadable_file_is_named_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    store, good = IncidentStore(tmp_path), incident()
    store.save(good)
    bad = tmp_path / "20260101T000000-aaaaaa.json"
    bad.write_bytes(content)
    found, unreadable = store.list()
    assert found == [good]
    assert [one.path for one in unreadable] == [bad]
    assert unreadable[0].reason
    with pytest.raises(WarubiError, match="left as it is") as caught:
        store.load(bad.stem)
    assert str(bad) in str(caught.value)
    assert bad.read_bytes() == content


def test_incident_over_an_unreadable_file_is_not_saved(tmp_path: Path) -> None:
    store, one = IncidentStore(tmp_path), incident()
    store.save(one)
    path = tmp_path / f"{one.id}.json"
    path.write_text("torn")
    with pytest.raises(WarubiError, match="left as it is"):
        store.save(one)
    assert path.read_text() == "torn"


def test_stale_incident_does_not_overwrite_a_newer_one(tmp_path: Path) -> None:
    store, one = IncidentStore(tmp_path), incident()
    store.save(one)
    other = store.load(one.id)
    other.note(NOW, "copy", "from the other console")
    store.save(other)
    with pytest.raises(RefusedError, match="Another console"):
        store.save(one)
    assert store.load(one.id) == other


def test_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WarubiError, match="nothing is done"):
        IncidentStore(tmp_path / "file" / "incidents").save(incident())


def test_times_come_back_in_utc() -> None:
    data = incident().to_json() | {
        "created_at": NOW.astimezone(timezone(timedelta(hours=5, minutes=45))).isoformat()
    }
    assert Incident.from_json(data).created_at == NOW
    assert Incident.from_json(data).created_at.tzinfo == UTC
    with pytest.raises(MalformedIncidentError, match="zone"):
        Incident.from_json(data | {"created_at": "2026-11-22T14:07:58"})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(key=st.sampled_from(sorted(incident().to_json())), value=json_values)
def test_field_of_another_kind_is_malformed_or_harmless(key: str, value: object) -> None:
    data = incident().to_json() | {key: value}
    try:
        read = Incident.from_json(data)
    except MalformedIncidentError:
        return
    assert Incident.from_json(json.loads(json.dumps(read.to_json()))) == read


def test_log_entries_are_plain() -> None:
    one = incident()
    one.note(NOW, "copy", "text")
    assert one.log == [LogEntry(NOW, "copy", "text")]


@pytest.mark.parametrize("state", CHECK_STATES)
def test_the_worst_check_speaks_for_all(state: str) -> None:
    checks = [Check("one", "pass", "", NOW), *(Check(s, s, "", NOW) for s in CHECK_STATES if s == state)]
    assert worst(checks) == state


def test_no_check_is_not_a_pass() -> None:
    assert worst([]) == "unknown"
    assert worst([Check("a", "warn", "", NOW), Check("b", "unknown", "", NOW)]) == "unknown"
