"""Start and end of a subscription's periods, and the id of each period's invoice."""

from calendar import monthrange
from datetime import datetime
from uuid import UUID

from services.billing.domain.period import Period
from services.billing.domain.plan import Interval
from waypost.kernel.ids import derived_id


def period_from(since: datetime, interval: Interval, anchor_day: int) -> Period:
    """Ends on the anchor day, or on the last day of a month without that day: 31 January, 28
    February, 31 March.
    """
    years, month = divmod(since.month - 1 + interval.months, 12)
    year, month = since.year + years, month + 1
    day = min(anchor_day, monthrange(year, month)[1])
    return Period(since=since, until=since.replace(year=year, month=month, day=day))


def invoice_of(subscription_id: UUID, period_start: datetime) -> UUID:
    """The id of the period's invoice: the same for each attempt to bill the period, so that a
    second invoice is refused.
    """
    return derived_id(subscription_id, period_start)
