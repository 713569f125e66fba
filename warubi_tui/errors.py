"""What can go wrong, in words a person can act on at three in the morning.

Every error that reaches a person is a `WarubiError`. Exceptions of libraries are translated where the
library is called; nothing above that place knows them.
"""

from typing import ClassVar


class WarubiError(Exception):
    """Something failed. Exit code 1.

    Args:
        title: what happened, one line.
        detail: what it means for the data, and what the other side said, word for word.
        hint: what to do next.
        retryable: whether the same call may be repeated without risk.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, title: str, detail: str = "", hint: str = "", *, retryable: bool = False) -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.hint = hint
        self.retryable = retryable

    def __str__(self) -> str:
        return "\n".join(part for part in (self.title, self.detail, self.hint) if part)


class UsageError(WarubiError):
    """What was typed cannot be understood. Exit code 2; nothing was done."""

    exit_code = 2


class RefusedError(WarubiError):
    """A guard said no: a missing confirmation, a time outside the window, a rule of the server.

    Exit code 3; nothing was done.
    """

    exit_code = 3


class UnreachableError(WarubiError):
    """The other side could not be reached, did not answer, or failed. Exit code 4."""

    exit_code = 4


class UnknownOutcomeError(UnreachableError):
    """A call that changes something was sent and its answer was lost: it may or may not have happened.

    Never repeat such a call; look the outcome up. Exit code 4.
    """
