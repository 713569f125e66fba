import json
import stat
import uuid
from pathlib import Path

import psycopg
import pytest

from tests.commands.conftest import Warubi
from tests.commands.neon_server import NeonServer
from tests.conftest import ThrowawayPostgres
from tests.neon.wire import branch_json

THEN = """
CREATE TABLE customers (id int PRIMARY KEY, name text, note text);
INSERT INTO customers VALUES (1, 'Ann', NULL), (2, 'Bob', ''), (3, E'C\\x1b[31m', 'x');
CREATE TABLE audit (line text);
INSERT INTO audit VALUES ('a'), ('a');
"""
NOW = """
DELETE FROM customers WHERE id = 1;
UPDATE customers SET note = NULL WHERE id = 2;
INSERT INTO customers VALUES (4, 'Dan', 'new');
ALTER TABLE audit ADD COLUMN extra int;
"""


@pytest.fixture
def sides(neon: NeonServer, postgres: ThrowawayPostgres) -> NeonServer:
    """`main` is the hurt database; a preview of its past is the healthy one."""
    then, now = (postgres.create_database() for _ in range(2))
    for uri, script in ((then, THEN), (now, THEN + NOW)):
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(script)
    neon.uris = {"preview": then, "br-main-1": now}
    return neon


def test_a_branch_with_its_past(sides: NeonServer, warubi: Warubi) -> None:
    ended = warubi("diff", "main@-15m", "main", "--json")
    assert ended.code == 1, ended.err
    data = json.loads(ended.out)
    assert (data["then"], data["now"]) == ("main@-15m", "main")
    customers = next(one for one in data["tables"] if one["table"] == "customers")
    assert (customers["removed"], customers["added"], customers["changed"]) == (1, 1, 1)
    assert customers["key"] == ["id"]
    assert {"schema", "not_compared", "method", "seconds"} <= set(customers)
    assert any(change["column"] == "extra" for change in data["schema"])
    assert "from a temporary branch" in ended.err


def test_the_temporary_branch_has_a_compute_and_an_end_and_is_deleted(
    sides: NeonServer, warubi: Warubi
) -> None:
    warubi("diff", "main@-15m", "main")
    (_, sent), (deleted, _) = sides.changes
    assert isinstance(sent, dict)
    assert sent["endpoints"] == [{"type": "read_write"}]
    assert sent["branch"]["expires_at"]
    assert deleted.startswith("DELETE ")
    assert list(sides.branches) == ["br-main-1"]


def test_two_pasts_are_two_temporary_branches(sides: NeonServer, warubi: Warubi) -> None:
    assert warubi("diff", "main@-15m", "main@-5m").code == 0
    assert [call.split()[0] for call, _ in sides.changes] == ["POST", "POST", "DELETE", "DELETE"]
    assert list(sides.branches) == ["br-main-1"]


