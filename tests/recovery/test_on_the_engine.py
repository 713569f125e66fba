"""Each scenario from end to end on a real engine, through the same services as the console."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from tests.conftest import RunningEngine
from tests.screens.conftest import target_on
from warubi_tui import timefmt
from warubi_tui.neon.client import NeonClient
from warubi_tui.neon.models import Branch
from warubi_tui.neon.operations import wait
from warubi_tui.recovery.check import Check
from warubi_tui.recovery.guide import Guide
from warubi_tui.recovery.incident import Incident, StepRecord
from warubi_tui.recovery.incident_store import IncidentStore
from warubi_tui.recovery.inspection import BranchInspector
from warubi_tui.recovery.scenarios import scenario
from warubi_tui.screens.live import LiveServices

SHOP: LiteralString = """
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, total numeric(10, 2));
CREATE TABLE lines (
    order_id bigint REFERENCES orders ON DELETE CASCADE, number int, item text,
    PRIMARY KEY (order_id, number));
CREATE TABLE audit (said text);
INSERT INTO orders (note, total) SELECT nullif(n % 3, 0)::text, n FROM generate_series(1, 40) n;
INSERT INTO lines SELECT n, m, 'item ' || m FROM generate_series(1, 40) n, generate_series(1, 2) m;
INSERT INTO audit SELECT 'made' FROM generate_series(1, 3);
"""


@dataclass
class Accident:
    """A branch with a shop on it, and an incident about it."""

    services: LiveServices
    client: NeonClient
    engine: RunningEngine
    branch: Branch
    folder: Path
    guide: Guide
    moment: str = ""
    """The last good moment."""

    async def uri(self, branch_id: str | None = None) -> str:
        branch_id = branch_id or self.branch.id
        (database,) = await self.client.databases(self.engine.project_id, branch_id)
        uri = await self.client.connection_uri(
            self.engine.project_id, branch_id=branch_id, database=database.name, role=database.owner_name
        )
        return uri.reveal()

    async def run(self, script: LiteralString, branch_id: str | None = None) -> None:
        async with await psycopg.AsyncConnection.connect(await self.uri(branch_id)) as connection:
            await connection.execute(script)

    async def count(self, table: LiteralString, branch_id: str | None = None) -> int:
        async with await psycopg.AsyncConnection.connect(await self.uri(branch_id)) as connection:
            cursor = await connection.execute(f"SELECT count(*)::int FROM {table}")
            return int((await cursor.fetchall())[0][0])

    async def harm(self, script: LiteralString) -> None:
        """Does the harm, and notes the server's time just before it began."""
        async with await psycopg.AsyncConnection.connect(await self.uri(), autocommit=True) as connection:
            cursor = await connection.execute("SELECT clock_timestamp()")
            before = (await cursor.fetchall())[0][0]
            await connection.execute(script)
        self.moment = timefmt.rfc3339(before)

    async def branch_of(self, parent_id: str, name: str) -> Branch:
        """A branch of another one's head, with a compute to connect to."""
        return await new_branch(self.client, self.engine, parent_id, name)

    async def step(self, answer: str = "") -> StepRecord:
        """Does the current step, in a guide read from disk afresh."""
        store = IncidentStore(self.folder)
        self.guide = make_guide(self.services, self.client, store, store.load(self.guide.incident.id))
        prepared = await self.guide.prepare(answer)
        return await self.guide.run(prepared, prepared.confirmation, lambda _: None)


def make_guide(services: LiveServices, client: NeonClient, store: IncidentStore, incident: Incident) -> Guide:
    return Guide(
        incident,
        scenario(incident.scenario),
        client=client,
        inspector=BranchInspector(client, lambda: datetime.now(UTC), services.readable),
        store=store,
        host=client.host,
        clock=lambda: datetime.now(UTC),
        zone=UTC,
    )


@asynccontextmanager
async def live(engine: RunningEngine) -> AsyncIterator[LiveServices]:
    services = LiveServices(
        target_on(engine),
        zone=UTC,
        clock=lambda: datetime.now(UTC),
        read_only=lambda: False,
        left_behind=pytest.fail,
    )
    try:
        yield services
    finally:
        await services.close()


async def new_branch(client: NeonClient, engine: RunningEngine, parent_id: str, name: str) -> Branch:
    created = await client.create_branch(engine.project_id, parent_id=parent_id, name=name)
    await wait(client, engine.project_id, created.operations)
    return await client.branch(engine.project_id, created.branch.id)


