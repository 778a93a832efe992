"""The state machine of a subscription."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from schemas.billing import (
    EVENTS,
    SubscriptionCanceled,
    SubscriptionCaughtUp,
    SubscriptionPastDue,
    SubscriptionPlanChanged,
    SubscriptionRenewed,
)
from services.billing.domain import Subscription, SubscriptionStatus
from services.billing.domain.errors import AlreadyCanceled, CurrencyDiffers, NotCanceled, PlanUnchanged
from services.billing.domain.terms import Identity
from services.billing.projections.subscriptions import SUBSCRIPTION_ROWS
from tests.unit.billing.subscriptions import DEARER, MONTHLY, START, YEARLY, current_invoice, started

ACTIVE, PAST_DUE, CANCELED = SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE, SubscriptionStatus.CANCELED
INCOMPLETE = SubscriptionStatus.INCOMPLETE
DAY = timedelta(days=1)
LATER = START + DAY


def test_each_period_has_one_invoice_id() -> None:
    first = started()
    second = Subscription.fold(first.id, first.tenant_id, first.recorded)
    for event in (first, second):
        event.renew(START + timedelta(days=40))
    assert first.invoice_id == second.invoice_id != started().invoice_id


def test_missed_periods_become_due_one_after_the_other() -> None:
    subscription, now = started(), datetime(2026, 5, 1, tzinfo=START.tzinfo)
    begun = [subscription.period_start]
    while subscription.is_due(now):
        subscription.renew(now)
        begun.append(subscription.period_start)
    assert [(event.month, event.day) for event in begun] == [(1, 31), (2, 28), (3, 31), (4, 30)]
    assert not subscription.is_due(subscription.period_end - timedelta(microseconds=1))
    assert subscription.is_due(subscription.period_end)


def test_a_plan_change_applies_from_the_next_period() -> None:
    subscription = started()
    subscription.change(DEARER, LATER)
    subscription.change(YEARLY, LATER)
    *_, first, second = subscription.recorded
    assert isinstance(first, SubscriptionPlanChanged) and isinstance(second, SubscriptionPlanChanged)
    assert (first.previous_plan, second.previous_plan) == ("starter", "team")
    assert first.effective_at == second.effective_at == subscription.period_end
    assert (subscription.plan, subscription.next_plan) == (MONTHLY, YEARLY)
    subscription.mark_past_due(current_invoice(subscription), LATER)
    subscription.mark_paid_up(current_invoice(subscription), LATER)
    assert (subscription.plan, subscription.next_plan) == (MONTHLY, YEARLY), "the period is the same"
    subscription.renew(subscription.period_end)
    assert (subscription.plan, subscription.next_plan) == (YEARLY, None)
    assert subscription.period_end.year == 2027


def test_a_change_to_the_current_next_plan_is_refused() -> None:
    subscription = started()
    with pytest.raises(PlanUnchanged):
        subscription.change(MONTHLY, LATER)
    subscription.change(DEARER, LATER)
    with pytest.raises(PlanUnchanged):
        subscription.change(DEARER, LATER)
    subscription.change(MONTHLY, LATER)
    assert subscription.next_plan is None, "it renews at the present plan"
    with pytest.raises(PlanUnchanged):
        subscription.change(MONTHLY, LATER)
    subscription.renew(subscription.period_end)
    assert subscription.plan == MONTHLY


def test_a_plan_in_another_currency_is_refused() -> None:
    subscription = started()
    with pytest.raises(CurrencyDiffers):
        subscription.change(replace(DEARER, currency="JPY"), LATER)
    assert subscription.next_plan is None


def test_a_scheduled_cancellation_changes_no_status_and_can_be_taken_back() -> None:
    subscription = started()
    subscription.change(DEARER, LATER)
    with pytest.raises(NotCanceled):
        subscription.uncancel(LATER)
    subscription.cancel(LATER, at_period_end=True)
    shown = (subscription.status, subscription.cancel_at, subscription.ends_at, subscription.next_plan)
    assert shown == (ACTIVE, subscription.period_end, None, None)
    with pytest.raises(AlreadyCanceled):
        subscription.cancel(LATER, at_period_end=True)
    with pytest.raises(AlreadyCanceled):
        subscription.change(YEARLY, LATER)
    subscription.uncancel(subscription.period_end - timedelta(microseconds=1))
    assert (subscription.status, subscription.cancel_at, subscription.next_plan) == (ACTIVE, None, DEARER)
    assert subscription.reason_to_end(erased=False, in_arrears=False) is None


@pytest.mark.parametrize("at_period_end", [True, False])
def test_a_cancellation_after_the_scheduled_end_does_not_move_it(at_period_end: bool) -> None:
    """The renewal job has not ended the subscription yet."""
    subscription = started()
    subscription.cancel(LATER, at_period_end=True)
    end = subscription.period_end
    subscription.cancel(end + DAY, at_period_end=at_period_end)
    assert (subscription.status, subscription.ends_at) == (CANCELED, end)


def test_a_cancellation_that_has_taken_effect_is_final() -> None:
    subscription = started()
    subscription.cancel(LATER, at_period_end=True)
    end = subscription.period_end
    assert subscription.is_due(end) and subscription.reason_to_end(erased=False, in_arrears=False) == "requested"
    with pytest.raises(AlreadyCanceled):
        subscription.uncancel(end)
    subscription.end("requested", end + DAY)
    assert (subscription.status, subscription.ends_at, subscription.cancel_at) == (CANCELED, end, None)
    with pytest.raises(AlreadyCanceled):
        subscription.uncancel(LATER)
    with pytest.raises(AlreadyCanceled):
        subscription.change(DEARER, LATER)
    for at_period_end in (True, False):
        with pytest.raises(AlreadyCanceled):
            subscription.cancel(end + DAY, at_period_end=at_period_end)


def test_a_subscription_that_is_to_end_can_end_earlier() -> None:
    subscription = started()
    subscription.cancel(LATER, at_period_end=True)
    subscription.cancel(LATER + DAY, at_period_end=False)
    assert (subscription.status, subscription.ends_at) == (CANCELED, LATER + DAY)


def test_an_overdue_subscription_ends_now() -> None:
    subscription, late = started(), START + 40 * DAY
    subscription.cancel(late, at_period_end=True)
    assert subscription.ends_at == late


def test_a_written_off_invoice_ends_the_subscription_once() -> None:
    subscription = started()
    subscription.end("nonpayment", LATER)
    subscription.end("erased", LATER)
    canceled = [event for event in subscription.recorded if isinstance(event, SubscriptionCanceled)]
    assert [(event.reason, event.ends_at) for event in canceled] == [("nonpayment", LATER)]


def test_a_subscription_that_was_never_paid_is_incomplete() -> None:
    subscription = started()
    for _ in range(2):
        subscription.mark_past_due(current_invoice(subscription), LATER)
    assert (subscription.status, subscription.version) == (INCOMPLETE, 2)
    assert subscription.reason_to_end(erased=False, in_arrears=False) == "nonpayment"
    subscription.mark_paid_up(current_invoice(subscription), LATER)
    *_, caught_up = subscription.recorded
    assert isinstance(caught_up, SubscriptionCaughtUp)
    assert (caught_up.invoice_id, caught_up.status, subscription.status) == (subscription.invoice_id, "active", ACTIVE)
    assert subscription.period_start == START, "the period is the same"


def test_a_renewal_is_past_due_until_each_invoice_is_settled() -> None:
    subscription = started()
    subscription.renew(subscription.period_end)
    second = current_invoice(subscription)
    subscription.mark_past_due(second, LATER)
    subscription.renew(subscription.period_end)
    third = current_invoice(subscription)
    assert subscription.status is PAST_DUE, "the invoice of the second period is open"
    subscription.mark_past_due(third, LATER)
    subscription.mark_paid_up(third, LATER)
    assert subscription.status is PAST_DUE
    subscription.mark_paid_up(second, LATER)
    assert subscription.status is ACTIVE


@pytest.mark.parametrize("refused", [True, False])
def test_a_voided_invoice_of_the_current_period_ends_the_subscription(refused: bool) -> None:
    subscription = started()
    subscription.renew(subscription.period_end)
    if refused:
        subscription.mark_past_due(current_invoice(subscription), LATER)
    subscription.mark_voided(current_invoice(subscription), LATER)
    assert (subscription.status, subscription.ends_at) == (CANCELED, LATER)


def test_a_voided_invoice_of_an_earlier_period_is_settled() -> None:
    subscription = started()
    first = current_invoice(subscription)
    subscription.renew(subscription.period_end)
    subscription.mark_past_due(first, LATER)
    assert subscription.status is PAST_DUE
    subscription.mark_voided(first, LATER)
    assert subscription.status is ACTIVE


def test_events_of_version_1_mean_what_they_meant() -> None:
    """A renewal made a subscription active with unpaid invoices, and so did a late payment."""
    first = started()
    history = list(first.recorded)
    identity: Identity = {"tenant_id": first.tenant_id, "subscription_id": first.id, "customer_id": first.customer_id}
    history.append(SubscriptionPastDue(**identity, invoice_id=current_invoice(first), past_due_at=LATER))
    assert Subscription.fold(first.id, first.tenant_id, history).status is PAST_DUE
    first.renew(first.period_end)
    renewed = first.recorded[-1]
    assert isinstance(renewed, SubscriptionRenewed)
    read = Subscription.fold(first.id, first.tenant_id, [*history, renewed])
    assert (read.status, read.unpaid) == (ACTIVE, frozenset())


def test_a_debtor_gets_no_further_period_and_the_customers_decision_comes_first() -> None:
    for with_trial in (False, True):
        subscription = started(with_trial=with_trial)
        assert subscription.reason_to_end(erased=False, in_arrears=False) is None
        assert subscription.reason_to_end(erased=False, in_arrears=True) == "nonpayment"
        subscription.cancel(LATER, at_period_end=True)
        assert subscription.reason_to_end(erased=False, in_arrears=True) == "requested"
        assert subscription.reason_to_end(erased=True, in_arrears=True) == "erased"


def test_each_event_of_a_subscription_is_projected() -> None:
    assert set(SUBSCRIPTION_ROWS.handlers) == {kind for kind in EVENTS if kind.topic == "billing.subscription"}
