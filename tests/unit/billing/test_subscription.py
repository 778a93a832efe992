"""The state machine of a subscription."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.billing import EVENTS, SubscriptionCanceled, SubscriptionPlanChanged, SubscriptionRenewed
from services.billing.domain import Subscription, SubscriptionStatus
from services.billing.domain.cycle import invoice_of
from services.billing.domain.errors import AlreadyCanceled, PlanUnchanged
from services.billing.projections.subscriptions import SUBSCRIPTION_ROWS
from tests.unit.billing.subscriptions import DEARER, MONTHLY, START, YEARLY, started
from waypost.kernel.errors import Refused

ACTIVE, PAST_DUE, CANCELED = SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE, SubscriptionStatus.CANCELED
DAY = timedelta(days=1)
LATER = START + DAY


def renew(subscription: Subscription) -> None:
    if subscription.is_due(subscription.period_end):
        subscription.renew(subscription.period_end)


ACTS: Mapping[str, Callable[[Subscription], Any]] = {
    "renew": renew,
    "fall behind": lambda subscription: subscription.mark_past_due(subscription.invoice_id, LATER),
    "catch up": lambda subscription: subscription.mark_paid_up(subscription.invoice_id, LATER),
    "another falls behind": lambda subscription: subscription.mark_past_due(invoice_of(subscription.id, LATER), LATER),
    "another catches up": lambda subscription: subscription.mark_paid_up(invoice_of(subscription.id, LATER), LATER),
    "change": lambda subscription: subscription.change(DEARER, LATER),
    "change back": lambda subscription: subscription.change(MONTHLY, LATER),
    "cancel": lambda subscription: subscription.cancel(LATER, at_period_end=True),
    "cancel now": lambda subscription: subscription.cancel(LATER, at_period_end=False),
    "write off": lambda subscription: subscription.end("nonpayment", LATER),
}
MOVES = {
    (ACTIVE, "renew"): ACTIVE,
    (ACTIVE, "fall behind"): PAST_DUE,
    (PAST_DUE, "catch up"): ACTIVE,
    (PAST_DUE, "renew"): ACTIVE,
    **{(status, act): CANCELED for status in (ACTIVE, PAST_DUE) for act in ("cancel", "cancel now", "write off")},
}


@given(st.lists(st.sampled_from(list(ACTS)), max_size=20))
def test_a_subscription_makes_only_valid_transitions(acts: list[str]) -> None:
    subscription = started()
    invoices = {subscription.invoice_id}
    for act in acts:
        before = _state(subscription)
        status, period = subscription.status, subscription.period
        try:
            ACTS[act](subscription)
        except Refused:
            assert _state(subscription) == before
        assert subscription.status is MOVES.get((status, act), status)
        assert subscription.version - before["version"] in (0, 1)
        if subscription.period != period:
            assert act == "renew" and subscription.period_start == period.until
            assert subscription.invoice_id not in invoices
            invoices.add(subscription.invoice_id)
    assert _state(Subscription.fold(subscription.id, subscription.tenant_id, subscription.recorded)) == _state(
        subscription
    )


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
    subscription.mark_past_due(subscription.invoice_id, LATER)
    subscription.mark_paid_up(subscription.invoice_id, LATER)
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
    subscription.renew(subscription.period_end)
    assert subscription.plan == MONTHLY


def test_a_canceled_subscription_ends_with_its_period_or_earlier() -> None:
    subscription = started()
    subscription.cancel(LATER, at_period_end=True)
    assert (subscription.status, subscription.ends_at) == (CANCELED, subscription.period_end)
    assert not subscription.is_due(subscription.period_end + 40 * DAY)
    with pytest.raises(AlreadyCanceled):
        subscription.cancel(LATER, at_period_end=True)
    with pytest.raises(AlreadyCanceled):
        subscription.change(DEARER, LATER)
    subscription.cancel(LATER + DAY, at_period_end=False)
    assert subscription.ends_at == LATER + DAY
    with pytest.raises(AlreadyCanceled):
        subscription.cancel(LATER + DAY, at_period_end=False)


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


def test_a_late_payment_reactivates_the_same_period() -> None:
    subscription = started()
    subscription.mark_past_due(subscription.invoice_id, LATER)
    subscription.mark_past_due(subscription.invoice_id, LATER)
    assert (subscription.status, subscription.version) == (PAST_DUE, 2)
    subscription.mark_paid_up(subscription.invoice_id, LATER)
    *_, renewed = subscription.recorded
    assert isinstance(renewed, SubscriptionRenewed)
    assert (renewed.period_start, renewed.invoice_id, renewed.renewed_at) == (START, subscription.invoice_id, LATER)
    assert subscription.status is ACTIVE


def test_an_earlier_periods_invoice_does_not_change_the_status() -> None:
    subscription = started()
    first = subscription.invoice_id
    subscription.renew(subscription.period_end)
    subscription.mark_past_due(first, LATER)
    assert subscription.status is ACTIVE
    subscription.mark_past_due(subscription.invoice_id, LATER)
    subscription.mark_paid_up(first, LATER)
    assert subscription.status is PAST_DUE


def test_each_event_of_a_subscription_is_projected() -> None:
    assert set(SUBSCRIPTION_ROWS.handlers) == {kind for kind in EVENTS if kind.topic == "billing.subscription"}


def _state(subscription: Subscription) -> Mapping[str, Any]:
    return {name: value for name, value in vars(subscription).items() if name != "_recorded"}
