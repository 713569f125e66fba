"""Looking into branches over PostgreSQL, every database of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from warubi_tui.recovery.check import Check
from warubi_tui.recovery.inspector import Comparison, Readable, Report, TableDifference, TableProof
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.diff.lineage import Lineage
    from warubi_tui.diff.model import TableDiff
    from warubi_tui.neon.models import Branch
    from warubi_tui.recovery.control_plane import ControlPlane
    from warubi_tui.secret import Secret


class BranchInspector:
    """The `Inspector` that connects to the branches with the roles that own their databases.

    Args:
        readable: opens a branch for reading where it has no compute, or in its past.
    """

    def __init__(self, client: ControlPlane, clock: Callable[[], datetime], readable: Readable) -> None:
        self._client = client
        self._clock = clock
        self._readable = readable

    async def reach(self, project_id: str, branch: Branch) -> Check:
        """Connects afresh to the branch's first database. Raises UnreachableError when that fails."""
        from warubi_tui.postgres.session import session

        if not await self._client.endpoints(project_id, branch.id):
            return Check("Connection", "warn", "it has no compute: nothing can connect to it", self._clock())
        uris = await self._uris(project_id, branch)
        if not uris:
            return Check("Connection", "unknown", "the branch has no database", self._clock())
        database, uri = next(iter(uris.items()))
        async with session(uri, purpose="recovery") as connection:
            cursor = await connection.execute(
                "SELECT current_user::text, current_setting('server_version'), pg_is_in_recovery()"
            )
            role, version, in_recovery = (await cursor.fetchall())[0]
        evidence = clean(f"connected to {database} as {role}, PostgreSQL {version}")
        if in_recovery:
            return Check("Connection", "warn", f"{evidence}, still read-only", self._clock())
        return Check("Connection", "pass", evidence, self._clock())

    async def integrity(self, project_id: str, branch: Branch, report: Report) -> list[Check]:
        """Looks for damage in every database of the branch."""
        from warubi_tui.recovery.integrity import database_integrity

        checks = []
        async with self._readable(branch, None, report) as readable:
            for database, uri in (await self._uris(project_id, readable)).items():
                checks += await database_integrity(database, uri, clock=self._clock, report=report)
        return checks or [Check("Databases", "unknown", "the branch has no database", self._clock())]

    async def compare(self, project_id: str, then: Branch, now: Branch, report: Report) -> Comparison:
        """Compares every database that both branches have; the others are named as schema changes."""
        from warubi_tui.diff.lineage import branch_lineage

        async with self._readable(then, None, report) as left, self._readable(now, None, report) as right:
            return await _compare(
                await self._uris(project_id, left),
                await self._uris(project_id, right),
                await branch_lineage(self._client, left, right),
                report,
            )

    async def prove(
        self, project_id: str, left: Branch, right: Branch, report: Report, at: datetime | None = None
    ) -> list[TableProof]:
        """Compares the digests of every table of every database."""
        async with self._readable(left, None, report) as one, self._readable(right, at, report) as other:
            return await _prove(
                await self._uris(project_id, one), await self._uris(project_id, other), report
            )

    async def _uris(self, project_id: str, branch: Branch) -> dict[str, Secret]:
        databases = await self._client.databases(project_id, branch.id)
        return {
            database.name: await self._client.connection_uri(
                project_id, branch_id=branch.id, database=database.name, role=database.owner_name
            )
            for database in sorted(databases, key=lambda database: database.id)
        }


Uris = Mapping[str, "Secret"]
"""Connection strings by the name of the database."""


async def _compare(before: Uris, after: Uris, lineage: Lineage | None, report: Report) -> Comparison:
    from warubi_tui.diff.database import DatabaseDiff
    from warubi_tui.diff.words import schema_words

    tables: list[TableDifference] = []
    changes = [f"database {name} is gone" for name in before.keys() - after.keys()]
    changes += [f"database {name} is new" for name in after.keys() - before.keys()]
    left_out: list[str] = []
    for database in sorted(before.keys() & after.keys()):
        async with DatabaseDiff(before[database], after[database], keep_rows=0, lineage=lineage) as diff:
            await diff.run(
                on_progress=lambda at: report(
                    f"compared {at.tables_done} of {at.tables} tables, now"
                    f" {', '.join(clean(one.table) for one in at.current)}"
                )
            )
            tables += [_difference(database, table) for table in diff.tables]
            changes += [f"{database}: {schema_words(change)}" for change in diff.schema]
            if not diff.complete:
                left_out += [f"{database}: {note}" for note in diff.notes]
            left_out += [
                f"{database}: {table.schema}.{table.table}.{column}: {reason}"
                for table in diff.tables
                for column, reason in table.left_out.items()
            ]
    return Comparison(tuple(tables), tuple(changes), tuple(left_out))


async def _prove(one: Uris, other: Uris, report: Report) -> list[TableProof]:
    from warubi_tui.recovery.verify import compare_databases

    proofs = [
        TableProof(database, "(the whole database)", False, None, "the database is there on one side only")
        for database in sorted(one.keys() ^ other.keys())
    ]
    for database in sorted(one.keys() & other.keys()):
        proofs += await compare_databases(database, one[database], other[database], report=report)
    return proofs


def _difference(database: str, table: TableDiff) -> TableDifference:
    return TableDifference(
        database,
        f"{table.schema}.{table.table}",
        table.removed,
        table.added,
        table.changed,
        table.not_compared,
    )
