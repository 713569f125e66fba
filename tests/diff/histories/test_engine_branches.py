"""Branches of a real engine: where their histories part is known, and rows are compared by their headers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.conftest import RunningEngine
from tests.diff.histories.judging import FORCED, Said, check, compare_async, look
from warubi_tui.diff.lineage import branch_lineage
from warubi_tui.lsn import Lsn
from warubi_tui.neon.client import NeonClient
from warubi_tui.neon.models import Branch
from warubi_tui.neon.operations import wait

_SHOP = """
CREATE TABLE orders (id int PRIMARY KEY, note text, total numeric(10, 2)) WITH (fillfactor = 90);
INSERT INTO orders SELECT n, 'order ' || n, n FROM generate_series(1, 2000) n;
CREATE TABLE said (word text, n int);
INSERT INTO said SELECT 'word', n / 2 FROM generate_series(1, 500) n;
CREATE TABLE parts (id int, region text, v int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('eu');
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT n, CASE WHEN n % 2 = 0 THEN 'eu' ELSE 'us' END, n FROM generate_series(1, 400) n;
CREATE TABLE quiet (id int PRIMARY KEY);
INSERT INTO quiet SELECT generate_series(1, 100);
"""


@dataclass(frozen=True)
class Project:
    """A project of a real engine, and its ways of branching."""

    engine: RunningEngine
    client: NeonClient

    async def uri(self, branch: Branch) -> str:
        (database,) = await self.client.databases(self.engine.project_id, branch.id)
        uri = await self.client.connection_uri(
            self.engine.project_id, branch_id=branch.id, database=database.name, role=database.owner_name
        )
        return uri.reveal()

    async def open(self, branch: Branch) -> "psycopg.AsyncConnection[tuple[object, ...]]":
        return await psycopg.AsyncConnection.connect(await self.uri(branch), autocommit=True)

    async def run(self, branch: Branch, *statements: str) -> None:
        async with await self.open(branch) as session:
            for statement in statements:
                await session.execute(statement.encode())

    async def named(self, name: str) -> Branch:
        return next(b for b in await self.client.branches(self.engine.project_id) if b.name == name)

    async def branch_of(self, parent: Branch, name: str) -> Branch:
        created = await self.client.create_branch(self.engine.project_id, parent_id=parent.id, name=name)
        await wait(self.client, self.engine.project_id, created.operations)
        return await self.client.branch(self.engine.project_id, created.branch.id)

    async def restore(self, branch: Branch, lsn: Lsn, keep: str) -> tuple[Branch, Branch]:
        """The branch as it was at `lsn`, and a copy of what it was until now."""
        changed = await self.client.restore_branch(
            self.engine.project_id, branch.id, source_id=branch.id, lsn=lsn, preserve_under_name=keep
        )
        await wait(self.client, self.engine.project_id, changed.operations)
        before = await self.branch_of(await self.named(keep), f"{keep}, to look at")
        return await self.client.branch(self.engine.project_id, branch.id), before

    async def judge(self, then: Branch, now: Branch) -> dict[str, Said]:
        """Compares by every method; returns what is said by default."""
        lineage = await branch_lineage(self.client, then, now)
        assert lineage is not None
        uris = await self.uri(then), await self.uri(now)
        said = await compare_async(*uris, lineage=lineage)
        seen = look(*uris, said)
        check(seen, said)
        for method in FORCED:
            check(seen, await compare_async(*uris, lineage=lineage, method=method), forced=method)
        return said


@pytest.fixture
async def project(engine: RunningEngine) -> AsyncIterator[Project]:
    async with NeonClient(engine.host, engine.key) as client:
        yield Project(engine, client)


def numbers(said: dict[str, Said]) -> dict[str, tuple[str, int, int, int]]:
    tables = [about.table for about in said.values()]
    return {t.table: (t.method, t.removed, t.added, t.changed) for t in tables}


async def test_branches_are_compared_by_headers(project: Project) -> None:
    main = await project.named("main")
    shop = await project.branch_of(main, "shop")
    await project.run(shop, _SHOP)
    async with await project.open(shop) as across:
        await across.execute("BEGIN")
        await across.execute("UPDATE orders SET note = 'open at the fork' WHERE id <= 3")
        child = await project.branch_of(shop, "child")
        await across.execute("INSERT INTO orders VALUES (5001, 'open at the fork', 1)")
        await across.execute("COMMIT")
    grandchild = await project.branch_of(child, "grandchild")
    await project.run(
        shop,
        "DELETE FROM orders WHERE id BETWEEN 100 AND 149",
        "VACUUM orders",
        "INSERT INTO orders SELECT n, 'new', 0 FROM generate_series(6001, 6020) n",
        "UPDATE said SET word = 'other' WHERE n = 7",
        "UPDATE parts SET region = 'eu' WHERE id = 1",
        "UPDATE quiet SET id = id WHERE id < 10",
    )
    await project.run(grandchild, "UPDATE orders SET total = 0.5 WHERE id = 1000")

    assert numbers(await project.judge(child, shop)) == {
        "orders": ("headers", 50, 21, 3),
        "said": ("headers", 2, 2, 0),
        "parts": ("headers", 1, 1, 0),
        "quiet": ("headers", 0, 0, 0),
    }
    assert numbers(await project.judge(grandchild, shop))["orders"] == ("headers", 50, 21, 4)
    assert numbers(await project.judge(grandchild, child))["orders"] == ("headers", 0, 0, 1)
    assert numbers(await project.judge(shop, grandchild))["orders"] == ("headers", 21, 50, 4)


async def test_a_branch_restored_in_place_and_what_it_was(project: Project) -> None:
    main = await project.named("main")
    shop = await project.branch_of(main, "restored shop")
    await project.run(shop, _SHOP)
    async with await project.open(shop) as session:
        cursor = await session.execute("SELECT pg_current_wal_lsn()::text")
        (row,) = await cursor.fetchall()
    await project.run(
        shop,
        "DELETE FROM orders WHERE id > 1900",
        "UPDATE orders SET note = 'same id, here'  WHERE id <= 20",
        "VACUUM FULL said",
    )
    restored, before = await project.restore(shop, Lsn.parse(str(row[0])), "shop before")
    await project.run(
        restored,
        "UPDATE orders SET note = 'same id, there' WHERE id <= 20",
        "UPDATE quiet SET id = -id WHERE id = 1",
    )
    said = numbers(await project.judge(restored, before))
    assert said["orders"] == ("headers", 100, 0, 20)
    assert said["quiet"] == ("headers", 1, 1, 0)
    assert said["said"][0] != "headers"
    assert said["said"][1:] == (0, 0, 0)
