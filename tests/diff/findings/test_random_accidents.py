"""Whatever happens to a table: what a finding claims is what the servers say."""

import asyncio

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.diff.databases import Pair
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.secret import Secret
from warubi_tui.text import clean

TABLE = """
CREATE TABLE things (
    id int PRIMARY KEY, kind text, number int, price numeric(9, 2), at timestamptz, flag bool, data jsonb);
INSERT INTO things
SELECT n, nullif('k' || n * 79 % 101 % 4, 'k3'), nullif(n * 79 % 103 % 9, 8), n * 79 % 107,
       '2026-11-01 00:00Z'::timestamptz + n * 79 % 109 * interval '1 hour', n * 79 % 113 % 2 = 0,
       jsonb_build_object('a', n * 79 % 127 % 3)
  FROM generate_series(1, 150) n;
"""
CONDITIONS = [
    "true",
    "kind = 'k1'",
    "kind IS NULL",
    "number < 4",
    "number IS NULL",
    "id % 4 = 1",
    "id BETWEEN 30 AND 70",
    "id IN (3, 50, 99)",
    "id = 7",
    "at > '2026-11-03Z'",
    "flag",
    "data = '{\"a\": 1}'",
    "id * 79 % 89 % 5 = 2",
]
CHANGES = [
    "price = 0",
    "price = price + 1",
    "kind = NULL",
    "kind = 'k9', flag = NOT flag",
    "number = number * 2",
    "at = at + interval '1 day'",
    "id = id + 1000",
    "data = data || '{\"b\": null}'",
]


@st.composite
def accidents(draw: st.DrawFn) -> str:
    """Some statements."""
    statements = []
    for _ in range(draw(st.integers(1, 3))):
        condition = f" {draw(st.sampled_from(['AND', 'OR']))} ".join(
            draw(st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=2))
        )
        what = draw(st.sampled_from(["DELETE", "UPDATE", "INSERT"]))
        if what == "DELETE":
            statements.append(f"DELETE FROM things WHERE {condition}")
        elif what == "UPDATE":
            statements.append(f"UPDATE things SET {draw(st.sampled_from(CHANGES))} WHERE {condition}")
        else:
            first = draw(st.integers(2000, 9000)) * 1000
            statements.append(
                f"INSERT INTO things SELECT {first} + id, kind, number, price, at, flag FROM things"
                f" WHERE {condition} ON CONFLICT DO NOTHING"
            )
    return "; ".join(statements)


async def findings_after(pair: Pair) -> list[Finding]:
    async with DatabaseDiff(Secret(pair.then), Secret(pair.now)) as diff:
        await diff.run()
        found = await diff.findings(diff.tables)
        return [one for ones in found.values() for one in ones]


def rows(uri: str, where: str = "true") -> dict[int, str]:
    """The things that meet a condition, by their id."""
    with psycopg.connect(uri) as connection:
        query = f"SELECT id, things::text FROM things WHERE {where}"
        return dict(connection.execute(query.encode()).fetchall())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(accident=accidents())
def test_what_is_claimed_is_so(pair: Pair, accident: str) -> None:
    for uri, script in ((pair.then, TABLE), (pair.now, TABLE + accident)):
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(f"DROP TABLE IF EXISTS things; {script}".encode())
    then, now = rows(pair.then), rows(pair.now)
    differing = {
        "removed": then.keys() - now.keys(),
        "added": now.keys() - then.keys(),
        "changed": {key for key in then.keys() & now.keys() if then[key] != now[key]},
    }
    found = asyncio.run(findings_after(pair))
    assert {one.op: one.rows for one in found} == {op: len(ids) for op, ids in differing.items() if ids}
    for finding in found:
        assert clean(finding.sentence) == finding.sentence
        if finding.where is not None:
            met = rows(pair.then if finding.side == "then" else pair.now, finding.where).keys()
            assert differing[finding.op] <= met, "every row that differs meets it"
            assert finding.others == len(met - differing[finding.op]), "so many others meet it"
