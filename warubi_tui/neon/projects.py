"""Which project is meant."""

from typing import Protocol

from warubi_tui.errors import UsageError
from warubi_tui.neon.models import Project


class ProjectSource(Protocol):
    """Where projects are read: NeonClient."""

    async def project(self, project_id: str) -> Project:
        """One project."""

    async def projects(self) -> list[Project]:
        """Every project that the key can see."""


async def choose_project(source: ProjectSource, project_id: str | None) -> Project:
    """The project with this id, or the only one that the key can see.

    Raises UsageError when no id is given and there is not exactly one project.
    """
    if project_id is not None:
        return await source.project(project_id)
    projects = await source.projects()
    if not projects:
        raise UsageError("The key sees no project.", hint="Name one with --project-id or NEON_PROJECT_ID.")
    if len(projects) > 1:
        listed = ", ".join(f"{project.id} ({project.name})" for project in projects)
        raise UsageError(
            f"The key sees {len(projects)} projects.",
            hint=f"Say which with --project-id or NEON_PROJECT_ID: {listed}",
        )
    return await source.project(projects[0].id)
