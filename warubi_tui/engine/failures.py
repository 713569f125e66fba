"""How the engine says no: Neon's status codes with a sentence a person can use."""


class ApiError(Exception):
    """A request that is refused or failed. `status` is the HTTP status Neon uses for it."""

    def __init__(self, status: int, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


class RecoveryFailedError(Exception):
    """PostgreSQL did not reach the state that was asked for. Nothing of the attempt is kept."""
