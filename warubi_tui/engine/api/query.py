"""The part of a request's address after `?`."""

import re
from datetime import datetime
from typing import Final, NoReturn

from starlette.datastructures import QueryParams

from warubi_tui.engine.api.reading import Reader
from warubi_tui.engine.failures import ApiError

_LOST_PLUS: Final = re.compile(r" \d\d:\d\d$")
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")


class Query(Reader):
    """Parameters by name; each may be given once."""

    def __init__(self, values: QueryParams) -> None:
        self._values = values

    def refuse(self, name: str, why: str) -> NoReturn:
        raise ApiError(400, f'invalid request: decode params: query: "{name}" ({why})')

    def time(self, name: str) -> datetime | None:
        value = self._given_text(name)
        if value is not None and _LOST_PLUS.search(value):
            self.refuse(name, "a space before the offset: in an address + is written %2B")
        return super().time(name)

    def _given_text(self, name: str) -> str | None:
        given = self._values.getlist(name)
        if len(given) > 1:
            self.refuse(name, "given more than once")
        return given[0] if given else None

    def flag(self, name: str) -> bool:
        """true or false; false where absent."""
        return self.choice(name, ("true", "false")) == "true"

    def whole(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number within bounds, both included."""
        value = self.text(name)
        if value is None:
            return None
        if not _WHOLE_NUMBER.fullmatch(value) or not lowest <= int(value) <= highest:
            self.refuse(name, f"a whole number from {lowest} to {highest} expected")
        return int(value)
