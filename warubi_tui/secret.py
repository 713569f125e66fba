"""A password, key or connection string that does not show itself by accident."""

import re
from typing import Final

MASK: Final = "••••••"

_URI_PASSWORD = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)(?P<password>[^\s@]+)@", re.IGNORECASE)
_KEYWORD_PASSWORD = re.compile(r"(?P<head>\bpassword\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)
_BEARER = re.compile(r"(?P<head>\bBearer\s+)\S+", re.IGNORECASE)


class Secret:
    """Holds a secret text. `repr`, `str` and formatting give a mask; `reveal()` gives the text."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: only for the call that needs it, never for text a person or a file sees."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("warubi.secret", self._value))

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")


def redact(text: str, *secrets: Secret) -> str:
    """`text` without these secrets and without anything that looks like a password in a URI or header."""
    for secret in secrets:
        if value := secret.reveal():
            text = text.replace(value, MASK)
    text = _URI_PASSWORD.sub(rf"\g<head>{MASK}@", text)
    text = _KEYWORD_PASSWORD.sub(rf"\g<head>{MASK}", text)
    return _BEARER.sub(rf"\g<head>{MASK}", text)
