"""The engine's time: integer microseconds since the epoch, UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """The present moment."""
    return to_microseconds(datetime.now(UTC))


def to_microseconds(moment: datetime) -> int:
    """Exact for aware datetimes; raises TypeError for naive ones."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_datetime(microseconds: int) -> datetime:
    """The aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=microseconds)


def rfc3339(microseconds: int) -> str:
    """Text with microseconds and `Z`."""
    return to_datetime(microseconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
