"""The demo from the command line, as a person runs it."""

import asyncio
import fcntl
import json
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import pytest

from warubi_tui.config import Target
from warubi_tui.demo import command
from warubi_tui.demo.command import Business, briefing, business_of, shop_uri
from warubi_tui.demo.home import DemoNotes, demo_engine, read_notes, throw_away, write_notes
from warubi_tui.demo.shop import cause_accident, changed_tables, create_shop, harm_of
from warubi_tui.demo.story import Outcome
from warubi_tui.demo.writer import Writer
from warubi_tui.errors import RefusedError
from warubi_tui.recovery.verify import TableDigest, database_digests
from warubi_tui.secret import Secret


def demo(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "warubi_tui", "demo", "--dir", str(root), *options],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def await_end(root: Path) -> None:
    """Until the engine of a demo that nobody uses any more has ended: it holds its lock until then."""
    with (root / "engine.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


def servers_below(root: Path) -> list[int]:
    """PostgreSQL processes that work below a directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and Path(process.cwd()).is_relative_to(root):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_headless_recovers_and_proves_it(open_folder: Path) -> None:
    done = demo(open_folder / "demo", "--json")
    assert done.returncode == 0, done.stderr
    assert "no terminal here" in done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["passed"] is True
    assert set(outcome["equal"].values()) == {True}
    lost = {table["table"]: (table["removed"], table["changed"]) for table in outcome["tables"]}
    assert lost["customers"] == (266, 0)
    assert lost["addresses"] == (266, 0)
    assert lost["products"] == (0, 120)
    assert lost["orders"][0] >= 798
    assert lost["order_lines"][0] >= 1596
    assert "proved: all 8 tables" in done.stderr
    assert "npg_" not in done.stdout + done.stderr
    assert (open_folder / "demo" / "api.key").read_text().strip() not in done.stdout + done.stderr

    again = demo(open_folder / "demo", "--headless")
    assert again.returncode == 0, again.stderr
    await_end(open_folder / "demo")
    assert servers_below(open_folder) == []


def test_the_accident_is_told_from_the_state_before(open_folder: Path) -> None:
    root = open_folder / "demo"
    with demo_engine(root, lambda: None) as target:
        uri = asyncio.run(shop_uri(target))
        assert create_shop(uri)
        assert not create_shop(uri)
        assert harm_of(uri) == []
        before = asyncio.run(database_digests(uri))
        accident = cause_accident(uri)
        after = asyncio.run(database_digests(uri))
        assert changed_tables(before, accident.before) == dict.fromkeys(changed_tables(before, before), False)
        changed = changed_tables(accident.before, after)
        assert changed["public.customers"]
        assert changed["public.products"]
        assert not changed["public.stock_movements"]
        assert harm_of(uri) == ["every third customer cannot log in", "everything costs 99 cents"]

        with psycopg.connect(uri.reveal(), autocommit=True) as connection:
            count = "SELECT count(*) FROM stock_movements"
            with Writer(uri):
                start = connection.execute(count).fetchone()
                while connection.execute(count).fetchone() == start:
                    connection.execute("SELECT pg_sleep(0.05)")
            sellers = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shop'"
            assert connection.execute(sellers).fetchone() == (0,)

        with pytest.raises(RefusedError, match="in use"):
            throw_away(root)
    await_end(root)
    throw_away(root)
    assert not root.exists()


def test_foreign_directories_are_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.tex"
    precious.write_text("years of work")
    assert demo(tmp_path, "--reset", "--headless").returncode == 3
    assert precious.read_text() == "years of work"


def test_nothing_read_is_not_proved() -> None:
    digest = TableDigest(("id integer",), 1, ("1", "2"))
    assert not Outcome().passed
    assert Outcome(equal={"public.a": True}).passed
    assert not Outcome(equal={"public.a": True, "public.b": False}).passed
    assert changed_tables({("public", "a"): digest}, {}) == {"public.a": True}


def test_notes_survive_and_damaged_ones_are_none(tmp_path: Path) -> None:
    assert read_notes(tmp_path) == DemoNotes(None)
    write_notes(tmp_path, DemoNotes(None, ("DELETE FROM customers",)))
    assert read_notes(tmp_path).statements == ("DELETE FROM customers",)
    (tmp_path / "demo.json").write_text("{")
    assert read_notes(tmp_path) == DemoNotes(None)


def test_a_default_branch_that_cannot_sell_does_not_keep_the_console_shut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(_target: Target) -> Secret:
        raise RefusedError("The server did not read it.", "the branch has no compute endpoint")

    monkeypatch.setattr(command, "shop_uri", refuse)
    business = business_of(Target("http://127.0.0.1:1/api/v2", Secret("k"), None, "demo", "demo"))
    assert "the branch has no compute endpoint" in business.words
    assert not isinstance(business.sales, Writer)
    assert business.harm is None


@pytest.mark.parametrize(
    ("harm", "title", "said"),
    [
        (["every third customer cannot log in", "everything costs 99 cents"], "on call", "99 cents"),
        ([], "repaired", "the customers are back"),
        (None, "on call", "cannot be seen"),
    ],
)
def test_the_briefing_says_what_is_left_of_the_harm(harm: list[str] | None, title: str, said: str) -> None:
    notes = DemoNotes(datetime(2026, 11, 22, 14, 5, tzinfo=UTC), ("DELETE FROM customers",))
    notice = briefing(notes, Business("Sales go on.", nullcontext(), harm), UTC)
    text = "\n".join(notice.lines)
    assert title in notice.title
    assert said in text
    assert ("99 cents" in text) == bool(harm)
    assert text.count("2026-11-22") == 1
