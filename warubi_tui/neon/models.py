"""What Neon's API talks about, as far as recovery needs it.

Every class is made from one JSON object of the API by `from_json`, which ignores unknown fields, takes
missing optional fields as None and raises UnreachableError when a required field is missing or a field has
another type. Times are aware and in UTC. Texts are safe to draw (see `warubi_tui.text`), except the names of
databases and roles, which have to go back to a server exactly as they are.

Source of the shapes: Neon's OpenAPI document, `components.schemas`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from warubi_tui.lsn import Lsn
from warubi_tui.neon.fields import Fields

SUCCESS: Final = frozenset({"finished", "skipped"})
FAILURE: Final = frozenset({"failed", "error", "cancelled"})


@dataclass(frozen=True)
class Project:
    """A project: what branches and the history window belong to."""

    id: str
    name: str
    pg_version: int
    """Major version of PostgreSQL."""
    history_retention: timedelta
    """How much of the past is kept at most; zero when restoring is turned off. Plans may keep less."""
    created_at: datetime
    region_id: str
    owner_plan: str | None
    """Subscription of the owner, such as `free_v3`; None in lists of projects."""
    branches_limit: int | None
    """How many branches the plan allows; None when not told."""

    @classmethod
    def from_json(cls, data: object) -> "Project":
        """From a `Project` or a `ProjectListItem`."""
        fields = Fields("project", data)
        owner = fields.child("owner")
        return cls(
            id=fields.text("id"),
            name=fields.text("name"),
            pg_version=fields.integer("pg_version"),
            history_retention=timedelta(seconds=fields.maybe_integer("history_retention_seconds") or 0),
            created_at=fields.time("created_at"),
            region_id=fields.maybe_text("region_id") or "",
            owner_plan=owner.maybe_text("subscription_type"),
            branches_limit=owner.maybe_integer("branches_limit"),
        )


@dataclass(frozen=True)
class Branch:
    """A branch: a whole PostgreSQL cluster that shares its past with its parent."""

    id: str
    project_id: str
    name: str
    """Not always unique on Neon: calls use the id."""
    parent_id: str | None
    """None for a root branch."""
    parent_lsn: Lsn | None
    """Where it left its parent; may be missing until the operations of its creation end."""
    parent_timestamp: datetime | None
    """The parent's data are as of this time; may be missing like `parent_lsn`."""
    current_state: str
    """`init`, `resetting`, `ready`, `archived`, or a word of a newer API."""
    pending_state: str | None
    default: bool
    protected: bool
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    """When the server deletes it by itself."""
    last_reset_at: datetime | None
    """When it was last overwritten by a restore or a reset."""
    logical_size: int | None
    """Bytes."""
    init_source: str | None
    """`parent-data` or `schema-only`."""
    restore_status: str | None
    """For a branch made from a snapshot: `restored`, `finalized`, `detaching`."""
    restricted: tuple[tuple[str, str], ...]
    """(action, reason) of what the server will not do to it now, such as `restore`."""
    created_by: str | None

    @classmethod
    def from_json(cls, data: object) -> "Branch":
        """From a `Branch`."""
        fields = Fields("branch", data)
        return cls(
            id=fields.text("id"),
            project_id=fields.text("project_id"),
            name=fields.text("name"),
            parent_id=fields.maybe_text("parent_id"),
            parent_lsn=fields.maybe_lsn("parent_lsn"),
            parent_timestamp=fields.maybe_time("parent_timestamp"),
            current_state=fields.text("current_state"),
            pending_state=fields.maybe_text("pending_state"),
            default=fields.flag("default"),
            protected=fields.flag("protected"),
            created_at=fields.time("created_at"),
            updated_at=fields.time("updated_at"),
            expires_at=fields.maybe_time("expires_at"),
            last_reset_at=fields.maybe_time("last_reset_at"),
            logical_size=fields.maybe_integer("logical_size"),
            init_source=fields.maybe_text("init_source"),
            restore_status=fields.maybe_text("restore_status"),
            restricted=tuple(
                (action.text("name"), action.maybe_text("reason") or "")
                for action in (Fields("action", item) for item in fields.items("restricted_actions"))
            ),
            created_by=fields.child("created_by").maybe_text("name"),
        )


@dataclass(frozen=True)
class Endpoint:
    """The compute of a branch: the server that clients connect to."""

    id: str
    host: str
    """Host name; on the engine `127.0.0.1:PORT`."""
    type: str
    """`read_write` or `read_only`."""
    branch_id: str
    current_state: str
    """`init`, `active`, `idle`, or a word of a newer API."""
    pending_state: str | None
    last_active: datetime | None
    disabled: bool

    @classmethod
    def from_json(cls, data: object) -> "Endpoint":
        """From an `Endpoint`."""
        fields = Fields("endpoint", data)
        return cls(
            id=fields.text("id"),
            host=fields.text("host"),
            type=fields.text("type"),
            branch_id=fields.text("branch_id"),
            current_state=fields.text("current_state"),
            pending_state=fields.maybe_text("pending_state"),
            last_active=fields.maybe_time("last_active"),
            disabled=fields.flag("disabled"),
        )


