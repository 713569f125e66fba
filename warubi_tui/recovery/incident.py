"""An incident: one walk through a scenario, with everything that was answered, checked and done."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from warubi_tui.recovery.check import CHECK_STATES, Check

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch

FORMAT = 1
"""Version of the file's shape."""

StepState = Literal["todo", "running", "unknown", "failed", "held", "done"]
"""`running` and `unknown`: something was sent; it is looked up and never sent again. `held`: it was done,
but a check of it failed or could not run."""

_Word = TypeVar("_Word", bound=str)

_STEP_STATES: tuple[StepState, ...] = get_args(StepState)


class MalformedIncidentError(ValueError):
    """The text is not an incident that this version can read."""


@dataclass(frozen=True)
class Undone:
    """That a step was taken back."""

    at: datetime
    kept: str
    """The name of the branch that keeps the state from before the undo; empty when none was made."""


@dataclass
class StepRecord:
    """What is known about one step."""

    state: StepState = "todo"
    answer: str = ""
    """What the person typed or chose."""
    checks: list[Check] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    """What later steps build on: names, ids, LSNs (text), times (RFC 3339)."""
    problem: str = ""
    """Why the step failed or is unknown, in words."""
    undone: Undone | None = None
    """When this step was last taken back."""


@dataclass(frozen=True)
class LogEntry:
    """One line of the incident's log, which only grows."""

    at: datetime
    step: str
    text: str


@dataclass
class Incident:
    """A recovery under way. Times are aware UTC."""

    id: str
    scenario: str
    host: str
    """The management API that the branch belongs to: an incident is only taken up on the same one."""
    project_id: str
    branch_id: str
    branch_name: str
    created_at: datetime
    records: dict[str, StepRecord] = field(default_factory=dict)
    log: list[LogEntry] = field(default_factory=list)
    closed_at: datetime | None = None
    """When its last step was done."""
    archived_at: datetime | None = None
    """When a person took it off the list."""
    made: dict[str, str] = field(default_factory=dict)
    """Ids and names of the branches that it made or renamed away."""
    revision: int = 0
    """Counts the saves; two consoles that write the same incident notice each other by it."""

    @classmethod
    def begin(
        cls, scenario: str, *, host: str, project_id: str, branch_id: str, branch_name: str, now: datetime
    ) -> Incident:
        """A new incident with an id that sorts by its time of birth."""
        identity = f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        return cls(identity, scenario, host, project_id, branch_id, branch_name, now.astimezone(UTC))

    def record(self, step: str) -> StepRecord:
        """The record of a step; a fresh one when the step was never touched."""
        return self.records.setdefault(step, StepRecord())

    def reopen(self, step: str) -> None:
        """Forgets what is known about a step, except that it was undone."""
        record = self.records.pop(step, None)
        if record is not None and record.undone is not None:
            self.records[step] = StepRecord(undone=record.undone)

    def archive(self, at: datetime) -> None:
        """Takes the incident off the list."""
        self.archived_at = at
        self.note(at, "incident", "closed by a person: taken off the list")

    def bring_back(self, at: datetime) -> None:
        """Puts the incident on the list again."""
        self.archived_at = None
        self.note(at, "incident", "brought back to the list")

    def left_behind(self, branches: Iterable[Branch]) -> list[Branch]:
        """Which of `branches` it made or renamed away: what is to be deleted once nobody needs it."""
        return [one for one in branches if one.id in self.made and one.name != self.branch_name]

    def note(self, at: datetime, step: str, text: str) -> None:
        """Adds a line to the log."""
        self.log.append(LogEntry(at, step, text))

    def to_json(self) -> dict[str, object]:
        """The shape that is kept on disk."""
        return {
            "format": FORMAT,
            "id": self.id,
            "scenario": self.scenario,
            "host": self.host,
            "project_id": self.project_id,
            "branch_id": self.branch_id,
            "branch_name": self.branch_name,
            "created_at": self.created_at.isoformat(),
            "closed_at": self.closed_at.isoformat() if self.closed_at else None,
            "archived_at": self.archived_at.isoformat() if self.archived_at else None,
            "made": dict(self.made),
            "revision": self.revision,
            "records": {key: _record_to_json(record) for key, record in self.records.items()},
            "log": [{"at": e.at.isoformat(), "step": e.step, "text": e.text} for e in self.log],
        }

    @classmethod
    def from_json(cls, data: object) -> Incident:
        """Reads what `to_json` gave. Raises MalformedIncidentError for anything else."""
        fields = _mapping(data, "incident")
        if fields.get("format") != FORMAT:
            raise MalformedIncidentError(
                f"its format is {fields.get('format')!r}, this version reads {FORMAT}"
            )
        made = _mapping(fields.get("made", {}), "made")
        revision = fields.get("revision")
        if not isinstance(revision, int):
            raise MalformedIncidentError("revision is not a number")
        records = _mapping(fields.get("records"), "records")
        return cls(
            id=_text(fields, "id"),
            scenario=_text(fields, "scenario"),
            host=_text(fields, "host"),
            project_id=_text(fields, "project_id"),
            branch_id=_text(fields, "branch_id"),
            branch_name=_text(fields, "branch_name"),
            created_at=_time(fields, "created_at"),
            closed_at=_time_or_none(fields, "closed_at"),
            archived_at=_time_or_none(fields, "archived_at"),
            made={key: _text(made, key) for key in made},
            revision=revision,
            records={key: _record_from_json(value) for key, value in records.items()},
            log=[_entry_from_json(entry) for entry in _list(fields.get("log"), "log")],
        )


