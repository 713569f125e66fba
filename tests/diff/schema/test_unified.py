"""The difference as text: a unified diff that says how to get from one text to the other."""

import re
from dataclasses import replace

from tests.diff.databases import Comparer, Pair
from tests.diff.schema.base import BASE, schema_of
from warubi_tui.diff.schema.render import render
from warubi_tui.diff.schema.unified import unified
from warubi_tui.postgres.objects.model import DatabaseSchema

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def _text(schema: DatabaseSchema) -> list[str]:
    return [line for _, lines in sorted(render(schema).items()) for line in lines]


def _applied(diff: str, before: list[str]) -> list[str]:
    """What `patch` would make of `before`; every line that is not added must be as the diff says."""
    made: list[str] = []
    read = 0
    for hunk in re.split(r"^(?=@@)", diff, flags=re.MULTILINE)[1:]:
        head, *lines = hunk.splitlines()
        match = _HUNK.fullmatch(head)
        assert match
        first, count, _, new_count = (1 if part is None else int(part) for part in match.groups())
        start = first - 1 if count else first
        made += before[read:start]
        assert [line[1:] for line in lines if line[0] in " -"] == before[start : start + count]
        assert sum(line[0] in " +" for line in lines) == new_count
        assert lines[0][0] != " " or lines[-1][0] != " " or len(lines) > 2
        made += [line[1:] for line in lines if line[0] in " +"]
        read = start + count
    return made + before[read:]


async def test_the_text_leads_from_one_schema_to_the_other(base: str, before: DatabaseSchema) -> None:
    after = await schema_of(
        base,
        "CREATE TABLE a_first (id int); DROP VIEW big; ALTER TABLE loose ADD w int, ALTER v TYPE text;"
        "CREATE OR REPLACE FUNCTION on_row() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN\n  NEW.id := 1;\n  RETURN NEW;\nEND $$; DROP PUBLICATION news;"
        "ALTER TYPE mood ADD VALUE 'glad'",
    )
    old, new = _text(before), _text(after)
    assert _applied(unified(before, after), old) == new
    assert _applied(unified(after, before), new) == old
    nothing = replace(before, objects=())
    assert _applied(unified(nothing, before), []) == old
    assert _applied(unified(before, nothing), old) == []
    assert unified(before, before) == ""


async def test_it_reads_like_a_dump(pair: Pair, compare: Comparer) -> None:
    pair.both(BASE)
    pair.on_now("ALTER TABLE loose ADD price numeric(10,2) DEFAULT 0 NOT NULL; DROP INDEX shop.orders_at")
    pair.on_now("GRANT SELECT ON loose TO PUBLIC; COMMENT ON TABLE loose IS 'it''s'")
    diff = await compare(rows=False)
    then, now = (uri.rsplit("/", 1)[1] for uri in (pair.then, pair.now))
    text = diff.schema_text()
    assert (
        re.sub(r"@@ .* @@", "@@", text)
        == f"""\
--- a/{then}
+++ b/{now}
@@
 CREATE TABLE public.loose (
     id integer,
     region text,
-    v integer
+    v integer,
+    price numeric(10,2) DEFAULT 0 NOT NULL
 );
 ALTER TABLE public.loose OWNER TO postgres;
+GRANT SELECT ON TABLE public.loose TO PUBLIC;
+COMMENT ON TABLE public.loose IS 'it''s';
\u0020
 CREATE TABLE public.parent (
     a integer,
@@
 GRANT SELECT ON COLUMN shop.orders.total TO pg_monitor;
 ALTER TABLE shop.orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES \
public.customers(id);
 ALTER TABLE shop.orders ADD CONSTRAINT total_above CHECK ((total > (0)::numeric));
-CREATE INDEX orders_at ON shop.orders USING btree (at DESC) WHERE (total > (5)::numeric);
 CREATE TRIGGER before_row BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION public.on_row();
 CREATE POLICY own ON shop.orders AS PERMISSIVE FOR SELECT TO PUBLIC USING ((total > (0)::numeric));
 CREATE STATISTICS public.both_of ON customer, total FROM shop.orders;
"""
    )


async def test_of_tables_asked_for_the_list_tells_only_theirs(pair: Pair, compare: Comparer) -> None:
    pair.both(BASE)
    pair.on_now(
        "ALTER TABLE loose ADD w int; CREATE INDEX at_v ON loose (v); DROP VIEW big; CREATE TABLE more ()"
    )
    diff = await compare(tables=["loose"], rows=False)
    assert [(change.kind, change.table, change.name) for change in diff.schema] == [
        ("column_added", "loose", None),
        ("index_added", "loose", "at_v"),
    ]
    assert diff.complete
    assert "-CREATE VIEW public.big AS" in diff.schema_text()