@asynccontextmanager
async def accident(engine: RunningEngine, folder: Path, key: str, name: str) -> AsyncIterator[Accident]:
    async with live(engine) as services:
        client = await services.client()
        root = next(branch for branch in await client.branches(engine.project_id) if branch.parent_id is None)
        branch = await new_branch(client, engine, root.id, name)
        incident = Incident.begin(
            key,
            host=client.host,
            project_id=engine.project_id,
            branch_id=branch.id,
            branch_name=branch.name,
            now=datetime.now(UTC),
        )
        store = IncidentStore(folder)
        store.save(incident)
        found = Accident(
            services, client, engine, branch, folder, make_guide(services, client, store, incident)
        )
        await found.run(SHOP)
        yield found


def states(record: StepRecord) -> dict[str, str]:
    return {check.name: check.state for check in record.checks}


def evidence(record: StepRecord, name: str) -> str:
    return next(check.evidence for check in record.checks if check.name.endswith(name))


def shown(record: StepRecord) -> list[Check]:
    return [check for check in record.checks if check.state != "pass"]


async def test_deletion_is_undone_in_place(engine: RunningEngine, tmp_path: Path) -> None:
    async with accident(engine, tmp_path, "deletion", "shop [/]") as at:
        await at.harm("DELETE FROM orders WHERE id > 10")
        await at.run("INSERT INTO audit VALUES ('after')")
        assert shown(await at.step("somebody deleted orders")) == []
        moment = await at.step(at.moment)
        assert "first commit left out" in evidence(moment, "Commits around it")
        copy = await at.step("rescue [/]")
        assert (copy.state, shown(copy)) == ("done", [])
        compared = await at.step()
        assert compared.state == "done"
        assert evidence(compared, "public.orders") == "30 removed, 0 added, 0 changed"
        assert evidence(compared, "public.lines") == "60 removed, 0 added, 0 changed"
        assert evidence(compared, "public.audit") == "0 removed, 1 added, 0 changed"
        await at.step("in_place")
        uri = await at.uri()
        restored = await at.step()
        assert (restored.state, shown(restored)) == ("done", [])
        assert await at.uri() == uri
        proven = await at.step()
        assert (proven.state, shown(proven)) == ("done", [])
        assert evidence(proven, "Digests") == "3 of 3 tables equal those of the copy, now"
        assert await at.count("orders") == 40
        assert await at.count("lines") == 80
        assert await at.count("audit") == 3
        kept = await at.branch_of(restored.facts["kept_id"], "kept, to look at")
        assert await at.count("orders", kept.id) == 10
        assert await at.count("audit", kept.id) == 4
        await at.step("the shop sells again")
        assert at.guide.current is None


async def test_restore_in_place_is_undone(engine: RunningEngine, tmp_path: Path) -> None:
    async with accident(engine, tmp_path, "deletion", "shop undone") as at:
        await at.harm("DELETE FROM orders")
        for answer in ("wrong alarm", at.moment, "undo rescue", "", "in_place", ""):
            assert (await at.step(answer)).state == "done"
        assert await at.count("orders") == 40
        prepared = await at.guide.prepare_undo()
        await at.guide.undo(prepared, "shop undone", lambda _: None)
        assert await at.count("orders") == 0
        assert at.guide.current == at.guide.scenario.step("in_place")
        undone = at.guide.record(at.guide.scenario.step("in_place")).undone
        assert undone is not None
        left = {
            one.name for one in at.guide.incident.left_behind(await at.client.branches(at.engine.project_id))
        }
        assert len(left) == 3
        assert {"undo rescue", undone.kept} < left
        branches = {one.name: one for one in await at.client.branches(engine.project_id)}
        kept = branches[undone.kept]
        assert await at.client.endpoints(engine.project_id, kept.id) == []
        inspector = BranchInspector(at.client, lambda: datetime.now(UTC), at.services.readable)
        found = await inspector.compare(engine.project_id, branches["undo rescue"], kept, lambda _: None)
        assert [table.removed + table.added + table.changed for table in found.tables] == [0, 0, 0]
        assert (await inspector.reach(engine.project_id, kept)).state == "warn"