def _record_to_json(record: StepRecord) -> dict[str, object]:
    return {
        "state": record.state,
        "answer": record.answer,
        "problem": record.problem,
        "facts": dict(record.facts),
        "undone": {"at": record.undone.at.isoformat(), "kept": record.undone.kept} if record.undone else None,
        "checks": [
            {"name": c.name, "state": c.state, "evidence": c.evidence, "at": c.at.isoformat()}
            for c in record.checks
        ],
    }


def _record_from_json(data: object) -> StepRecord:
    fields = _mapping(data, "step")
    facts = _mapping(fields.get("facts"), "facts")
    return StepRecord(
        state=_one_of(fields, "state", _STEP_STATES),
        answer=_text(fields, "answer"),
        problem=_text(fields, "problem"),
        facts={key: _text(facts, key) for key in facts},
        checks=[_check_from_json(check) for check in _list(fields.get("checks"), "checks")],
        undone=_undone_from_json(fields.get("undone")),
    )


def _undone_from_json(data: object) -> Undone | None:
    if data is None:
        return None
    fields = _mapping(data, "undone")
    return Undone(_time(fields, "at"), _text(fields, "kept"))


def _check_from_json(data: object) -> Check:
    fields = _mapping(data, "check")
    return Check(
        name=_text(fields, "name"),
        state=_one_of(fields, "state", CHECK_STATES),
        evidence=_text(fields, "evidence"),
        at=_time(fields, "at"),
    )


def _entry_from_json(data: object) -> LogEntry:
    fields = _mapping(data, "log entry")
    return LogEntry(_time(fields, "at"), _text(fields, "step"), _text(fields, "text"))


def _mapping(data: object, what: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise MalformedIncidentError(f"{what} is not an object")
    return data


def _list(data: object, what: str) -> Sequence[object]:
    if not isinstance(data, list):
        raise MalformedIncidentError(f"{what} is not a list")
    return data


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise MalformedIncidentError(f"{key} is not a text")
    return value


def _one_of(fields: Mapping[str, object], key: str, allowed: Sequence[_Word]) -> _Word:
    value = _text(fields, key)
    for candidate in allowed:
        if candidate == value:
            return candidate
    raise MalformedIncidentError(f"{key} is {value!r}")


def _time_or_none(fields: Mapping[str, object], key: str) -> datetime | None:
    return None if fields.get(key) is None else _time(fields, key)


def _time(fields: Mapping[str, object], key: str) -> datetime:
    try:
        value = datetime.fromisoformat(_text(fields, key))
    except ValueError as error:
        raise MalformedIncidentError(f"{key} is not a time") from error
    if value.tzinfo is None:
        raise MalformedIncidentError(f"{key} is a time without a zone")
    return value.astimezone(UTC)
