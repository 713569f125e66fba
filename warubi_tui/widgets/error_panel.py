"""Where a screen says what went wrong: what, what it means, what to do next."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from warubi_tui.errors import WarubiError
from warubi_tui.text import clean, clean_lines


class ErrorPanel(VerticalScroll, can_focus=False):
    """Hidden until `show`; stays until it is dismissed or retried, unlike a toast."""

    DEFAULT_CSS = """
    ErrorPanel {
        display: none;
        dock: bottom;
        height: auto;
        max-height: 50%;
        margin-bottom: 1;
        padding: 0 1;
        border: heavy $error;
        background: $surface;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.error: WarubiError | None = None
        self.retry: Callable[[], object] | None = None

    def compose(self) -> ComposeResult:
        yield Static()

    def show(self, error: WarubiError, retry: Callable[[], object] | None = None) -> None:
        """Shows `error`; `retry` is what the retry key will do."""
        self.error, self.retry = error, retry
        self.query_one(Static).update(error_content(error, can_retry=retry is not None))
        self.display = True
        self.scroll_home(animate=False)

    def hide(self) -> None:
        """Forgets the error."""
        self.error = self.retry = None
        self.display = False


def error_content(error: WarubiError, *, can_retry: bool = False) -> Content:
    """Title, detail, hint and the keys that help, as plain text."""
    parts = [Content.styled(f"✖ {clean(error.title)}", "bold $text-error")]
    if error.detail:
        parts.append(Content(clean_lines(error.detail)))
    if error.hint:
        parts.append(Content.assemble(("→ ", "bold"), clean_lines(error.hint)))
    keys = "r try again · esc close" if can_retry else "esc close"
    parts.append(Content.styled(keys, "dim"))
    return Content("\n").join(parts)
