"""From a branch to the database that a client connects to."""

from collections.abc import Sequence
from typing import Protocol

from warubi_tui.errors import UsageError
from warubi_tui.neon.models import Branch, Database
from warubi_tui.secret import Secret
from warubi_tui.text import clean


class ConnectionSource(Protocol):
    """Where connection strings come from: NeonClient."""

    async def databases(self, project_id: str, branch_id: str) -> list[Database]:
        """The databases of a branch."""

    async def connection_uri(self, project_id: str, *, branch_id: str, database: str, role: str) -> Secret:
        """A URI with the password."""


async def branch_uri(
    source: ConnectionSource,
    project_id: str,
    branch: Branch,
    database: str | None,
    *,
    role: str | None = None,
) -> Secret:
    """The connection string of a branch's database.

    Args:
        database: None for the only one.
        role: who connects; None for the database's owner.

    Raises:
        UsageError: there is no such database; or none is named and there are several, of which one could
            not be chosen without leaving out the others in silence.
    """
    databases = await source.databases(project_id, branch.id)
    chosen = _choose(databases, branch, database)
    return await source.connection_uri(
        project_id, branch_id=branch.id, database=chosen.name, role=role or chosen.owner_name
    )


def _choose(databases: Sequence[Database], branch: Branch, wanted: str | None) -> Database:
    fitting = [database for database in databases if wanted in {None, database.name}]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(clean(database.name) for database in databases) or "none"
    if wanted is not None or not databases:
        said = "no database" if wanted is None else f"no database {clean(wanted)!r}"
        raise UsageError(f"The branch {branch.name} has {said}.", hint=f"Databases: {names}")
    raise UsageError(
        f"The branch {branch.name} has {len(databases)} databases.",
        hint=f"Say which with --database: {names}",
    )
