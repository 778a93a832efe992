"""Trials of a subscription."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.billing.domain import SubscriptionStatus
from services.billing.domain.errors import PlanUnchanged
from tests.unit.billing.subscriptions import DEARER, MONTHLY, START, current_invoice, started

ACTIVE, CANCELED = SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELED
INCOMPLETE, TRIALING = SubscriptionStatus.INCOMPLETE, SubscriptionStatus.TRIALING
DAY = timedelta(days=1)
LATER = START + DAY


def test_a_trial_is_the_first_period_and_has_no_invoice() -> None:
    subscription = started(with_trial=True)
    end = START + 14 * DAY
    assert (subscription.status, subscription.trial_end, subscription.period_end) == (TRIALING, end, end)
    assert subscription.invoice_id is None and not subscription.is_due(end - timedelta(microseconds=1))
    subscription.change(DEARER, LATER)
    subscription.renew(end)
    assert (subscription.status, subscription.plan, subscription.period_start) == (ACTIVE, DEARER, end)
    assert subscription.period_end == datetime(2026, 3, 14, 9, 30, tzinfo=START.tzinfo), "the anchor is the trial's end"
    subscription.mark_past_due(current_invoice(subscription), end)
    assert subscription.status is INCOMPLETE, "it was never paid"


def test_a_trial_that_is_canceled_is_never_invoiced() -> None:
    subscription = started(with_trial=True)
    subscription.cancel(LATER, at_period_end=True)
    assert (subscription.status, subscription.cancel_at) == (TRIALING, subscription.trial_end)
    assert subscription.reason_to_end(erased=False, in_arrears=False) == "requested"
    subscription.end("requested", subscription.period_end)
    assert (subscription.status, subscription.invoice_id) == (CANCELED, None)


def test_a_plan_with_another_trial_is_the_same_plan() -> None:
    subscription = started()
    with pytest.raises(PlanUnchanged):
        subscription.change(replace(MONTHLY, trial_days=MONTHLY.trial_days + 1), LATER)
