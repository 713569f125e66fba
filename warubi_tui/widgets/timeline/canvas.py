"""A grid of styled characters that becomes `Content`: for drawings where lines cross text."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content


class Canvas:
    """`height` rows of `width` terminal cells, blank at first."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._chars = [[" "] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]

    def write(self, row: int, cell: int, text: str, style: str = "") -> None:
        """Puts `text` into `row` from `cell` on, wide characters on two cells; the rest is left out."""
        for char in text:
            size = cell_len(char)
            if size and 0 <= row < self.height and cell >= 0 and cell + size <= self.width:
                self._chars[row][cell] = char
                self._styles[row][cell] = style
                for extra in range(1, size):
                    self._chars[row][cell + extra] = ""
                    self._styles[row][cell + extra] = style
            cell += size

    def column(self, cell: int, rows: range, style: str, blank: str = "│") -> None:
        """Styles a whole column and draws `blank` where nothing stands."""
        for row in rows:
            if not (0 <= row < self.height and 0 <= cell < self.width):
                continue
            if self._chars[row][cell] in {" ", "─"}:
                self._chars[row][cell] = blank
            if self._chars[row][cell]:
                self._styles[row][cell] = style

    def content(self) -> Content:
        """The drawing, one line a row."""
        return Content("\n").join(self._line(row) for row in range(self.height))

    def _line(self, row: int) -> Content:
        parts: list[tuple[str, str]] = []
        for char, style in zip(self._chars[row], self._styles[row], strict=True):
            if parts and parts[-1][1] == style:
                parts[-1] = (parts[-1][0] + char, style)
            else:
                parts.append((char, style))
        return Content.assemble(*parts)
