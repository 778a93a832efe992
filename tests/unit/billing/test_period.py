"""A report's period, split into months."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from services.billing.domain import Period
from services.billing.domain.errors import PeriodEndsBeforeStart, PeriodTooLong
from services.billing.domain.period import MAX_MONTHS

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def test_months_of_a_period_have_no_gaps() -> None:
    since, until = datetime(2025, 11, 30, 12, tzinfo=UTC), datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)
    months = list(Period.reportable(since, until).months())
    assert [f"{month.since:%Y-%m}" for month in months] == ["2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]
    assert [month.since.day for month in months] == [30, 1, 1, 1, 1]
    assert (months[0].since, months[-1].until) == (since, until)
    assert all(one.until == following.since for one, following in pairwise(months))


def test_months_are_utc_months() -> None:
    in_tokyo = NEW_YEAR.astimezone(timezone(timedelta(hours=9)))
    (december,) = Period.reportable(in_tokyo - timedelta(seconds=1), in_tokyo).months()
    assert f"{december.since:%Y-%m}" == "2025-12"


def test_a_period_must_end_after_its_start() -> None:
    for length in (timedelta(0), timedelta(microseconds=-1)):
        with pytest.raises(PeriodEndsBeforeStart):
            Period.reportable(NEW_YEAR, NEW_YEAR + length)


def test_a_period_has_a_maximum_of_months() -> None:
    until = datetime(2028, 1, 1, tzinfo=UTC)
    assert len(list(Period.reportable(NEW_YEAR, until).months())) == MAX_MONTHS
    for too_long in ((NEW_YEAR, until + timedelta(microseconds=1)), (NEW_YEAR - timedelta(microseconds=1), until)):
        with pytest.raises(PeriodTooLong):
            Period.reportable(*too_long)