_OPERATIONS: Final = {
    "apply_config": "set up the compute",
    "check_availability": "check that the compute answers",
    "create_branch": "make the branch",
    "create_compute": "make the compute",
    "create_timeline": "make the branch's storage",
    "delete_timeline": "delete the branch's storage",
    "detach_parent_branch": "detach the branch from its parent",
    "start_compute": "start the compute",
    "suspend_compute": "suspend the compute",
    "swap_binding_id": "put the restored state in place",
    "timeline_archive": "archive the branch",
    "timeline_unarchive": "bring the branch back from the archive",
}
"""What operations do, in words; the keys are values of `OperationAction` in Neon's OpenAPI document."""


@dataclass(frozen=True)
class Operation:
    """Work that the server does after a call has returned."""

    id: str
    action: str
    """Such as `create_branch`, `start_compute`; the list grows."""
    status: str
    """`scheduling`, `running`, `finished`, `failed`, `error`, `cancelling`, `cancelled`, `skipped`, or a
    newer word."""
    branch_id: str | None
    endpoint_id: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    duration: timedelta

    @property
    def words(self) -> str:
        """What it does, as a person says it."""
        return _OPERATIONS.get(self.action) or self.action.replace("_", " ")

    @property
    def succeeded(self) -> bool:
        """Whether it has ended well. A word nobody knows is no success."""
        return self.status in SUCCESS

    @property
    def failed(self) -> bool:
        """Whether it has ended badly."""
        return self.status in FAILURE

    @property
    def terminal(self) -> bool:
        """Whether it has ended. A word nobody knows counts as still running."""
        return self.succeeded or self.failed

    @classmethod
    def from_json(cls, data: object) -> "Operation":
        """From an `Operation`."""
        fields = Fields("operation", data)
        return cls(
            id=fields.text("id"),
            action=fields.text("action"),
            status=fields.text("status"),
            branch_id=fields.maybe_text("branch_id"),
            endpoint_id=fields.maybe_text("endpoint_id"),
            error=fields.maybe_text("error"),
            created_at=fields.time("created_at"),
            updated_at=fields.time("updated_at"),
            duration=timedelta(milliseconds=fields.maybe_integer("total_duration_ms") or 0),
        )


@dataclass(frozen=True)
class Database:
    """A database of a branch."""

    id: int
    name: str
    """As the server wrote it: draw it through `text.clean`."""
    owner_name: str
    """As the server wrote it."""

    @classmethod
    def from_json(cls, data: object) -> "Database":
        """From a `Database`."""
        fields = Fields("database", data)
        return cls(fields.integer("id"), fields.raw_text("name"), fields.raw_text("owner_name"))


@dataclass(frozen=True)
class Role:
    """A role of a branch."""

    name: str
    """As the server wrote it: draw it through `text.clean`."""
    protected: bool
    """Whether it belongs to the system."""

    @classmethod
    def from_json(cls, data: object) -> "Role":
        """From a `Role`."""
        fields = Fields("role", data)
        return cls(fields.raw_text("name"), fields.flag("protected"))


@dataclass(frozen=True)
class Moment:
    """What a restore to a target would hold: everything up to a commit, and nothing of the next one.

    Known to warubi's engine, not to Neon.
    """

    lsn: Lsn
    """The end of what is included."""
    time: datetime | None
    """When the last transaction included was committed; None when there is none."""
    next_lsn: Lsn | None
    """Where the first transaction left out was committed; None at the head."""
    next_time: datetime | None

    @classmethod
    def from_json(cls, data: object) -> "Moment":
        """From the engine's `moment`."""
        fields = Fields("moment", data)
        return cls(
            lsn=fields.lsn("lsn"),
            time=fields.maybe_time("time"),
            next_lsn=fields.maybe_lsn("next_lsn"),
            next_time=fields.maybe_time("next_time"),
        )


@dataclass(frozen=True)
class TableActivity:
    """What happened to one table: rows written, and how often it was emptied, dropped or changed by DDL.

    `schema` and `name` are None where only the table's number is known.
    """

    database: str | None
    schema: str | None
    name: str | None
    number: int
    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    truncates: int = 0
    drops: int = 0
    ddl: int = 0

    @classmethod
    def from_json(cls, data: object) -> "TableActivity":
        """From one of the engine's `activity.tables`: a table to which nothing has happened yet."""
        fields = Fields("table", data)
        return cls(
            fields.maybe_text("database"),
            fields.maybe_text("schema"),
            fields.maybe_text("name"),
            fields.integer("number"),
        )

    def with_counts(self, data: object) -> "TableActivity":
        """With the counts of one of the engine's `activity.buckets.tables`."""
        fields = Fields("table", data)
        return replace(
            self,
            inserts=fields.maybe_integer("inserts") or 0,
            updates=fields.maybe_integer("updates") or 0,
            deletes=fields.maybe_integer("deletes") or 0,
            truncates=fields.maybe_integer("truncates") or 0,
            drops=fields.maybe_integer("drops") or 0,
            ddl=fields.maybe_integer("ddl") or 0,
        )


