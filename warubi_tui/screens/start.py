"""The first frame: where one is, before anything else is imported, mounted or asked for."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.widgets.header import ConsoleHeader

MODE: Final = "start"
"""The mode in which the app opens."""

PAINT_SECONDS: Final = 0.03
"""Long enough for the first frame to reach the terminal; shorter than a person notices."""


class StartScreen(ConsoleScreen, inherit_bindings=False):
    """Gives way to the branches as soon as it was painted, unless another screen was chosen meanwhile."""

    def compose(self) -> ComposeResult:
        yield ConsoleHeader(self.header_facts)
        yield Static(Content(" Asking for the branches…"))

    def on_mount(self) -> None:
        self.set_timer(PAINT_SECONDS, self._give_way)

    async def _give_way(self) -> None:
        if self.app.current_mode == MODE:
            await self.console.begin()
