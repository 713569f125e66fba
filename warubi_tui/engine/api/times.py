"""Times on the wire: RFC 3339 (https://www.rfc-editor.org/rfc/rfc3339), with an offset, always."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)


def read_time(text: str) -> datetime:
    """The instant `text` names, in UTC. Digits beyond the microsecond are cut off.

    Raises ValueError where the zone, the `T` or the day itself is missing.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("a time like 2026-11-22T14:07:58.123456Z expected, with T and with Z or an offset")
    fraction = int((match[7] or "").ljust(6, "0")[:6])
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
        return datetime(year, month, day, hour, minute, second, fraction, _zone(match)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("there is no such time") from error


def _zone(match: re.Match[str]) -> timezone:
    if match[8] is None:
        return UTC
    offset = timedelta(hours=int(match[9]), minutes=int(match[10]))
    return timezone(-offset if match[8] == "-" else offset)


def microseconds(time: datetime) -> int:
    """Whole microseconds since the epoch."""
    return (time - _EPOCH) // _MICROSECOND


def write_time(microseconds: int) -> str:
    """`2026-11-22T14:07:58Z`, or with six digits of a second where they are not all zero."""
    return (_EPOCH + microseconds * _MICROSECOND).isoformat().replace("+00:00", "Z")


def write_exact_time(microseconds: int) -> str:
    """Like `write_time`, always with six digits of a second."""
    return (_EPOCH + microseconds * _MICROSECOND).isoformat(timespec="microseconds").replace("+00:00", "Z")
