"""A period of time, with an inclusive start and an exclusive end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Self

from services.billing.domain.errors import PeriodEndsBeforeStart, PeriodTooLong

MAX_MONTHS = 24
"""Limit per report: its result is one row, and is read and returned as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `since` (inclusive) to `until` (exclusive)."""

    since: datetime
    until: datetime

    @classmethod
    def reportable(cls, since: datetime, until: datetime) -> Self:
        """A period in UTC. Raises PeriodEndsBeforeStart, PeriodTooLong."""
        period = cls(since=since.astimezone(UTC), until=until.astimezone(UTC))
        if period.until <= period.since:
            raise PeriodEndsBeforeStart
        if any(islice(period.months(), MAX_MONTHS, None)):
            raise PeriodTooLong
        return period

    def months(self) -> Iterator[Self]:
        """The period split at the starts of calendar months; the first and last part may be shorter
        than a month.
        """
        begin = self.since
        while begin < self.until:
            end = min(_next_month(begin), self.until)
            yield type(self)(since=begin, until=end)
            begin = end


def _next_month(moment: datetime) -> datetime:
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=31)).replace(day=1)