async def test_corruption_is_left_behind_by_promoting_the_copy(engine: RunningEngine, tmp_path: Path) -> None:
    async with accident(engine, tmp_path, "corruption", "shop [@click=x]y[/]") as at:
        await wait(
            at.client,
            engine.project_id,
            (await at.client.set_default(engine.project_id, at.branch.id)).operations,
        )
        await at.harm(
            """
            DO $$ BEGIN
            ALTER TABLE lines DROP CONSTRAINT lines_order_id_fkey;
            DELETE FROM orders WHERE id IN (7, 8);
            ALTER TABLE lines ADD CONSTRAINT lines_order_id_fkey
                FOREIGN KEY (order_id) REFERENCES orders NOT VALID;
            PERFORM setval('orders_id_seq', 3);
            END $$
            """
        )
        await at.step("lines without orders")
        classified = await at.step()
        (database,) = await at.client.databases(engine.project_id, at.branch.id)
        assert states(classified) == {
            f"Indexes of {database.name}": "pass",
            f"Constraints of {database.name}": "warn",
            f"Sequences of {database.name}": "warn",
            f"Primary keys of {database.name}": "pass",
            f"Foreign keys of {database.name}": "fail",
            f"Rows of {database.name}": "pass",
        }
        assert "lines_order_id_fkey: 4 rows" in evidence(classified, f"Foreign keys of {database.name}")
        await at.step(at.moment)
        copy = await at.step("healthy")
        verified = await at.step()
        assert (verified.state, shown(verified)) == ("done", [])
        await at.step()
        await at.step("promote")
        for _ in range(3):
            assert (await at.step()).state == "done"
        proven = await at.step()
        assert states(proven)["Name"] == "pass"
        assert states(proven)["Default"] == "pass"
        promoted = await at.client.branch(engine.project_id, copy.facts["copy_id"])
        assert (promoted.name, promoted.default) == (at.branch.name, True)
        assert await at.count("orders", promoted.id) == 40
        assert await at.count("orders") == 38


async def test_migration_goes_back_with_its_schema(engine: RunningEngine, tmp_path: Path) -> None:
    async with accident(engine, tmp_path, "migration", "shop migration") as at:
        await at.harm("ALTER TABLE orders DROP COLUMN note; ALTER TABLE lines RENAME TO positions;")
        await at.step("deploy 42 dropped a column")
        await at.step("Ada stopped the deploys")
        await at.step(at.moment)
        await at.step("before 42")
        compared = await at.step()
        assert "orders.note" in evidence(compared, "Schema")
        await at.step("in_place")
        await at.step()
        word = await at.step("checkpoint 41, Ada")
        assert states(word) == {"Roll the code back on Replit": "unknown"}
        proven = await at.step()
        assert evidence(proven, "Digests") == "3 of 3 tables equal those of the copy, now"
        await at.step("it sells")
        assert await at.count("orders WHERE note IS NOT NULL") == 27
        assert at.guide.incident.closed_at is not None


async def test_what_is_written_after_the_restore_does_not_spoil_the_proof(
    engine: RunningEngine, tmp_path: Path
) -> None:
    async with accident(engine, tmp_path, "deletion", "shop digests") as at:
        await at.harm("DELETE FROM lines WHERE order_id = 1")
        for answer in ("", at.moment, "digest rescue", "", "in_place", ""):
            await at.step(answer or "x")
        await at.run("UPDATE orders SET total = 1.50 WHERE id = 5")
        proven = await at.step()
        assert proven.state == "done"
        assert evidence(proven, "Digests").startswith("3 of 3 tables equal those of the copy, at the restore")
        assert evidence(proven, "Now").endswith("public.orders")


async def test_result_that_differs_from_the_copy_is_seen_in_a_single_cell(
    engine: RunningEngine, tmp_path: Path
) -> None:
    async with accident(engine, tmp_path, "deletion", "shop cells") as at:
        await at.harm("DELETE FROM lines WHERE order_id = 1")
        for answer in ("", at.moment, "cells rescue"):
            await at.step(answer or "x")
        copy_id = at.guide.incident.record("copy").facts["copy_id"]
        await at.run("UPDATE orders SET total = 1.50 WHERE id = 5", copy_id)
        for answer in ("", "in_place", ""):
            await at.step(answer)
        proven = await at.step()
        assert proven.state == "held"
        assert evidence(proven, "Digests").startswith("2 of 3 tables equal")
        assert [check.name.split(".")[-1] for check in shown(proven)] == ["Digests", "orders", "Now"]
