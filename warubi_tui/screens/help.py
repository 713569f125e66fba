"""Help: what this screen is for, and every key that works here, taken from the bindings themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, Static

_ENDING: Final = (
    "Arrows, pgup, pgdn, home and end move in lists; tab goes to the next field; ctrl+p finds all of these by"
    " name. esc closes."
)


class HelpScreen(ModalScreen[None]):
    """Shows the keys of the screen it was opened over."""

    CSS_PATH = "help.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,question_mark,q", "close", "Close", id="help.close", tooltip="Back to the screen"),
    ]

    def __init__(self, title: str, about: str, keys: Iterable[tuple[str, str, str]]) -> None:
        """
        Args:
            title, about: what the screen is called and what it is for.
            keys: key, short name and explanation of every binding.
        """
        super().__init__()
        self._title = title
        self._about = about
        self._keys = list(keys)

    def compose(self) -> ComposeResult:
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column()
        for key, name, explanation in self._keys:
            table.add_row(Text(key, style="bold"), Text(name), Text(explanation, style="dim"))
        with VerticalScroll(id="help"):
            yield Label(Content.styled(f"{self._title}: help", "bold"))
            yield Static(Content(self._about), id="help-about")
            yield Static(table)
            yield Static(Content.styled(_ENDING, "dim"), id="help-ending")

    def action_close(self) -> None:
        """Closes the help."""
        self.dismiss(None)


def key_rows(
    active: Iterable[ActiveBinding], display: Iterable[tuple[str, str]] = ()
) -> list[tuple[str, str, str]]:
    """Key, short name and explanation of warubi's own bindings; keys of one action share a row.

    Args:
        display: pairs of a binding's key and how it is written.
    """
    written = dict(display)
    rows: dict[tuple[str, str], list[str]] = {}
    for one in active:
        binding = one.binding
        if not binding.id or not binding.tooltip:
            continue
        keys = rows.setdefault((binding.description, binding.tooltip), [])
        shown = written.get(binding.key, binding.key)
        if shown not in keys:
            keys.append(shown)
    return [(" ".join(keys), name, explanation) for (name, explanation), keys in rows.items()]
