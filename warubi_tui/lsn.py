"""A position in PostgreSQL's write-ahead log."""

import re

_PATTERN = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")


class Lsn(int):
    """A byte position in the WAL, printed the way PostgreSQL prints `pg_lsn` (`0/1DE2850`)."""

    @classmethod
    def parse(cls, text: str) -> "Lsn":
        """Reads `X/Y` in hexadecimal. Raises ValueError for anything else."""
        match = _PATTERN.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"not an LSN: {text!r}")
        return cls((int(match[1], 16) << 32) + int(match[2], 16))

    @classmethod
    def looks_like(cls, text: str) -> bool:
        """Whether `text` has the form of an LSN."""
        return _PATTERN.fullmatch(text.strip()) is not None

    def __str__(self) -> str:
        return f"{self >> 32:X}/{self & 0xFFFFFFFF:X}"

    def __repr__(self) -> str:
        return f"Lsn({self})"
