"""The words of the Recover screen: scenarios, incidents, steps, checks. Foreign text is drawn as text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

from textual.content import Content

from warubi_tui import timefmt
from warubi_tui.text import clean, clean_lines

if TYPE_CHECKING:
    from warubi_tui.recovery.check import Check, CheckState
    from warubi_tui.recovery.guide import Guide
    from warubi_tui.recovery.incident import Incident, StepState, Undone
    from warubi_tui.recovery.incident_store import UnreadableIncident
    from warubi_tui.recovery.scenarios.scenario import Scenario, Step

_CHECK_STYLE: Final[dict[CheckState, tuple[str, str]]] = {
    "pass": ("✔ pass   ", "$text-success"),
    "warn": ("! warn   ", "$text-warning"),
    "fail": ("✖ FAIL   ", "bold $text-error"),
    "unknown": ("? unknown", "bold $text-warning"),
}

_STEP_STYLE: Final[dict[StepState, tuple[str, str]]] = {
    "todo": ("·", "dim"),
    "running": ("…", "bold"),
    "unknown": ("?", "bold $text-warning"),
    "failed": ("✖", "bold $text-error"),
    "held": ("!", "bold $text-warning"),
    "done": ("✔", "$text-success"),
}

_STEP_WORDS: Final[dict[StepState, str]] = {
    "todo": "to do",
    "running": "running",
    "unknown": "outcome unknown",
    "failed": "failed",
    "held": "held by a check",
    "done": "done",
}


def scenario_line(scenario: Scenario) -> Content:
    """A scenario in the list: its name and how such an accident looks."""
    return Content.assemble((scenario.title, "bold"), "\n  ", (scenario.when, "dim"))


def closing_lines(incident: Incident, unsettled: Iterable[str], left: Iterable[str]) -> list[str]:
    """What closing an incident means, and what it leaves for a person to delete.

    Args:
        unsettled: the titles of steps whose outcome is unknown.
        left: branches, each in words.
    """
    lines = [
        "Takes it off this list. h shows the closed ones, and x brings one back.",
        "Nothing is undone and nothing is deleted on the server; its record stays on this machine.",
    ]
    if incident.closed_at is None:
        lines.append("It is not finished: no more steps are done.")
    lines += [f"Outcome unknown, look at the branches: {title}" for title in unsettled]
    stays = [f"  {branch}" for branch in left]
    if not stays:
        return [*lines, "No branch that it made is left."]
    return [*lines, "Left for you to delete once nobody needs it (x on the Branches screen):", *stays]


def incident_line(incident: Incident, title: str, at: str, now: datetime) -> Content:
    """An incident in the list: scenario, branch, age, and the step it stands at."""
    return Content.assemble(
        (title, "bold"),
        f" of {clean(incident.branch_name)}, begun {timefmt.age(incident.created_at, now)}\n  ",
        (at, "dim"),
    )


def unreadable_line(found: UnreadableIncident) -> Content:
    """A file that is no incident."""
    return Content.assemble(
        ("✖ cannot be read: ", "bold $text-error"),
        clean(found.path.name),
        "\n  ",
        (clean(found.reason), "dim"),
    )


def step_line(guide: Guide, step: Step, number: int) -> Content:
    """A step in the list: state, number, title."""
    record = guide.record(step)
    state = record.state
    mark, style = _STEP_STYLE["held" if guide.accepted(step) else state]
    title = Content.styled(f"{number}. {step.title}", "bold" if step == guide.current else "")
    parts = [Content.styled(f"{mark} ", style), title]
    if state not in {"todo", "done"}:
        parts.append(Content.styled(f"\n     {_STEP_WORDS[state]}", style))
    elif state == "done" and guide.accepted(step):
        parts.append(Content.styled("\n     accepted, not passed", style))
    elif state == "todo" and record.undone is not None:
        parts.append(
            Content.styled(f"\n     undone {timefmt.utc(record.undone.at, 'seconds')}", "$text-warning")
        )
        if record.undone.kept:
            parts.append(Content.styled(f"\n     kept: {clean(record.undone.kept)}", "$text-warning"))
    return Content("").join(parts)


def step_detail(guide: Guide, step: Step, keys: str, zone: tzinfo) -> Content:
    """Everything about a step: what it checked, what it asks, what is safe, how to undo.

    Args:
        keys: what can be pressed now.
    """
    record = guide.record(step)
    state = "working" if guide.working and step == guide.current else _STEP_WORDS[record.state]
    parts = [Content.assemble((step.title, "bold"), f"  ({state})")]
    if keys:
        parts.append(Content.styled(keys, "bold $text-accent"))
    if record.answer:
        parts.append(_labelled("Answer", record.answer))
    if record.problem:
        parts.append(Content.styled(clean_lines(record.problem), "$text-error"))
    if record.undone is not None:
        parts.append(Content.styled(_undone(record.undone, zone), "$text-warning"))
    if record.checks:
        parts += [Content.styled("Checked", "dim"), *(_check(check) for check in record.checks)]
    parts.append(_labelled("Asks", step.ask))
    parts += [_labelled("Safe", step.safe), _labelled("Undo", step.undo)]
    return Content("\n").join(parts)


def _undone(undone: Undone, zone: tzinfo) -> str:
    when = timefmt.both(undone.at, zone, "seconds")
    kept = f"; the state before the undo is kept as {clean(undone.kept)}" if undone.kept else ""
    return f"Undone at {when}{kept}"


def notes(scenario: Scenario) -> Content:
    """Where the scenario differs from the guide."""
    return Content("\n").join(Content.styled(f"• {note}", "dim") for note in scenario.notes)


def log(incident: Incident, zone: tzinfo) -> Content:
    """The incident's log, newest first."""
    lines = [
        Content.assemble(
            (f"{timefmt.both(entry.at, zone, 'seconds')}\n", "dim"),
            f"{clean(entry.step)}: {clean_lines(entry.text)}",
        )
        for entry in reversed(incident.log)
    ]
    return Content("\n").join(lines) if lines else Content("Nothing has been done yet.")


def _labelled(label: str, text: str) -> Content:
    return Content.assemble((f"{label}: ", "dim"), clean_lines(text))


def _check(check: Check) -> Content:
    word, style = _CHECK_STYLE[check.state]
    return Content.assemble(
        (word, style), " ", (clean(check.name), "bold"), f": {clean_lines(check.evidence)}"
    )


def keys_line(keys: Iterable[tuple[str, str]]) -> str:
    """`enter does this step · l looks it up`."""
    return " · ".join(f"{key} {does}" for key, does in keys)
