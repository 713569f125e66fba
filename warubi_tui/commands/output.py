"""What a command prints: results on stdout, everything else on stderr, nothing that a terminal obeys."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence

from warubi_tui.errors import WarubiError
from warubi_tui.neon.models import Operation
from warubi_tui.secret import redact
from warubi_tui.text import clean_lines


class Output:
    """Where a command prints.

    Args:
        as_json: whether the result is one JSON object instead of text for people.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._shown: dict[str, str] = {}

    @property
    def width(self) -> int | None:
        """Columns of the terminal that people read the result on; None where it is not a terminal."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() and not self.as_json else None

    def result(self, text: str, data: Mapping[str, object]) -> None:
        """The result: `text` for people, or `data` as one JSON object."""
        write(json.dumps(data) if self.as_json else text)

    def note(self, text: str) -> None:
        """A line about what is going on; on stderr."""
        complain(text)

    def operations(self, operations: Sequence[Operation]) -> None:
        """Every operation whose status is news; on stderr."""
        for operation in operations:
            if self._shown.get(operation.id) != operation.status:
                self._shown[operation.id] = operation.status
                self.note(f"{operation.words}: {operation.status}")


def write(text: str) -> None:
    """A line on stdout. `text` is safe to draw already: JSON, or made of texts that are."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """Lines on stderr, without secrets."""
    sys.stderr.write(f"{redact(clean_lines(text))}\n")
    sys.stderr.flush()


def complain_about(error: WarubiError) -> None:
    """An error on stderr: what happened; what it means; what to do."""
    lines = [f"warubi: {error.title}"]
    lines += [f"  {line}" for part in (error.detail, error.hint) for line in part.splitlines()]
    complain("\n".join(lines))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side, as wide as they need to be. Numbers are not aligned."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
