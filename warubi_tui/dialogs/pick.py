"""One name out of many, found by typing a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from warubi_tui.dialogs.frame import Dialog, heading
from warubi_tui.text import clean


class PickDialog(Dialog[str]):
    """Shows the names that hold what is typed; enter takes the highlighted one."""

    AUTO_FOCUS = "#part"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", id="pick.up", tooltip="The name above", show=False),
        Binding("down", "move(1)", "Down", id="pick.down", tooltip="The name below", show=False),
    ]

    def __init__(self, title: str, names: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._names = names

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield heading(self._title)
            yield Input(compact=True, id="part", placeholder="part of a name")
            yield OptionList(*self._options(""), id="names", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = 0 if self._names else None

    def _options(self, part: str) -> list[Option]:
        return [
            Option(Text(clean(name)), id=str(number))
            for number, name in enumerate(self._names)
            if part in clean(name).lower()
        ]

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        names = self.query_one(OptionList)
        names.clear_options()
        names.add_options(self._options(event.value.strip().lower()))
        names.highlighted = 0 if names.option_count else None

    def action_move(self, lines: int) -> None:
        """Highlights the name above or below."""
        names = self.query_one(OptionList)
        if names.option_count:
            names.highlighted = max(0, min((names.highlighted or 0) + lines, names.option_count - 1))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        names = self.query_one(OptionList)
        if names.highlighted is not None:
            names.action_select()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[int(event.option.id or 0)])
