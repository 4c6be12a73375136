"""The period of a report: whole days up to a midnight, and as many before them to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

PeriodName = Literal["day", "week", "month"]
PERIODS: tuple[PeriodName, ...] = get_args(PeriodName)
_DAYS: Mapping[PeriodName, int] = {"day": 1, "week": 7, "month": 30}


@dataclass(frozen=True, slots=True)
class Period:
    """The days ``start <= time < end``; ``before_start`` is when the days begin with which they are compared."""

    name: PeriodName
    start: datetime
    end: datetime

    @property
    def before_start(self) -> datetime:
        """The start of the period before this one."""
        return self.start - (self.end - self.start)

    @property
    def last_day(self) -> datetime:
        """The start of its last day."""
        return self.end - timedelta(days=1)


def period_before(name: PeriodName, as_of: datetime) -> Period:
    """Return the period that ends with the last midnight (UTC) that is not after ``as_of``."""
    end = as_of.replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(name, end - timedelta(days=_DAYS[name]), end)
