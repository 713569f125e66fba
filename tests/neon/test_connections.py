import pytest

from tests.neon.wire import PROJECT_ID, branch_json, project_json
from warubi_tui.errors import UsageError
from warubi_tui.neon.connections import branch_uri
from warubi_tui.neon.models import Branch, Database, Project
from warubi_tui.neon.projects import choose_project
from warubi_tui.secret import Secret

MAIN = Branch.from_json(branch_json())


class Databases:
    def __init__(self, *names: str) -> None:
        self.names = names

    async def databases(self, project_id: str, branch_id: str) -> list[Database]:
        return [Database(number, name, f"owner of {name}") for number, name in enumerate(self.names)]

    async def connection_uri(self, project_id: str, *, branch_id: str, database: str, role: str) -> Secret:
        return Secret(f"{project_id} {branch_id} {database} {role}")


class Projects:
    def __init__(self, *identities: str) -> None:
        self.identities = identities

    async def project(self, project_id: str) -> Project:
        return Project.from_json(project_json(id=project_id, name="whole"))

    async def projects(self) -> list[Project]:
        return [Project.from_json(project_json(id=one)) for one in self.identities]


async def test_the_only_database_is_meant() -> None:
    uri = await branch_uri(Databases("shop"), PROJECT_ID, MAIN, None)
    assert uri.reveal() == "shop-1 br-main-1 shop owner of shop"


async def test_of_several_databases_one_has_to_be_named() -> None:
    databases = Databases("shop", "audit")
    with pytest.raises(UsageError, match="shop, audit"):
        await branch_uri(databases, PROJECT_ID, MAIN, None)
    assert "audit" in (await branch_uri(databases, PROJECT_ID, MAIN, "audit")).reveal()


@pytest.mark.parametrize("names", [(), ("shop",)])
async def test_a_database_that_is_not_there(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        await branch_uri(Databases(*names), PROJECT_ID, MAIN, "audit")


async def test_the_only_project_is_meant() -> None:
    assert (await choose_project(Projects("a"), None)).name == "whole"
    assert (await choose_project(Projects("a", "b"), "b")).id == "b"


@pytest.mark.parametrize("identities", [(), ("a", "b")])
async def test_of_several_projects_one_has_to_be_named(identities: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--project-id"):
        await choose_project(Projects(*identities), None)
