"""The console on services that live in memory, with a fixed clock and zone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from textual.pilot import Pilot
from textual.worker import Worker, WorkerCancelled, WorkerFailed

from tests.commands.neon_server import NeonServer, serving
from tests.conftest import RunningEngine
from tests.neon.wire import PROJECT_ID
from warubi_tui import timefmt
from warubi_tui.app import WarubiApp
from warubi_tui.config import Target
from warubi_tui.diff.findings.finding import Finding
from warubi_tui.diff.model import (
    Progress,
    RowDiff,
    RowFilter,
    SchemaChange,
    TableDiff,
    TableProgress,
    ViewRow,
)
from warubi_tui.errors import RefusedError, WarubiError
from warubi_tui.history.events import Event
from warubi_tui.history.moment import RestorePoint
from warubi_tui.history.window import Window
from warubi_tui.lsn import Lsn
from warubi_tui.neon.models import (
    Activity,
    ActivityBucket,
    Branch,
    Database,
    Endpoint,
    Moment,
    Operation,
    Project,
)
from warubi_tui.recovery import effects
from warubi_tui.recovery.restore import RestorePlan, RestoreResult
from warubi_tui.secret import Secret

if TYPE_CHECKING:
    from warubi_tui.neon.client import NeonClient
    from warubi_tui.screens.services import Comparison
    from warubi_tui.screens.services import Progress as OperationProgress

NOW = datetime(2026, 11, 22, 14, 7, 58, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
KEY = Secret("napi_very_secret_key")
PROJECT = Project("prj", "shop", 18, timedelta(days=1), NOW - timedelta(days=9), "local", None, None)
WINDOW = Window(NOW - timedelta(hours=26), NOW, Lsn(0x1000000), Lsn(0x2000000), "server")

HOSTILE = (
    "[/]",
    "[true, false]",
    "[@click=app.quit]x[/]",
    "\x1b]2;x\x1b\\",
    "a\x00b",
    "user\u202etxt.exe",
    "long" * 3_000,
)
"""Texts that break a terminal, Textual's markup or a layout."""


def branch(name: str, parent: str | None = None, **changes: Any) -> Branch:
    """A ready branch with the id `br-NAME`, one hour old."""
    plain = Branch(
        id=f"br-{name}",
        project_id="prj",
        name=name,
        parent_id=f"br-{parent}" if parent else None,
        parent_lsn=Lsn.parse("0/1DE2850") if parent else None,
        parent_timestamp=NOW - timedelta(minutes=30) if parent else None,
        current_state="ready",
        pending_state=None,
        default=False,
        protected=False,
        created_at=NOW - timedelta(hours=1),
        updated_at=NOW,
        expires_at=None,
        last_reset_at=None,
        logical_size=31_900_000,
        init_source=None,
        restore_status=None,
        restricted=(),
        created_by=None,
    )
    return replace(plain, **changes)


def operation(action: str, status: str = "finished", error: str | None = None) -> Operation:
    """An operation of the branch main."""
    return Operation(action, action, status, "br-main", None, error, NOW, NOW, timedelta(seconds=1.5))


class FakeView:
    """Differing rows, those of `wanted`. In a condition `=` stands between a column and the value it has."""

    def __init__(self, comparison: "FakeComparison", rows: list[RowDiff], wanted: RowFilter) -> None:
        self._comparison = comparison
        self._rows = [one for one in rows if self._lets_through(one, wanted)]
        self._numbers = [place for place, one in enumerate(rows) if self._lets_through(one, wanted)]

    def _lets_through(self, row: RowDiff, wanted: RowFilter) -> bool:
        sides = [side for side in (row.then, row.now) if side is not None]
        name, _, value = (wanted.condition or "").partition(" = ")
        values = [text.lower() for side in sides for text in side.values() if text is not None]
        return (
            wanted.op in {None, row.op}
            and (wanted.column is None or wanted.column in row.columns)
            and (not wanted.text or any(wanted.text.lower() in text for text in values))
            and (not name or any(side[name] == value.strip("'") for side in sides))
            and (not wanted.marked or row in self._comparison.marks)
        )

    @property
    def total(self) -> int:
        return len(self._rows)

    @property
    def marked(self) -> int:
        return len(self._comparison.marks)

    async def rows(self, start: int, stop: int) -> list[ViewRow]:
        if self._comparison.rows_error is not None:
            raise self._comparison.rows_error
        self._comparison.fetched.append((start, stop))
        marks = self._comparison.marks
        numbered = zip(self._rows[start:stop], self._numbers[start:stop], strict=True)
        return [ViewRow(row, number, row in marks) for row, number in numbered]

    async def find(self, text: str, start: int, forward: bool = True) -> int | None:
        found = FakeView(self._comparison, self._rows, RowFilter(text=text))._rows
        places = [place for place, row in enumerate(self._rows) if row in found]
        if forward:
            return next((place for place in places if place >= start), None)
        return next((place for place in reversed(places) if place <= start), None)

    async def toggle(self, position: int) -> None:
        row, marks = self._rows[position], self._comparison.marks
        marks.remove(row) if row in marks else marks.append(row)

    async def mark_all(self, value: bool) -> None:
        kept = [row for row in self._comparison.marks if row not in self._rows]
        self._comparison.marks[:] = [*kept, *(self._rows if value else [])]

    async def close(self) -> None:
        self._comparison.views_closed += 1