@dataclass(frozen=True)
class ActivityBucket:
    """What was committed from `start` up to and without `end`: how many transactions, which tables."""

    start: datetime
    end: datetime
    commits: int
    tables: tuple[TableActivity, ...] = ()

    @classmethod
    def from_json(cls, data: object, tables: Mapping[int, TableActivity]) -> "ActivityBucket":
        """From one of the engine's `activity.buckets`, whose tables are numbers of `tables`."""
        fields = Fields("bucket", data)
        counts = [(Fields("table", item).integer("table"), item) for item in fields.items("tables")]
        return cls(
            fields.time("start"),
            fields.time("end"),
            fields.integer("commits"),
            tuple(tables[number].with_counts(item) for number, item in counts if number in tables),
        )


@dataclass(frozen=True)
class Activity:
    """What was written over time, read from the write-ahead log. Known to warubi's engine, not to Neon."""

    from_: datetime
    to: datetime
    buckets: tuple[ActivityBucket, ...]

    @classmethod
    def from_json(cls, data: object) -> "Activity":
        """From the engine's `activity`."""
        fields = Fields("activity", data)
        tables = dict(enumerate(TableActivity.from_json(item) for item in fields.items("tables")))
        return cls(
            from_=fields.time("from"),
            to=fields.time("to"),
            buckets=tuple(
                ActivityBucket.from_json(item, tables) for item in fields.required_items("buckets")
            ),
        )


@dataclass(frozen=True)
class Ancestor:
    """A timeline that a branch's data came through. Known to warubi's engine, not to Neon."""

    id: str
    fork_lsn: Lsn | None
    """Where it left the timeline before it; None for the first."""
    fork_xid: int | None
    """The transaction id (64 bit) that was to be assigned next at `fork_lsn`, where that is known."""


def ancestors(data: object) -> tuple[Ancestor, ...]:
    """From the engine's `lineage`: newest first."""
    found = [Fields("timeline", item) for item in Fields("lineage", data).required_items("timelines")]
    return tuple(
        Ancestor(one.text("id"), one.maybe_lsn("fork_lsn"), one.maybe_integer("fork_xid")) for one in found
    )


@dataclass(frozen=True)
class Reach:
    """The earliest and the latest point a branch can be restored to.

    Known to warubi's engine, not to Neon.
    """

    start: datetime
    end: datetime
    start_lsn: Lsn
    end_lsn: Lsn

    @classmethod
    def from_json(cls, data: object) -> "Reach":
        """From the engine's `window`."""
        fields = Fields("window", data)
        return cls(fields.time("from"), fields.time("to"), fields.lsn("from_lsn"), fields.lsn("to_lsn"))


@dataclass(frozen=True)
class Created:
    """The answer to creating a branch."""

    branch: Branch
    endpoints: tuple[Endpoint, ...]
    operations: tuple[Operation, ...]

    @classmethod
    def from_json(cls, data: object) -> "Created":
        """From the answer's body."""
        fields = Fields("answer", data)
        return cls(
            branch=Branch.from_json(fields.item("branch")),
            endpoints=tuple(Endpoint.from_json(item) for item in fields.items("endpoints")),
            operations=_operations(fields),
        )


@dataclass(frozen=True)
class Changed:
    """The answer to changing a branch."""

    branch: Branch
    operations: tuple[Operation, ...]

    @classmethod
    def from_json(cls, data: object) -> "Changed":
        """From the answer's body."""
        fields = Fields("answer", data)
        return cls(Branch.from_json(fields.item("branch")), _operations(fields))


@dataclass(frozen=True)
class Deleted:
    """The answer to deleting a branch."""

    branch: Branch | None
    """None when it was gone already."""
    operations: tuple[Operation, ...]

    @classmethod
    def from_json(cls, data: object) -> "Deleted":
        """From the answer's body, None for an empty one."""
        if data is None:
            return cls(None, ())
        changed = Changed.from_json(data)
        return cls(changed.branch, changed.operations)


@dataclass(frozen=True)
class EndpointChanged:
    """The answer to starting or suspending a compute."""

    endpoint: Endpoint
    operations: tuple[Operation, ...]

    @classmethod
    def from_json(cls, data: object) -> "EndpointChanged":
        """From the answer's body."""
        fields = Fields("answer", data)
        return cls(Endpoint.from_json(fields.item("endpoint")), _operations(fields))


def _operations(fields: Fields) -> tuple[Operation, ...]:
    return tuple(Operation.from_json(item) for item in fields.items("operations"))
