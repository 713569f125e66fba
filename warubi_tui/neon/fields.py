"""Reading JSON objects of the API: missing optional fields are None, a missing required one is an error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from warubi_tui.errors import UnreachableError
from warubi_tui.lsn import Lsn
from warubi_tui.text import clean

Value = TypeVar("Value")


def not_neon(detail: str) -> UnreachableError:
    """The error for an answer that does not follow Neon's API."""
    return UnreachableError(
        "The server answered something that is not Neon's API.",
        detail,
        "Check the address (NEON_API_HOST ends in /api/v2) and whether a proxy stands in between.",
    )


class Fields:
    """One JSON object, read field by field.

    Every method raises UnreachableError when a required field is missing or a field has another type.
    """

    def __init__(self, what: str, data: object) -> None:
        if not isinstance(data, Mapping):
            raise not_neon(f"A {what} should be a JSON object.")
        self._what = what
        self._data = data

    def raw_text(self, key: str) -> str:
        """A required text as the server wrote it: for names that go back to a server in a later call."""
        return self._required(key, self._maybe_raw_text(key))

    def text(self, key: str) -> str:
        """A required text, made safe to draw."""
        return clean(self.raw_text(key))

    def maybe_text(self, key: str) -> str | None:
        """A text made safe to draw; None when missing, null or empty."""
        return clean(self._maybe_raw_text(key) or "") or None

    def integer(self, key: str) -> int:
        """A required integer."""
        return self._required(key, self.maybe_integer(key))

    def maybe_integer(self, key: str) -> int | None:
        """An integer, or None when missing or null."""
        value = self._data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise self._wrong(key, "an integer")
        return int(value)

    def flag(self, key: str) -> bool:
        """A boolean; False when missing or null."""
        value = self._data.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def time(self, key: str) -> datetime:
        """A required time, aware and in UTC."""
        return self._required(key, self.maybe_time(key))

    def maybe_time(self, key: str) -> datetime | None:
        """A time, aware and in UTC; None when missing, null or empty."""
        text = self._maybe_raw_text(key)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise self._wrong(key, "a time with an offset")
            return moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self._wrong(key, "a time") from error

    def maybe_lsn(self, key: str) -> Lsn | None:
        """A position in the write-ahead log; None when missing, null or empty."""
        text = self._maybe_raw_text(key)
        if not text:
            return None
        try:
            return Lsn.parse(text)
        except ValueError as error:
            raise self._wrong(key, "an LSN") from error

    def lsn(self, key: str) -> Lsn:
        """A required position in the write-ahead log."""
        return self._required(key, self.maybe_lsn(key))

    def child(self, key: str) -> "Fields":
        """An object inside this one; an empty one when missing or null."""
        value = self._data.get(key)
        return Fields(f"{self._what}.{key}", {} if value is None else value)

    def item(self, key: str) -> object:
        """A required value that is read by somebody else."""
        return self._required(key, self._data.get(key))

    def items(self, key: str) -> list[object]:
        """A list, empty when missing or null."""
        value = self._data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, "a list")
        return value

    def required_items(self, key: str) -> list[object]:
        """A list that has to be there, be it empty."""
        self.item(key)
        return self.items(key)

    def _maybe_raw_text(self, key: str) -> str | None:
        value = self._data.get(key)
        if value is not None and not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def _required(self, key: str, value: Value | None) -> Value:
        if value is None:
            raise not_neon(f"A {self._what} came without its field {key!r}.")
        return value

    def _wrong(self, key: str, wanted: str) -> UnreachableError:
        return not_neon(f"The field {key!r} of a {self._what} is not {wanted}.")