class FakeComparison:
    """A comparison with given tables and rows.

    `gate` holds it back until it is set; `slow_to_stop`, when given, holds back its end when it is cancelled.
    """

    def __init__(self, tables: list[TableDiff], rows: list[RowDiff], schema: list[SchemaChange]) -> None:
        self.schema: list[SchemaChange] = []
        self.tables: list[TableDiff] = []
        self.notes: list[str] = []
        self.seconds = 0.0
        self.finished = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.slow_to_stop: asyncio.Event | None = None
        self.stopped = False
        self.closed = False
        self.fetched: list[tuple[int, int]] = []
        self.rows_error: WarubiError | None = None
        self.condition_error: WarubiError | None = None
        self.findings_error: WarubiError | None = None
        self.found: list[Finding] = []
        """What the rows of every table have in common."""
        self.progress: Progress | None = None
        """What is told while the first table is compared, instead of the least there is to tell."""
        self.marks: list[RowDiff] = []
        self.views_closed = 0
        self.unified = "--- then\n+++ now\n@@ -1 +1 @@\n-CREATE TABLE a\n+CREATE TABLE b\n"
        self.generated_columns: frozenset[str] = frozenset()
        self._tables, self._rows, self._schema = tables, rows, schema

    async def run(
        self,
        *,
        on_table: Callable[[TableDiff], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> object:
        self.tables.clear()
        self.schema[:] = self._schema
        for number, table in enumerate(self._tables):
            if on_progress:
                at = TableProgress(table.schema, table.table, 0, 1, "blocks")
                on_progress(self.progress or Progress(number, len(self._tables), 0, current=(at,)))
            await self._wait()
            self.tables.append(table)
            if on_table:
                on_table(table)
        self.finished, self.seconds = True, 0.25
        return self

    async def _wait(self) -> None:
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            if self.slow_to_stop is not None:
                await self.slow_to_stop.wait()
            self.stopped = True
            raise

    async def view(self, schema: str, table: str, wanted: RowFilter) -> FakeView:
        if wanted.condition and self.condition_error is not None:
            raise self.condition_error
        rows = [one for one in self._rows if (one.schema, one.table) == (schema, table)]
        return FakeView(self, rows, wanted)

    async def findings(self, tables: Sequence[TableDiff]) -> dict[tuple[str, str], list[Finding]]:
        if self.findings_error is not None:
            raise self.findings_error
        return {(table.schema, table.table): self.found for table in tables}

    def schema_text(self) -> str:
        return self.unified

    def generated(self, schema: str, table: str) -> frozenset[str]:
        return self.generated_columns

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeServices:
    """Services in memory. What tests look at afterwards is in `done`."""

    all_branches: list[Branch] = field(
        default_factory=lambda: [branch("main", default=True, protected=True), branch("copy", "main")]
    )
    all_events: list[Event] = field(default_factory=list)
    compare: FakeComparison = field(default_factory=lambda: FakeComparison([], [], []))
    failing: dict[str, WarubiError | Exception] = field(default_factory=dict)
    """Which call raises what, by the name of the method."""
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    """Calls that wait until their event is set."""
    knows_commits: bool = True
    notices: list[str] = field(default_factory=list)
    """What a comparison says about how it reads the branches."""
    done: list[tuple[object, ...]] = field(default_factory=list)
    closed: bool = False

    async def _enter(self, call: str) -> None:
        if call in self.gates:
            await self.gates[call].wait()
        if call in self.failing:
            raise self.failing[call]

    async def client(self) -> "NeonClient":
        raise RefusedError("There is no server in this test")

    async def project(self) -> Project:
        await self._enter("project")
        return PROJECT

    async def branches(self) -> list[Branch]:
        await self._enter("branches")
        return list(self.all_branches)

    async def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(f"ep-{one.name}", "127.0.0.1:54001", "read_write", one.id, "active", None, None, False)
            for one in self.all_branches
        ]

    async def databases(self, branch: Branch) -> list[Database]:
        return [Database(1, "shop", "owner")]

    async def window(self, branch: Branch) -> Window:
        await self._enter("window")
        return WINDOW

    async def events(self, branch: Branch) -> list[Event]:
        return self.all_events

    async def activity(self, branch: Branch, start: datetime, end: datetime, buckets: int) -> Activity | None:
        if not self.knows_commits:
            return None
        step = (end - start) / buckets
        return Activity(
            start,
            end,
            tuple(
                ActivityBucket(start + number * step, start + (number + 1) * step, (number * 7) % 11)
                for number in range(buckets)
            ),
        )

    async def moment(self, branch: Branch, at: datetime | Lsn) -> Moment | None:
        await self._enter("moment")
        if not self.knows_commits:
            return None
        second = timedelta(seconds=1)
        if isinstance(at, Lsn):
            return Moment(at, NOW - timedelta(minutes=20), None, None)
        return Moment(Lsn(0x1DE2850), at - second, Lsn(0x1DE2900), at + second)

    async def resolve(self, branch: Branch, when: "str | datetime | Lsn") -> RestorePoint:
        await self._enter("resolve")
        at = timefmt.parse_when(str(when), now=NOW, zone=BERLIN)
        if at < WINDOW.start:
            raise RefusedError("That lies before the history window")
        return RestorePoint(str(when), at, None, await self.moment(branch, at))

    async def plan_copy(self, branch: Branch, point: RestorePoint, name: str | None) -> RestorePlan:
        wanted = name or f"{branch.name}_restored"
        lines = effects.of_copy(PROJECT, branch, point, wanted, now=NOW, zone=BERLIN)
        return RestorePlan(PROJECT, "copy", branch, None, point, wanted, None, lines)

    async def plan_in_place(self, branch: Branch, point: RestorePoint, keep_as: str | None) -> RestorePlan:
        kept = keep_as or f"{branch.name}_old"
        lines = effects.of_in_place(PROJECT, branch, branch, point, kept, now=NOW, zone=BERLIN)
        return RestorePlan(PROJECT, "in_place", branch, branch, point, branch.name, kept, lines)

    async def plan_from(self, branch: Branch, source: Branch) -> RestorePlan:
        await self._enter("plan_from")
        kept = f"{branch.name}_old"
        lines = effects.of_in_place(PROJECT, branch, source, None, kept, now=NOW, zone=BERLIN)
        return RestorePlan(PROJECT, "in_place", source, branch, None, branch.name, kept, lines)

    async def connection_uri(self, branch: Branch) -> Secret:
        await self._enter("connection_uri")
        return Secret(f"postgresql://owner:hunter2@127.0.0.1:1/{branch.name}")

    async def restore(
        self, plan: RestorePlan, confirmation: str | None, progress: "OperationProgress"
    ) -> RestoreResult:
        progress([operation("create_branch", "running")])
        await self._enter("restore")
        self.done.append(("restore", plan.kind, plan.name, confirmation))
        progress([operation("create_branch")])
        made = branch(plan.name, plan.source.name)
        kept = branch(plan.keep_as) if plan.keep_as else None
        if plan.target is None:
            self.all_branches.append(made)
        return RestoreResult(made, (operation("create_branch"),), None, 1.5, kept)

    async def rename(self, branch: Branch, name: str, progress: "OperationProgress") -> None:
        await self._enter("rename")
        self.done.append(("rename", branch.name, name))
        self.all_branches = [replace(one, name=name) if one == branch else one for one in self.all_branches]

    async def protect(self, branch: Branch, protected: bool, progress: "OperationProgress") -> None:
        self.done.append(("protect", branch.name, protected))

    async def set_default(self, branch: Branch, progress: "OperationProgress") -> None:
        self.done.append(("set_default", branch.name))

    async def delete(self, branch: Branch, progress: "OperationProgress") -> None:
        self.done.append(("delete", branch.name))
        self.all_branches = [one for one in self.all_branches if one.id != branch.id]

    @asynccontextmanager
    async def readable(
        self, branch: Branch, at: datetime | None, notice: Callable[[str], None]
    ) -> AsyncIterator[Branch]:
        yield branch

    @asynccontextmanager
    async def comparison(
        self, then: Branch, now: Branch, database: str | None, notice: Callable[[str], None]
    ) -> "AsyncIterator[Comparison]":
        await self._enter("comparison")
        self.done.append(("compare", then.name, now.name, database))
        for words in self.notices:
            notice(words)
        yield self.compare

    async def close(self) -> None:
        self.closed = True


Open = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


def console(pilot: Pilot[None]) -> WarubiApp:
    """The app under the pilot."""
    assert isinstance(pilot.app, WarubiApp)
    return pilot.app


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the developer's own settings out, and logs in a folder of the test."""
    monkeypatch.setenv("WARUBI_HOME", str(tmp_path / "warubi"))
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture(params=[(80, 24), (140, 40)], ids=["80x24", "140x40"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """The terminals that everything is looked at in."""
    width, height = request.param
    return width, height


@pytest.fixture
def open_console() -> Open:
    """Opens the console: `async with open_console(services, size, environment="demo") as pilot`."""

    @asynccontextmanager
    async def opened(
        services: FakeServices,
        size: tuple[int, int] = (80, 24),
        *,
        environment: str = "demo",
        zone: tzinfo = BERLIN,
        wait: bool = True,
    ) -> AsyncIterator[Pilot[None]]:
        target = Target("http://127.0.0.1:1/api/v2", KEY, "prj", "engine", environment)
        app = WarubiApp(target, zone=zone, clock=lambda: NOW, services=services)
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: pilot.app.current_mode != "start")
            if wait:
                await settle(pilot)
            yield pilot

    return opened


async def settle(pilot: Pilot[None]) -> None:
    """Waits until no worker is at work, except those that wait for an answer, and messages are handled."""
    async with asyncio.timeout(20):
        await pilot.pause()
        while working := [
            one for one in pilot.app.workers if one.group not in {"default", "dialog"} and not one.is_finished
        ]:
            await asyncio.wait([asyncio.ensure_future(_ended(one)) for one in working])
            await pilot.pause()
        await pilot.pause()


async def _ended(worker: Worker[object]) -> None:
    """Waits for a worker, whatever comes of it."""
    with suppress(WorkerFailed, WorkerCancelled):
        await worker.wait()


async def until(pilot: Pilot[None], wanted: Callable[[], bool]) -> None:
    """Waits until `wanted` is true; fails after ten seconds."""
    async with asyncio.timeout(10):
        while not wanted():
            await pilot.pause(0.01)


async def seen(pilot: Pilot[None], *parts: str) -> None:
    """Waits, as long as a real engine may take, until all of `parts` are on the screen."""
    try:
        async with asyncio.timeout(60):
            while not all(part in words(pilot) for part in parts):
                await pilot.pause(0.05)
    except TimeoutError:
        raise AssertionError(f"never saw {parts}; the screen says:\n{words(pilot)}") from None


def ignore(_: object) -> None:
    """Takes progress and notices that a test does not look at."""


@pytest.fixture
def neon() -> Iterator[NeonServer]:
    """A small Neon over HTTP."""
    with serving(NeonServer()) as server:
        yield server


def target_of(neon: NeonServer, project_id: str | None = PROJECT_ID) -> Target:
    """The small Neon as a target."""
    return Target(neon.url, KEY, project_id, "test", "local")


def target_on(engine: RunningEngine) -> Target:
    """A real engine as a target."""
    return Target(engine.host, engine.key, engine.project_id, "engine", "local")


def words(pilot: Pilot[None]) -> str:
    """Everything on the screen in front, as lines of text."""
    compositor = pilot.app.screen._compositor
    return "\n".join(strip.text for strip in compositor.render_strips())
