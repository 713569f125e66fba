"""Choosing one of the ways of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option as Line

from warubi_tui.dialogs.frame import Dialog, heading

if TYPE_CHECKING:
    from warubi_tui.recovery.scenarios.scenario import Option


class ChoiceDialog(Dialog[str]):
    """Shows the options with what each means; answers with the value of the chosen one."""

    AUTO_FOCUS = "#options"

    def __init__(self, title: str, ask: str, options: Sequence[Option]) -> None:
        super().__init__()
        self._title = title
        self._ask = ask
        self._options = options

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield heading(self._title)
            yield Label(Content(f"{self._ask} Enter takes the highlighted one; esc takes none."))
            yield OptionList(
                *(Line(_line(option), id=option.value) for option in self._options),
                id="options",
                markup=False,
            )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)


def _line(option: Option) -> Content:
    return Content.assemble((option.title, "bold"), "\n  ", (option.meaning, "dim"))
