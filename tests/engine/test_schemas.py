"""What databases look like, now and then, and branches that take over nothing else."""

from datetime import datetime

import pytest
from psycopg import sql

from tests.engine.lab import DATABASE, OWNER, Lab, assert_rows_match_files
from tests.engine.test_branching import refused
from warubi_tui.engine.points import Point
from warubi_tui.engine.store import BranchRow
from warubi_tui.lsn import Lsn

_ODD = """we'ird "n\\me" ñ"""
_LINE = """
CREATE TABLE line (
    item int REFERENCES item, n int UNIQUE, twice int GENERATED ALWAYS AS (n * 2) STORED
)"""


@pytest.fixture(scope="module")
def shop(lab: Lab) -> BranchRow:
    """A branch with two tables."""
    branch = lab.create(lab.main, name="shop", compute=True)
    with lab.session(branch) as session:
        session.execute(f"GRANT CREATE ON SCHEMA public TO {OWNER}")
        session.execute(f"SET ROLE {OWNER}")
        session.execute("CREATE TABLE item (id int PRIMARY KEY, label text NOT NULL)")
        session.execute(_LINE)
        session.execute("INSERT INTO item VALUES (1, 'one')")
    return branch


@pytest.fixture(scope="module")
def before(lab: Lab, shop: BranchRow) -> datetime:
    """A moment after which `line` is gone and `item` has one more column."""
    (moment,) = lab.write(shop, "before")
    with lab.session(shop) as session:
        session.execute("DROP TABLE line")
        session.execute("ALTER TABLE item ADD COLUMN price numeric(8, 2)")
    return moment


def test_a_schema_is_what_pg_dump_writes(lab: Lab, shop: BranchRow, before: datetime) -> None:
    text = lab.engine.schema(Point(shop.id), DATABASE)
    assert "price numeric(8,2)" in text
    assert f"ALTER TABLE public.item OWNER TO {OWNER};" in text
    assert "CREATE TABLE public.line" not in text
    assert "restrict" not in text
    assert text == lab.engine.schema(Point(shop.id), DATABASE)


def test_a_schema_of_the_past_and_what_changed_since(lab: Lab, shop: BranchRow, before: datetime) -> None:
    then = Point(shop.id, at=before)
    assert "CREATE TABLE public.line" in lab.engine.schema(then, DATABASE)
    lsn = Lsn(lab.engine.moment(shop.id, at=before, lsn=None).lsn)
    diff = lab.engine.compare_schema(Point(shop.id), Point(shop.id, lsn=lsn), DATABASE)
    assert diff.startswith(f"--- a/{DATABASE}\n+++ b/{DATABASE}\n@@ ")
    assert "-CREATE TABLE public.line (" in diff
    assert "+    price numeric(8,2)" in diff
    assert lab.engine.compare_schema(then, Point(shop.id, lsn=lsn), DATABASE) == ""


def test_tables_as_objects(lab: Lab, shop: BranchRow, before: datetime) -> None:
    item, line, log = lab.engine.tables(Point(shop.id, at=before), DATABASE)
    assert (item["schema"], item["name"], log["name"]) == ("public", "item", "log")
    assert line["columns"] == [
        {"name": "item", "type": "integer", "nullable": True, "generated": False},
        {"name": "n", "type": "integer", "nullable": True, "generated": False},
        {"name": "twice", "type": "integer", "nullable": True, "generated": True},
    ]
    assert item["constraints"] == [{"name": "item_pkey", "type": "primary_key", "columns": ["id"]}]
    assert line["constraints"] == [
        {
            "name": "line_item_fkey",
            "type": "foreign_key",
            "columns": ["item"],
            "referenced_table": {"schema": "public", "table": "item", "columns": ["id"]},
        },
        {"name": "line_n_key", "type": "unique", "columns": ["n"]},
    ]


def test_a_database_that_is_not_there(lab: Lab, shop: BranchRow) -> None:
    for verb in (lab.engine.schema, lab.engine.tables):
        with refused(404, "nowhere"):
            verb(Point(shop.id), "nowhere")


def test_a_schema_only_branch_is_a_root_without_rows(lab: Lab, shop: BranchRow, before: datetime) -> None:
    with lab.session(shop) as session:
        session.execute("CREATE ROLE by_sql LOGIN PASSWORD 'of its own'")
        session.execute(sql.SQL("CREATE DATABASE {} OWNER by_sql").format(sql.Identifier(_ODD)))
    branch, _, operations = lab.engine.create_branch(
        parent_id=shop.id, name="bare", at=None, lsn=None, init_source="schema-only"
    )
    lab.finish(operations)
    bare = lab.engine.branch(branch.id)
    assert (bare.parent, bare.parent_lsn, bare.init_source) == (None, None, "schema-only")
    assert lab.engine.compare_schema(Point(bare.id), Point(shop.id), DATABASE) == ""
    with lab.session(bare) as session:
        assert session.execute("SELECT count(*) FROM item").fetchone() == (0,)
    owners = {row.name: row.owner_name for row in lab.engine.databases(bare.id)}
    assert owners == {DATABASE: OWNER, _ODD: "by_sql"}
    hashes = []
    for one in (shop, bare):
        with lab.session(one) as session:
            query = "SELECT rolpassword FROM pg_authid WHERE rolname = 'by_sql'"
            hashes.append(session.execute(query).fetchall())
    assert hashes[0] == hashes[1]
    lab.write(bare, "its own")
    leaf = lab.create(bare)
    assert lab.read(leaf) == ["its own"]
    lab.delete(leaf)
    assert_rows_match_files(lab)


def test_a_schema_only_branch_of_the_past(lab: Lab, shop: BranchRow, before: datetime) -> None:
    branch, _, operations = lab.engine.create_branch(
        parent_id=shop.id, name=None, at=before, lsn=None, init_source="schema-only"
    )
    lab.finish(operations)
    past = Point(shop.id, at=before)
    assert lab.engine.compare_schema(Point(branch.id), past, DATABASE) == ""
    with lab.session(lab.engine.branch(branch.id)) as session:
        assert session.execute("SELECT count(*) FROM log").fetchone() == (0,)


def test_a_schema_only_branch_nobody_wrote_to_has_children(lab: Lab, shop: BranchRow) -> None:
    bare, _, operations = lab.engine.create_branch(
        parent_id=shop.id, name=None, at=None, lsn=None, init_source="schema-only"
    )
    lab.finish(operations)
    child = lab.create(bare)
    assert child.state == "ready"
    lab.delete(child)
    lab.delete(lab.engine.branch(bare.id))


def test_a_schema_only_branch_that_cannot_be_made_leaves_nothing(
    lab: Lab, shop: BranchRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lab.rows()

    def disk_full(_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lab.engine.bases, "take_hot", disk_full)
    _, _, operations = lab.engine.create_branch(
        parent_id=shop.id, name=None, at=None, lsn=None, init_source="schema-only"
    )
    (failed,) = lab.end(operations)
    assert failed.status == "failed"
    assert lab.rows() == before
    assert_rows_match_files(lab)
