"""Access lists in words."""

import psycopg
import pytest
from psycopg import sql

from tests.diff.conftest import Server
from warubi_tui.postgres.objects.grants import grants

USUAL = ["anna=arwd/anna"]


@pytest.mark.parametrize(
    ("acl", "owner", "said"),
    [
        (None, "anna", None),
        (["anna=arwd/anna"], "anna", None),
        (["anna=arwd/anna", "=r/anna"], "anna", "PUBLIC: SELECT"),
        (["anna=arwd/anna", "bob=wr*/anna", "bob=a/carl"], "anna", "bob: SELECT*, INSERT, UPDATE"),
        (["anna=rw/anna"], "anna", "anna: SELECT, UPDATE"),
        ([], "anna", "anna: nothing"),
        (["bob=r/anna", "anna=arwd/anna"], None, "anna: SELECT, INSERT, UPDATE, DELETE; bob: SELECT"),
        (['"a ""b"" =c"=r/anna', "anna=arwd/anna"], "anna", 'a "b" =c: SELECT'),
        (["anna=arwd/anna", "bob=rZ/anna"], "anna", "bob: SELECT, Z"),
        (["anna=arwd/anna", "what is this"], "anna", "what is this: nothing"),
    ],
)
def test_an_access_list_in_words(acl: list[str] | None, owner: str | None, said: str | None) -> None:
    assert grants(acl, USUAL, owner) == said


@pytest.mark.parametrize("role", ["plain", "with space", 'quo"te', "a=b/c", "Ünïcode", "*", "1"])
def test_roles_are_read_as_postgresql_prints_them(postgres: Server, role: str) -> None:
    with psycopg.connect(postgres.uri()) as session:
        name = sql.Identifier(role)
        session.execute(sql.SQL("CREATE ROLE {}; CREATE TABLE t ()").format(name))
        session.execute(sql.SQL("GRANT SELECT ON t TO {} WITH GRANT OPTION").format(name))
        row = session.execute(
            "SELECT relacl::text[], acldefault('r', relowner)::text[] FROM pg_class WHERE relname = 't'"
        ).fetchone()
        assert row is not None
        session.rollback()
    assert grants(row[0], row[1], "postgres") == f"{role}: SELECT*"
