"""The only place where times become text and text becomes times.

Inside warubi a time is an aware UTC datetime. What a person types may be in any zone, so long as it is
plain which instant is meant: a time that a change of clocks skips or repeats, and a zone abbreviation
that several countries use, are refused with the ways to say it.
"""

import os
import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from warubi_tui.errors import UsageError

_HINT: Final = (
    "Write a time with its offset (2026-11-22T14:05:00.250Z, 2026-11-22 14:05+01:00), with a zone"
    " (yesterday 14:05 Europe/Berlin), without (read in the zone on screen), or relative (-15m,"
    " 10 minutes ago)."
)
_UNITS: Final = {
    "us": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_LONG_UNITS: Final = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "day": "d", "days": "d", "week": "w", "weeks": "w",
}  # fmt: skip
# Usual offsets of the abbreviations people type; several of them are used by more than one country.
_ABBREVIATIONS: Final = {
    "EST": "-05:00", "EDT": "-04:00", "CST": "-06:00", "CDT": "-05:00", "MST": "-07:00", "MDT": "-06:00",
    "PST": "-08:00", "PDT": "-07:00", "BST": "+01:00", "WET": "+00:00", "WEST": "+01:00", "CET": "+01:00",
    "CEST": "+02:00", "MET": "+01:00", "EET": "+02:00", "EEST": "+03:00", "MSK": "+03:00", "IST": "+05:30",
    "JST": "+09:00", "AEST": "+10:00", "AEDT": "+11:00", "NZST": "+12:00", "NZDT": "+13:00",
}  # fmt: skip

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.ASCII)
_ABSOLUTE = re.compile(
    r"""(?:(?P<day>\d{4}-\d{2}-\d{2}|today|yesterday)(?:[T\s]\s*))?
        (?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?
        (?:\s*(?P<zone>\S.*))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?", re.ASCII)
_NAME_WITH_OFFSET = re.compile(r"\S+\s+\(([+-][\d:]+)\)")


def parse_when(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """The instant that `text` names, as an aware UTC datetime with microseconds kept.

    Args:
        text: `now`, a relative time (`-15m`, `-1h30m`, `10 minutes ago`), or
            `[DAY] HH:MM[:SS[.ffffff]] [ZONE]` with DAY `2026-11-22`, `today` or `yesterday` and ZONE `Z`, an
            offset or a zone's name. `T` may stand between day and time. Everything that `utc`, `local` and
            `rfc3339` print is understood.
        now: the instant that relative times and a missing day count from; aware.
        zone: what a time without a zone is read in.

    Raises:
        UsageError: not understood; or the clocks of that zone skip or repeat that time; or an abbreviation
            is given where an offset is needed.
    """
    words = " ".join(text.split())
    try:
        offset = _relative(words.lower())
        if offset is not None:
            return now.astimezone(UTC) + offset
        return _absolute(words, now=now, zone=zone)
    except OverflowError as error:
        raise UsageError(f"No such time: {text!r}.", "it lies beyond the years 1 to 9999", _HINT) from error
    except ValueError as error:
        raise UsageError(f"No such time: {text!r}.", str(error), _HINT) from error


def utc(moment: datetime, timespec: str | None = None) -> str:
    """`2026-11-22 14:07:58.123456Z`; the fraction only if there is one, unless `timespec` says otherwise."""
    return f"{_clock_text(moment.astimezone(UTC), timespec)}Z"


def local(moment: datetime, zone: tzinfo, timespec: str | None = None) -> str:
    """`2026-11-22 15:07:58 CET (+01:00)`: wall time, the zone's name for it and the offset from UTC."""
    there = moment.astimezone(zone)
    offset = offset_text(there)
    name = there.tzname() or ""
    shown = f"{name} ({offset})" if re.fullmatch(r"[A-Z]+", name) else offset
    return f"{_clock_text(there, timespec)} {shown}"


def both(moment: datetime, zone: tzinfo, timespec: str | None = None) -> str:
    """A time in UTC and, where clocks of `zone` show another, as they show it: `…Z = … CET (+01:00)`."""
    shown = utc(moment, timespec)
    return shown if is_utc(zone) else f"{shown} = {local(moment, zone, timespec)}"


def rfc3339(moment: datetime) -> str:
    """`2026-11-22T14:07:58.123456Z`: for the API and for JSON, always UTC and always microseconds."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def age(moment: datetime, now: datetime) -> str:
    """How far `moment` is from `now`: `3 min ago`, `2 h 5 min ago`, `in 5 s`, `just now`."""
    span = abs(now - moment)
    if span < timedelta(seconds=1):
        return "just now"
    return f"in {span_text(span)}" if moment > now else f"{span_text(span)} ago"


def span_text(span: timedelta) -> str:
    """A duration in its two largest units, rounded down: `5 s`, `3 min`, `2 h 5 min`, `3 d 4 h`."""
    seconds = int(span.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return _two_units(seconds // 60, 60, "h", "min")
    return _two_units(seconds // 3600, 24, "d", "h")


def local_zone() -> tzinfo:
    """The zone of the person at the keyboard: `$WARUBI_TZ`, else `$TZ`, else the machine's, else UTC.

    Raises UsageError when `WARUBI_TZ` is set and names no zone.
    """
    if wanted := os.environ.get("WARUBI_TZ", ""):
        named = _named_zone(wanted)
        if named is None:
            raise UsageError(
                f"WARUBI_TZ names no time zone: {wanted!r}.", hint="Use a name such as Europe/Berlin or UTC."
            )
        return named
    if "TZ" in os.environ:
        return _system_zone(os.environ["TZ"].removeprefix(":")) or UTC
    return _system_zone("/etc/localtime") or UTC


def is_utc(zone: tzinfo) -> bool:
    """Whether clocks of `zone` always show UTC, so that its times need not be said beside those of UTC."""
    return zone.utcoffset(None) == timedelta(0)


def offset_text(moment: datetime) -> str:
    """The offset from UTC of an aware time: `+01:00`."""
    offset = moment.utcoffset() or timedelta(0)
    sign, offset = ("-", -offset) if offset < timedelta(0) else ("+", offset)
    minutes, seconds = divmod(int(offset.total_seconds()), 60)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")


def _clock_text(moment: datetime, timespec: str | None) -> str:
    spec = timespec or ("microseconds" if moment.microsecond else "seconds")
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec=spec)


def _two_units(count: int, per: int, large: str, small: str) -> str:
    whole, rest = divmod(count, per)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"


def _relative(words: str) -> timedelta | None:
    if words == "now":
        return timedelta(0)
    if words.endswith(" ago"):
        return -_amounts(words.removesuffix(" ago"))
    if words[:1] in {"-", "+"}:
        amount = _amounts(words[1:].strip())
        return -amount if words[0] == "-" else amount
    return None


def _amounts(words: str) -> timedelta:
    total, position = timedelta(0), 0
    while position < len(words):
        match = _AMOUNT.match(words, position)
        unit = match and _LONG_UNITS.get(match[2], match[2])
        if match is None or unit not in _UNITS:
            raise ValueError(f"{words[position:]!r} is not an amount of time")
        total += float(match[1]) * _UNITS[unit] if "." in match[1] else int(match[1]) * _UNITS[unit]
        position = match.end()
    if not words:
        raise ValueError("an amount of time is missing")
    return total


def _absolute(words: str, *, now: datetime, zone: tzinfo) -> datetime:
    match = _ABSOLUTE.fullmatch(words)
    if match is None:
        raise ValueError("it has no form that is known")
    if match["zone"]:
        zone = _zone(match["zone"], words)
    fraction = (match["fraction"] or "").rstrip("0")
    if len(fraction) > 6:
        raise ValueError("times are kept to the microsecond: at most six digits after the seconds")
    clock = time(
        int(match["hour"]), int(match["minute"]), int(match["second"] or 0), int(fraction.ljust(6, "0"))
    )
    return _instant(datetime.combine(_day(match["day"], now.astimezone(zone).date()), clock), zone)


def _day(word: str | None, today: date) -> date:
    if word is None or word.lower() == "today":
        return today
    if word.lower() == "yesterday":
        return today - timedelta(days=1)
    return date.fromisoformat(word)


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    """The one instant at which the clocks of `zone` show `wall`; refuses none and two."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    shown = [f"{wall}{offset_text(moment)} ({utc(moment)})" for moment in (first, second)]
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise UsageError(
            f"The clocks of {zone} skip {wall}: there is no such time.",
            hint=f"Write the offset you mean: {shown[0]} or {shown[1]}.",
        )
    raise UsageError(
        f"The clocks of {zone} show {wall} twice.",
        hint=f"Write which one you mean: {shown[0]} or {shown[1]}.",
    )


def _zone(text: str, words: str) -> tzinfo:
    if named_offset := _NAME_WITH_OFFSET.fullmatch(text):
        text = named_offset[1]
    if match := _OFFSET.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
        if minutes > 59 or seconds > 59:
            raise ValueError(f"{text} is not an offset")
        span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return timezone(-span if match[1] == "-" else span)
    if text.upper() in {"Z", "UTC", "GMT"}:
        return UTC
    if text.isalpha() and text.isupper():
        example = words.removesuffix(text).strip() + _ABBREVIATIONS.get(text, "+01:00")
        raise UsageError(
            f"{text} does not say which offset is meant: countries and seasons share abbreviations.",
            hint=f"Write the offset ({example}) or the zone's name (Europe/Berlin).",
        )
    named = _named_zone(text)
    if named is None:
        raise ValueError(f"there is no time zone {text!r}")
    return named


def _named_zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None


def _system_zone(value: str) -> tzinfo | None:
    """The zone of a `TZ` value: a name, or the path of a zone file."""
    if not value.startswith("/"):
        return _named_zone(value) if value else None
    path = Path(value).resolve()
    _, found, name = str(path).partition("/zoneinfo/")
    named = _named_zone(name) if found else None
    if named is not None:
        return named
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key=value)
    except (OSError, ValueError):
        return None
