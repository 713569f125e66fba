"""The one row that always says where one is: environment, profile, project, branch, mode, clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from rich.cells import cell_len, set_cell_size
from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget

from warubi_tui.text import clean
from warubi_tui.timefmt import is_utc


@dataclass(frozen=True)
class HeaderFacts:
    """What the header says. The names are foreign text; `now` is aware."""

    profile: str
    project: str
    branch: str
    environment: str
    read_only: bool
    now: datetime
    zone: tzinfo

    @property
    def mode(self) -> str:
        """Whether the console may change anything, in words."""
        return "read-only" if self.read_only else "can write"

    @property
    def clock(self) -> str:
        """The time in UTC, and in the zone of the user if that is another one."""
        clock = f"{self.now.astimezone(UTC):%H:%M:%S}Z"
        if is_utc(self.zone):
            return clock
        local = self.now.astimezone(self.zone)
        return f"{clock} {local:%H:%M} {clean(local.tzname() or '')}".rstrip()


def share(lengths: Sequence[int], room: int) -> list[int]:
    """Divides `room` so that short ones get what they need and long ones an equal part of the rest."""
    given = [0] * len(lengths)
    left = max(room, 0)
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    for position, index in enumerate(order):
        given[index] = min(lengths[index], left // (len(order) - position))
        left -= given[index]
    return given


def fit(text: str, cells: int) -> str:
    """`text` in at most `cells` terminal cells, with an ellipsis where it was cut."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…" if cells > 0 else ""


def header_content(facts: HeaderFacts, width: int) -> Content:
    """The header in exactly one row of `width` cells: names shrink, the words that matter do not."""
    environment = f" {clean(facts.environment).upper()} "
    right = f"{facts.mode}  {facts.clock} "
    names = [clean(name) for name in (facts.profile, facts.project, facts.branch or "—")]
    separator = " · "
    room = width - cell_len(environment) - cell_len(right) - len(separator) * 2 - 3
    sizes = share([cell_len(name) for name in names], room)
    profile, project, branch = (fit(name, size) for name, size in zip(names, sizes, strict=True))
    left = Content.assemble(" ", profile, separator, project, separator, (branch, "bold"))
    gap = max(1, width - cell_len(environment) - left.cell_length - cell_len(right))
    danger = facts.environment.lower() == "production"
    return Content.assemble(
        (environment, "bold $text on $error" if danger else "bold $text on $primary"),
        left,
        " " * gap,
        (facts.mode, "bold" if facts.read_only else "bold $text-warning"),
        f"  {facts.clock} ",
    )


class ConsoleHeader(Widget):
    """Draws the header and keeps its clock going."""

    DEFAULT_CSS = """
    ConsoleHeader {
        dock: top;
        height: 1;
        background: $panel;
        color: $foreground;
    }
    """

    def __init__(self, facts: Callable[[], HeaderFacts]) -> None:
        super().__init__()
        self._facts = facts

    def on_mount(self) -> None:
        self.set_interval(1, self.refresh)

    def render(self) -> RenderResult:
        return header_content(self._facts(), self.size.width)
