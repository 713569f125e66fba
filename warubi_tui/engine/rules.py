"""Rules of backup schedules: which moments call for a snapshot."""

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FREQUENCIES: Final = ("hourly", "daily", "weekly", "monthly", "yearly")
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Rule:
    """How often, when, and how long a snapshot is kept (None: until it is deleted).

    Absent parts are the first there are: hour 0, day 1, month 1. `day` is of the week (1 is Monday) or of the
    month; in a month without such a day it is the month's last.
    """

    frequency: str
    hour: int | None = None
    day: int | None = None
    month: int | None = None
    retention_seconds: int | None = None

    def last_due(self, now: datetime) -> datetime:
        """The latest moment at or before `now` (aware UTC) at which this rule wants a snapshot."""
        full_hour = now.replace(minute=0, second=0, microsecond=0)
        if self.frequency == "hourly":
            return full_hour
        at_hour = full_hour.replace(hour=self.hour or 0)
        match self.frequency:
            case "daily":
                return at_hour if at_hour <= now else at_hour - _DAY
            case "weekly":
                due = at_hour - (at_hour.isoweekday() - (self.day or 1)) % 7 * _DAY
                return due if due <= now else due - 7 * _DAY
            case "monthly":
                due = self._in_month(at_hour)
                return due if due <= now else self._in_month(due.replace(day=1) - _DAY)
            case _:
                due = self._in_year(at_hour, now.year)
                return due if due <= now else self._in_year(at_hour, now.year - 1)

    def _in_month(self, moment: datetime) -> datetime:
        last = calendar.monthrange(moment.year, moment.month)[1]
        return moment.replace(day=min(self.day or 1, last))

    def _in_year(self, moment: datetime, year: int) -> datetime:
        return self._in_month(moment.replace(year=year, month=self.month or 1, day=1))
