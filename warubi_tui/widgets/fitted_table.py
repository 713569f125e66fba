"""A list whose columns are chosen anew when its width changes."""

from textual.message import Message
from textual.widgets import DataTable


class FittedTable(DataTable[object]):
    """Tells when it has another width; whoever fills it then chooses other columns."""

    class Resized(Message):
        """The list has another width, so other columns fit."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())
