"""Neon's management API v2, call by call, as far as recovery needs it.

It talks to Neon and to warubi's engine alike. What only the engine offers (`moment`, `activity`, `window`)
is None elsewhere.

Every call may raise:
    UnreachableError: no connection, a key that is not accepted, or a server that fails or is no Neon API.
    NotFoundError: the server does not know what was named.
    RefusedError: the server said no; its message is in `detail`, word for word.
    UnknownOutcomeError: only calls that change something: the answer was lost. Nothing is ever sent twice:
        look the outcome up by the name that was given.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import quote

from warubi_tui.errors import RefusedError, UnknownOutcomeError, UnreachableError, UsageError
from warubi_tui.lsn import Lsn
from warubi_tui.neon.fields import Fields
from warubi_tui.neon.models import (
    Activity,
    Ancestor,
    Branch,
    Changed,
    Created,
    Database,
    Deleted,
    Endpoint,
    EndpointChanged,
    Moment,
    Operation,
    Project,
    Reach,
    Role,
    ancestors,
)
from warubi_tui.neon.transport import Body, NotFoundError, Parameters, Retries, Transport
from warubi_tui.secret import Secret
from warubi_tui.timefmt import rfc3339

if TYPE_CHECKING:
    import httpx

__all__ = ["Changed", "Created", "NeonClient", "NotFoundError", "Retries"]

_PAGE: Final = 100  # Neon caps pages of branches here, whatever its document says

Answer = TypeVar("Answer")


class NeonClient:
    """The calls. Use it as an async context manager, or call `close`.

    Args:
        host: base URL up to and with `/api/v2`. Proxies of the environment are used, but not for loopback.
        transport: takes the place of the network in tests.
        retries: how patient to be.
        engine: the directory of the engine that serves the API, for the hint where it does not answer.
    """

    def __init__(
        self,
        host: str,
        key: Secret,
        *,
        transport: "httpx.AsyncBaseTransport | None" = None,
        retries: Retries | None = None,
        engine: Path | None = None,
    ) -> None:
        self._transport = Transport(
            host, key, retries=retries or Retries(), transport=transport, engine=engine
        )

    @property
    def host(self) -> str:
        """The base URL, without a slash at its end."""
        return self._transport.host

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    # Account and projects

    async def me(self) -> str:
        """Who the key belongs to: an e-mail address, a login, or `organization key`."""
        try:
            user = Fields("user", await self._transport.read("read who the key belongs to", "/users/me"))
        except NotFoundError:  # Neon's answer to a key of an organization
            return "organization key"
        return user.maybe_text("email") or user.maybe_text("login") or user.text("id")

    async def projects(self) -> list[Project]:
        """Every project that the key can see."""
        try:
            return await self._projects({})
        except RefusedError as refusal:
            if "org_id is required" not in refusal.detail:
                raise
        projects: list[Project] = []
        doing = "list the organizations"
        answer = Fields("answer", await self._transport.read(doing, "/users/me/organizations"))
        for item in answer.required_items("organizations"):
            projects += await self._projects({"org_id": Fields("organization", item).raw_text("id")})
        return projects

    async def project(self, project_id: str) -> Project:
        """One project."""
        answer = await self._transport.read("read the project", _project(project_id))
        return Project.from_json(Fields("answer", answer).item("project"))

    async def _projects(self, filters: Parameters) -> list[Project]:
        return await self._pages(
            "list the projects",
            "/projects",
            filters,
            key="projects",
            cursor_key="cursor",
            read=Project.from_json,
            identity=lambda project: project.id,
        )

    # Branches

    async def branches(self, project_id: str) -> list[Branch]:
        """Every branch of a project, oldest first."""
        return await self._pages(
            "list the branches",
            f"{_project(project_id)}/branches",
            # The default order, by the last change, moves while the pages are read.
            {"sort_by": "created_at", "sort_order": "asc"},
            key="branches",
            cursor_key="next",
            read=Branch.from_json,
            identity=lambda branch: branch.id,
        )

    async def branch(self, project_id: str, branch_id: str) -> Branch:
        """One branch."""
        answer = await self._transport.read("read the branch", _branch(project_id, branch_id))
        return Branch.from_json(Fields("answer", answer).item("branch"))

    async def create_branch(
        self,
        project_id: str,
        *,
        parent_id: str | None,
        name: str,
        at: datetime | None = None,
        lsn: Lsn | None = None,
        compute: bool = True,
        expires_at: datetime | None = None,
    ) -> Created:
        """Makes a branch of `parent_id`: as it is now, or as it was at a time or an LSN.

        Args:
            parent_id: None is the project's default branch.
            name: make it unique: it is how a lost answer is looked up.
            compute: whether it gets a read-write endpoint to connect to.
            expires_at: when the server deletes it by itself; kept to the second.
        """
        point = _point("parent_timestamp", "parent_lsn", at, lsn)
        parent = {} if parent_id is None else {"parent_id": parent_id}
        branch = {"name": name, **parent, **point}
        if expires_at is not None:
            branch["expires_at"] = rfc3339(expires_at.replace(microsecond=0))
        body = {"branch": branch, "endpoints": [{"type": "read_write"}] if compute else []}
        doing = f"create the branch {name}"
        return await self._change("POST", doing, f"{_project(project_id)}/branches", body, Created.from_json)

    async def restore_branch(
        self,
        project_id: str,
        branch_id: str,
        *,
        source_id: str,
        at: datetime | None = None,
        lsn: Lsn | None = None,
        preserve_under_name: str | None = None,
    ) -> Changed:
        """Overwrites a branch by another, or by its own past; it keeps its id and its connection string.

        Args:
            source_id: the branch to take the data from; `branch_id` itself needs a time or an LSN.
            preserve_under_name: the state before the restore is kept as a branch of this name. None keeps
                nothing, where the server allows that. Make it unique: it is how a lost answer is looked up.
        """
        body = {"source_branch_id": source_id, **_point("source_timestamp", "source_lsn", at, lsn)}
        if preserve_under_name is not None:
            body["preserve_under_name"] = preserve_under_name
        path = f"{_branch(project_id, branch_id)}/restore"
        return await self._change("POST", "restore the branch", path, body, Changed.from_json)

    async def rename_branch(self, project_id: str, branch_id: str, name: str) -> Changed:
        """Gives a branch another name."""
        return await self._patch(project_id, branch_id, f"rename the branch to {name}", {"name": name})

    async def protect_branch(self, project_id: str, branch_id: str, protected: bool) -> Changed:
        """Protects a branch from being deleted and reset, or no longer does."""
        doing = "protect the branch" if protected else "take the protection off the branch"
        return await self._patch(project_id, branch_id, doing, {"protected": protected})

    async def set_default(self, project_id: str, branch_id: str) -> Changed:
        """Makes a branch the project's default branch."""
        path = f"{_branch(project_id, branch_id)}/set_as_default"
        return await self._change("POST", "make the branch the default", path, None, Changed.from_json)

    async def delete_branch(self, project_id: str, branch_id: str, *, for_good: bool = False) -> Deleted:
        """Deletes a branch. Of one that is gone already, nothing is deleted and `branch` is None.

        A server that keeps deleted branches for a while does not keep one that goes `for_good`.
        """
        path = _branch(project_id, branch_id) + ("?hard_delete=true" if for_good else "")
        return await self._change("DELETE", "delete the branch", path, None, Deleted.from_json)

    async def _patch(self, project_id: str, branch_id: str, doing: str, changes: Body) -> Changed:
        path = _branch(project_id, branch_id)
        return await self._change("PATCH", doing, path, {"branch": changes}, Changed.from_json)

    # Computes, databases, roles

    async def endpoints(self, project_id: str, branch_id: str | None = None) -> list[Endpoint]:
        """The computes of a branch, or of the whole project."""
        owner = _project(project_id) if branch_id is None else _branch(project_id, branch_id)
        answer = await self._transport.read("list the endpoints", f"{owner}/endpoints")
        return [Endpoint.from_json(item) for item in Fields("answer", answer).required_items("endpoints")]

    async def start_endpoint(self, project_id: str, endpoint_id: str) -> EndpointChanged:
        """Starts a compute."""
        path = f"{_project(project_id)}/endpoints/{_part(endpoint_id)}/start"
        return await self._change("POST", "start the endpoint", path, None, EndpointChanged.from_json)

    async def suspend_endpoint(self, project_id: str, endpoint_id: str) -> EndpointChanged:
        """Suspends a compute: connections drop; the next one starts it again."""
        path = f"{_project(project_id)}/endpoints/{_part(endpoint_id)}/suspend"
        return await self._change("POST", "suspend the endpoint", path, None, EndpointChanged.from_json)

    async def databases(self, project_id: str, branch_id: str) -> list[Database]:
        """The databases of a branch."""
        path = f"{_branch(project_id, branch_id)}/databases"
        answer = await self._transport.read("list the databases", path)
        return [Database.from_json(item) for item in Fields("answer", answer).required_items("databases")]

    async def roles(self, project_id: str, branch_id: str) -> list[Role]:
        """The roles of a branch."""
        answer = await self._transport.read("list the roles", f"{_branch(project_id, branch_id)}/roles")
        return [Role.from_json(item) for item in Fields("answer", answer).required_items("roles")]

    async def password(self, project_id: str, branch_id: str, role: str) -> Secret:
        """The password of a role. RefusedError where the project does not store passwords."""
        path = f"{_branch(project_id, branch_id)}/roles/{_part(role)}/reveal_password"
        answer = await self._transport.read("read the role's password", path)
        return Secret(Fields("answer", answer).raw_text("password"))

    async def connection_uri(self, project_id: str, *, branch_id: str, database: str, role: str) -> Secret:
        """A `postgresql://` URI, with the password, of the branch's read-write endpoint."""
        parameters = {"branch_id": branch_id, "database_name": database, "role_name": role}
        path = f"{_project(project_id)}/connection_uri"
        answer = await self._transport.read("read the connection string", path, parameters)
        return Secret(Fields("answer", answer).raw_text("uri"))

    # Operations

    async def operations(self, project_id: str, limit: int = 100) -> list[Operation]:
        """The newest operations of a project, newest first; `limit` up to 1000."""
        path = f"{_project(project_id)}/operations"
        answer = await self._transport.read("list the operations", path, {"limit": limit})
        return [Operation.from_json(item) for item in Fields("answer", answer).required_items("operations")]

    async def operation(self, project_id: str, operation_id: str) -> Operation:
        """One operation."""
        path = f"{_project(project_id)}/operations/{_part(operation_id)}"
        answer = await self._transport.read("read the operation", path)
        return Operation.from_json(Fields("answer", answer).item("operation"))

    # What only warubi's engine offers

    async def moment(
        self, project_id: str, branch_id: str, *, at: datetime | None = None, lsn: Lsn | None = None
    ) -> Moment | None:
        """Which commits a restore to a time or an LSN would include; None where that is not offered."""
        path = f"{_branch(project_id, branch_id)}/moment"
        return await self._extra(
            "find the commit", path, _point("timestamp", "lsn", at, lsn), Moment.from_json
        )

    async def activity(
        self, project_id: str, branch_id: str, *, from_: datetime, to: datetime, buckets: int
    ) -> Activity | None:
        """Commits over time in equal buckets, 2000 at most; None where that is not offered."""
        span: Parameters = {"from": rfc3339(from_), "to": rfc3339(to), "buckets": buckets}
        path = f"{_branch(project_id, branch_id)}/activity"
        return await self._extra("read the activity", path, span, Activity.from_json)

    async def window(self, project_id: str, branch_id: str) -> Reach | None:
        """How far back a branch can be restored; None where that is not offered."""
        path = f"{_branch(project_id, branch_id)}/window"
        return await self._extra("read the window", path, {}, Reach.from_json)

    async def lineage(self, project_id: str, branch_id: str) -> tuple[Ancestor, ...] | None:
        """The timelines a branch's data came through, its own first; None where that is not offered."""
        path = f"{_branch(project_id, branch_id)}/lineage"
        return await self._extra("read the lineage", path, {}, ancestors)

    async def _extra(
        self, doing: str, path: str, parameters: Parameters, read: Callable[[object], Answer]
    ) -> Answer | None:
        try:
            answer = await self._transport.read(doing, f"/warubi{path}", parameters)
        except NotFoundError:
            return None
        return read(answer)

    # How calls are made

    async def _change(
        self, method: str, doing: str, path: str, body: Body | None, read: Callable[[object], Answer]
    ) -> Answer:
        answer = await self._transport.change(method, doing, path, body)
        try:
            return read(answer)
        except UnreachableError as error:
            raise UnknownOutcomeError(
                f"The server answered, but not in Neon's form, when asked to {doing}.",
                f"{error.detail} It may or may not have happened, and it has not been sent again.",
                "Look at the branches and the operations before you repeat it.",
            ) from error

    async def _pages(
        self,
        doing: str,
        path: str,
        filters: Parameters,
        *,
        key: str,
        cursor_key: str,
        read: Callable[[object], Answer],
        identity: Callable[[Answer], str],
    ) -> list[Answer]:
        """All items of a paged list, each once.

        Neon names a next page even on the last one, and leaves out `pagination` with an empty page; another
        server may ignore the cursor. So the end is: nothing new on a page, or no further cursor.
        """
        found: dict[str, Answer] = {}
        cursors: set[str] = set()
        parameters: dict[str, str | int] = {**filters, "limit": _PAGE}
        while True:
            page = Fields("answer", await self._transport.read(doing, path, parameters))
            known = len(found)
            for item in page.required_items(key):
                one = read(item)
                found.setdefault(identity(one), one)
            cursor = page.child("pagination").maybe_text(cursor_key)
            if len(found) == known or cursor is None or cursor in cursors:
                return list(found.values())
            cursors.add(cursor)
            parameters["cursor"] = cursor


def _part(text: str) -> str:
    return quote(text, safe="")


def _project(project_id: str) -> str:
    return f"/projects/{_part(project_id)}"


def _branch(project_id: str, branch_id: str) -> str:
    return f"{_project(project_id)}/branches/{_part(branch_id)}"


def _point(time_key: str, lsn_key: str, at: datetime | None, lsn: Lsn | None) -> dict[str, str]:
    if at is not None and lsn is not None:
        raise UsageError("A point in the past is a time or an LSN, not both.")
    if lsn is not None:
        return {lsn_key: str(lsn)}
    return {} if at is None else {time_key: rfc3339(at)}
