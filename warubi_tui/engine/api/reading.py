"""What a request says, read value by value. What cannot be read is refused with 400 in Neon's form of words.

Values nobody asks for are left alone, as Neon's document allows.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import datetime
from typing import Final, NoReturn, TypeVar

from warubi_tui.engine.api.times import read_time
from warubi_tui.lsn import Lsn

_IDENTIFIER: Final = re.compile(r"[a-z0-9-]{1,60}")
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_LONGEST_TEXT: Final = 10_000

Value = TypeVar("Value")


class Reader(ABC):
    """Named values of a request. A value that is absent reads as None; `need` insists on it."""

    @abstractmethod
    def refuse(self, name: str, why: str) -> NoReturn:
        """Raises the ApiError 400 that names this value."""

    @abstractmethod
    def _given_text(self, name: str) -> str | None:
        """The text under this name, unchecked."""

    def need(self, name: str, value: Value | None) -> Value:
        """`value`, which must not be absent."""
        if value is None:
            self.refuse(name, "field required")
        return value

    def text(self, name: str, *, shortest: int = 0, longest: int = _LONGEST_TEXT) -> str | None:
        """A text that can be stored, of a length in characters."""
        value = self._given_text(name)
        if value is None:
            return None
        if _UNSTORABLE.search(value):
            self.refuse(name, "a text without NUL and without lone surrogates expected")
        if not shortest <= len(value) <= longest:
            self.refuse(name, f"{shortest} to {longest} characters expected, not {len(value)}")
        return value

    def title(self, name: str) -> str | None:
        """What a project or a branch is called: 1 to 256 characters."""
        return self.text(name, shortest=1, longest=256)

    def identifier(self, name: str) -> str | None:
        """An id of Neon's form."""
        value = self.text(name)
        if value is not None and not _IDENTIFIER.fullmatch(value):
            self.refuse(name, "an id of at most 60 characters from a-z, 0-9 and - expected")
        return value

    def choice(self, name: str, options: Collection[str]) -> str | None:
        """One of `options`."""
        value = self.text(name)
        if value is not None and value not in options:
            self.refuse(name, f"one of {', '.join(options)} expected")
        return value

    def time(self, name: str) -> datetime | None:
        """An instant in RFC 3339, as aware UTC."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return read_time(value)
        except ValueError as error:
            self.refuse(name, str(error))

    def lsn(self, name: str) -> Lsn | None:
        """A position in the write-ahead log."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return Lsn.parse(value)
        except ValueError:
            self.refuse(name, "a WAL position like 0/1DE2850 expected")

    def target(self, time_name: str, lsn_name: str) -> tuple[datetime | None, Lsn | None]:
        """The point in history that is asked for: a time, an LSN, or neither. Both are refused."""
        at = self.time(time_name)
        lsn = self.lsn(lsn_name)
        if at is not None and lsn is not None:
            self.refuse(lsn_name, f"either {time_name} or {lsn_name} expected, not both")
        return at, lsn