def test_a_branch_without_compute_is_read_from_a_temporary_branch(sides: NeonServer, warubi: Warubi) -> None:
    sides.branches["br-old-1"] = branch_json("br-old-1", "old")
    ended = warubi("diff", "old", "main", "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["then"] == "old"
    ((_, sent), (deleted, _)) = sides.changes
    assert isinstance(sent, dict)
    assert sent["branch"]["parent_id"] == "br-old-1"
    assert deleted.startswith("DELETE ")
    assert set(sides.branches) == {"br-main-1", "br-old-1"}


def test_the_temporary_branch_is_deleted_after_an_error(sides: NeonServer, warubi: Warubi) -> None:
    assert warubi("diff", "main@-15m", "main", "--table", "nothing").code == 2
    assert list(sides.branches) == ["br-main-1"]


def test_no_difference_ends_with_0(sides: NeonServer, warubi: Warubi) -> None:
    ended = warubi("diff", "main", "main")
    assert ended.code == 0
    assert "No difference." in ended.out


def test_a_table_that_cannot_be_compared_is_not_no_difference(sides: NeonServer, warubi: Warubi) -> None:
    reader = f"reader_{uuid.uuid4().hex}"
    now = sides.uris["br-main-1"]
    with psycopg.connect(now, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {reader} LOGIN")
        connection.execute(f"GRANT SELECT ON customers TO {reader}")
    ended = warubi("diff", now, now.replace("postgres@", f"{reader}@"))
    assert ended.code == 1
    assert "Not everything could be compared." in ended.out


def test_rows_for_people(sides: NeonServer, warubi: Warubi) -> None:
    ended = warubi("diff", "main@-15m", "main", "--rows", "--table", "customers")
    lines = ended.out.splitlines()
    assert "- public.customers id='1'  name='Ann', note=NULL" in lines
    assert "+ public.customers id='4'  name='Dan', note='new'" in lines
    assert "~ public.customers id='2'  note: '' → NULL" in lines


def test_rows_are_limited_for_each_table(sides: NeonServer, warubi: Warubi) -> None:
    ended = warubi("diff", "main@-15m", "main", "--rows", "--limit", "1")
    assert "… and 2 more in public.customers" in ended.out


def test_values_cannot_command_the_terminal(sides: NeonServer, warubi: Warubi) -> None:
    ended = warubi("diff", "main", "main@-15m", "--rows")
    assert "\x1b" not in ended.out
    assert "\x1b" not in warubi("diff", "main", "main@-15m", "--jsonl", "-").out


def test_rows_as_json_lines_on_stdout(sides: NeonServer, warubi: Warubi) -> None:
    ended = warubi("diff", "main@-15m", "main", "--jsonl", "-", "--table", "customers")
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 1
    assert {row["op"] for row in rows} == {"removed", "added", "changed"}
    changed = next(row for row in rows if row["op"] == "changed")
    assert changed["key"] == {"id": "2"}
    assert (changed["then"]["note"], changed["now"]["note"], changed["columns"]) == ("", None, ["note"])


def test_rows_as_json_lines_in_a_new_private_file(sides: NeonServer, warubi: Warubi, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    ended = warubi("diff", "main@-15m", "main", "--json", "--jsonl", str(path), "--limit", "2")
    assert ended.code == 1
    assert json.loads(ended.out)["tables"]
    assert len(path.read_text().splitlines()) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert warubi("diff", "main@-15m", "main", "--jsonl", str(path)).code == 3
    assert len(path.read_text().splitlines()) == 2


def test_the_schema_only(sides: NeonServer, warubi: Warubi) -> None:
    ended = warubi("diff", "main@-15m", "main", "--schema-only")
    assert ended.code == 1
    assert "public.audit.extra" in ended.out
    assert "customers" not in ended.out


def test_tables_come_by_damage_and_those_alike_are_counted(
    postgres: ThrowawayPostgres, warubi: Warubi
) -> None:
    then, now = (postgres.create_database() for _ in range(2))
    for uri in (then, now):
        with psycopg.connect(uri, autocommit=True) as connection:
            for number in range(4):
                connection.execute(f"CREATE TABLE t{number} (id int PRIMARY KEY)".encode())
                connection.execute(f"INSERT INTO t{number} SELECT generate_series(1, 20)".encode())
    with psycopg.connect(now, autocommit=True) as connection:
        connection.execute("DELETE FROM t1 WHERE id = 1")
        connection.execute("DELETE FROM t2 WHERE id < 9")
        connection.execute("INSERT INTO t3 VALUES (21)")
    lines = warubi("diff", then, now).out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("public.t")][:3] == [
        "public.t2",
        "public.t1",
        "public.t3",
    ]
    assert "1 table without a difference" in lines


def test_what_the_rows_have_in_common(sides: NeonServer, warubi: Warubi) -> None:
    out = warubi("diff", "main@-15m", "main", "--table", "customers").out
    assert "public.customers: 1 row removed: id 1\n    then: WHERE id = 1\n" in out
    assert "public.customers: 1 row changed: note changed from '' to NULL in all; id 2\n" in out
    data = json.loads(warubi("diff", "main@-15m", "main", "--table", "customers", "--json").out)
    (customers,) = data["tables"]
    assert customers["findings"][0] == {
        "op": "removed",
        "rows": 1,
        "read": 1,
        "sentence": "1 row removed: id 1",
        "where": "id = 1",
        "side": "then",
        "others": 0,
    }


def test_json_keeps_its_keys(sides: NeonServer, warubi: Warubi) -> None:
    data = json.loads(warubi("diff", "main@-15m", "main", "--json").out)
    assert {"then", "now", "schema", "tables", "seconds", "complete", "notes"} <= set(data)
    tables = {"schema", "table", "key", "removed", "added", "changed", "method", "seconds", "not_compared"}
    assert all(tables <= set(one) for one in data["tables"])
    line = json.loads(warubi("diff", "main@-15m", "main", "--jsonl", "-").out.splitlines()[0])
    assert {"schema", "table", "op", "key", "then", "now", "columns"} <= set(line)
    (finding, *_) = next(one["findings"] for one in data["tables"] if one["findings"])
    said = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    keys = {*data, *finding, *line, *(key for one in data["tables"] for key in one)}
    assert [key for key in sorted(keys) if f"`{key}`" not in said] == [], "the README tells them all"


def test_a_branch_with_its_own_past(sides: NeonServer, warubi: Warubi) -> None:
    ended = warubi("diff", "main", "--against-time", "-15m", "--json")
    data = json.loads(ended.out)
    assert (data["then"], data["now"]) == ("main@-15m", "main")
    assert ended.code == 1
    assert list(sides.branches) == ["br-main-1"]


def test_a_file_of_an_interrupted_comparison_is_gone(
    sides: NeonServer, warubi: Warubi, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    assert warubi("diff", "main", "nothing", "--jsonl", str(path)).code == 2
    assert list(tmp_path.glob("*.jsonl*")) == []
    path.write_text("mine")
    ended = warubi("diff", "main@-15m", "main", "--jsonl", str(path))
    assert ended.code == 3
    assert sides.changes == [], "it was refused before anything was done"


def test_the_schemas_as_text(sides: NeonServer, warubi: Warubi) -> None:
    ended = warubi("diff", "main@-15m", "main", "--schema-text")
    assert ended.code == 1
    assert any(line.startswith("+") and "extra" in line for line in ended.out.splitlines())
    assert "customers" not in ended.out
    data = json.loads(warubi("diff", "main@-15m", "main", "--schema-text", "--json").out)
    assert data["schema_text"].rstrip() == ended.out.rstrip()
    assert data["tables"] == []
    assert warubi("diff", "main", "main", "--schema-text").out == "No difference.\n"


def test_a_report_as_a_new_private_file(sides: NeonServer, warubi: Warubi, tmp_path: Path) -> None:
    path = tmp_path / "diff.html"
    ended = warubi("diff", "main@-15m", "main", "--html", str(path))
    assert ended.code == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    page = path.read_text("utf-8")
    assert page.endswith("</html>\n")
    assert "1 row removed: id 1" in page
    assert warubi("diff", "main@-15m", "main", "--html", str(path)).code == 3
    assert path.read_text("utf-8") == page


def test_two_urls_need_no_neon(sides: NeonServer, warubi: Warubi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEON_API_KEY")
    then = sides.uris["preview"].replace("postgres@", "postgres:hunter2@")
    ended = warubi("diff", then, sides.uris["br-main-1"], "--json")
    assert ended.code == 1
    assert sides.changes == []
    assert "hunter2" not in ended.out + ended.err
    assert json.loads(ended.out)["then"].startswith("postgresql://postgres:")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json", "--jsonl", "-"],
        ["--json", "--rows"],
        ["--schema-only", "--rows"],
        ["--schema-only", "--jsonl", "-"],
        ["--limit", "many"],
        ["--limit", "-1"],
        ["--database", "nothing"],
        ["--against-time", "-15m"],
        ["--schema-only", "--where", "true"],
        ["--schema-text", "--jsonl", "-"],
        ["--schema-text", "--rows"],
        ["--method", "magic"],
    ],
)
def test_what_is_not_understood(sides: NeonServer, warubi: Warubi, arguments: list[str]) -> None:
    assert warubi("diff", "main", "main", *arguments).code == 2


def test_a_database_that_cannot_be_reached(neon: NeonServer, warubi: Warubi) -> None:
    neon.uris["br-main-1"] = "postgresql://owner:hunter2@127.0.0.1:1/shop"
    ended = warubi("diff", "main", "main")
    assert ended.code == 4
    assert "hunter2" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [["main"], ["main@-5m", "--against-time", "-15m"], ["postgresql://h/d", "--against-time", "-1h"]],
)
def test_sides_that_are_not_understood(sides: NeonServer, warubi: Warubi, arguments: list[str]) -> None:
    ended = warubi("diff", *arguments)
    assert ended.code == 2
    assert ended.err.startswith("warubi: ")
