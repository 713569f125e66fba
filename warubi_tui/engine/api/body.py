"""The JSON object a request carries."""

import json
from collections.abc import Iterator, Mapping
from typing import NoReturn, TypeVar

from warubi_tui.engine.api.reading import Reader
from warubi_tui.engine.failures import ApiError

Value = TypeVar("Value")


class Fields(Reader):
    """A JSON object, read field by field. `null` is a value of its own, not an absent field."""

    def __init__(self, values: Mapping[str, object], path: str = "") -> None:
        self._values = values
        self._path = path

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def refuse(self, name: str, why: str) -> NoReturn:
        raise ApiError(400, f"invalid request: decode application/json: invalid: {self._path}{name} ({why})")

    def _take(self, name: str, kind: type[Value], word: str) -> Value | None:
        if name not in self._values:
            return None
        value = self._values[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.refuse(name, f"{word} expected")
        return value

    def _given_text(self, name: str) -> str | None:
        return self._take(name, str, "a text")

    def flag(self, name: str) -> bool | None:
        """true or false."""
        return self._take(name, bool, "true or false")

    def whole(self, name: str) -> int | None:
        """A whole number."""
        return self._take(name, int, "a whole number")

    def number(self, name: str) -> float | None:
        """A number, whole or not."""
        if isinstance(self._values.get(name), float):
            return self._take(name, float, "a number")
        return self._take(name, int, "a number")

    def fields(self, name: str) -> "Fields | None":
        """A JSON object inside this one."""
        value = self._take(name, dict, "an object")
        return None if value is None else Fields(value, f"{self._path}{name}.")

    def list_of_fields(self, name: str) -> "list[Fields]":
        """JSON objects in an array; none where the field is absent."""
        found = []
        for index, value in enumerate(self._take(name, list, "a list") or []):
            if not isinstance(value, dict):
                self.refuse(f"{name}[{index}]", "an object expected")
            found.append(Fields(value, f"{self._path}{name}[{index}]."))
        return found


def read_body(raw: bytes) -> Fields:
    """The JSON object in `raw`. Raises ApiError 400 where there is none."""
    if not raw:
        raise ApiError(400, "invalid request: decode application/json: body required")
    try:
        value = json.loads(raw.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "invalid request: decode application/json: not valid JSON") from error
    if not isinstance(value, dict):
        raise ApiError(400, "invalid request: decode application/json: an object expected")
    return Fields(value)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
