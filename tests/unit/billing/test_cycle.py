"""Periods count months from the anchor day, independent of the months between."""

from calendar import monthrange
from datetime import UTC, datetime
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import Interval
from services.billing.domain.cycle import invoice_of, period_from

FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1970, 2900))
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


@given(MOMENTS, st.lists(st.sampled_from(Interval), min_size=1, max_size=40))
def test_periods_are_consecutive_and_start_on_the_anchor_day(start: datetime, intervals: list[Interval]) -> None:
    begun, months = [start], start.month - 1
    for interval in intervals:
        period = period_from(begun[-1], interval, start.day)
        assert period.since == begun[-1] < period.until
        begun.append(period.until)
        months += interval.months
        last = monthrange(period.until.year, period.until.month)[1]
        assert (period.until.year, period.until.month - 1) == (start.year + months // 12, months % 12)
        assert period.until.day == min(start.day, last)
        assert period.until.timetz() == start.timetz()
    assert len(set(begun)) == len(begun)


@pytest.mark.parametrize(
    ("start", "interval", "days"),
    [
        ((2026, 1, 31), Interval.MONTH, ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ((2028, 1, 31), Interval.MONTH, ["2028-02-29", "2028-03-31"]),
        ((2026, 12, 15), Interval.MONTH, ["2027-01-15"]),
        ((2028, 2, 29), Interval.YEAR, ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
    ],
)
def test_a_short_month_ends_early_and_keeps_the_anchor_day(
    start: tuple[int, int, int], interval: Interval, days: list[str]
) -> None:
    ends = [datetime(*start, 23, 59, 59, 999_999, tzinfo=UTC)]
    for _ in days:
        ends.append(period_from(ends[-1], interval, start[2]).until)
    assert [f"{item:%Y-%m-%d}" for item in ends[1:]] == days


@given(MOMENTS, st.integers(1, 1000))
def test_a_periods_invoice_id_depends_only_on_the_period(start: datetime, days: int) -> None:
    subscription, other = uuid4(), uuid4()
    later = period_from(start, Interval.MONTH, start.day).until
    ids = [invoice_of(subscription, start), invoice_of(subscription, later), invoice_of(other, start)]
    assert len(set(ids)) == 3 and invoice_of(subscription, start) == ids[0]
    assert {item.version for item in ids} == {7}
    assert all(one.int >> 80 < two.int >> 80 for one, two in pairwise(ids[:2])), "ids increase with time"
