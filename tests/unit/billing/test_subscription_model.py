"""Any sequence of acts on a subscription, compared with a simple model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import Plan, Subscription, SubscriptionStatus
from tests.unit.billing.subscriptions import DEARER, MONTHLY, START, YEARLY, started
from waypost.kernel.errors import Refused

LATER = START + timedelta(days=1)


@dataclass
class Model:
    invoices: list[UUID]
    plan: Plan = MONTHLY
    wanted: Plan = MONTHLY
    unpaid: set[UUID] = field(default_factory=set)
    is_scheduled: bool = False
    is_over: bool = False

    @property
    def status(self) -> SubscriptionStatus:
        if self.is_over:
            return SubscriptionStatus.CANCELED
        if not self.invoices:
            return SubscriptionStatus.TRIALING
        if not self.unpaid:
            return SubscriptionStatus.ACTIVE
        return SubscriptionStatus.INCOMPLETE if len(self.invoices) == 1 else SubscriptionStatus.PAST_DUE

    @property
    def next_plan(self) -> Plan | None:
        return None if self.is_over or self.is_scheduled or self.wanted == self.plan else self.wanted


class Both:
    """A subscription and its model. Each act is done to both; a refused act changes neither."""

    def __init__(self, *, with_trial: bool) -> None:
        self.real = started(with_trial=with_trial)
        self.model = Model([] if self.real.invoice_id is None else [self.real.invoice_id])

    def refuse(self, invoice: UUID) -> None:
        self.real.mark_past_due(invoice, LATER)
        self.model.unpaid |= {invoice}

    def settle(self, invoice: UUID) -> None:
        self.real.mark_paid_up(invoice, LATER)
        self.model.unpaid -= {invoice}

    def void(self, invoice: UUID) -> None:
        self.real.mark_voided(invoice, LATER)
        self.model.unpaid -= {invoice}
        self.model.is_over |= invoice == self.model.invoices[-1]

    def renew(self, _: UUID) -> None:
        if not self.real.is_due(self.real.period_end):
            return
        if self.model.is_scheduled or self.model.status is SubscriptionStatus.INCOMPLETE:
            reason = self.real.reason_to_end(erased=False, in_arrears=False)
            assert reason is not None
            self.real.end(reason, self.real.period_end)
            self.model.is_over = True
            return
        assert self.real.reason_to_end(erased=False, in_arrears=False) is None
        before = self.real.period
        self.real.renew(self.real.period_end)
        assert self.real.period_start == before.until
        assert self.real.invoice_id is not None
        assert self.real.invoice_id not in self.model.invoices, "each period has its own invoice"
        self.model.invoices.append(self.real.invoice_id)
        self.model.plan = self.model.wanted

    def change(self, plan: Plan) -> None:
        self.real.change(plan, LATER)
        self.model.wanted = plan

    def cancel(self, _: UUID) -> None:
        self.real.cancel(LATER, at_period_end=True)
        self.model.is_scheduled = True

    def cancel_now(self, _: UUID) -> None:
        self.real.cancel(LATER, at_period_end=False)
        self.model.is_over = True

    def uncancel(self, _: UUID) -> None:
        self.real.uncancel(LATER)
        self.model.is_scheduled = False

    def write_off(self, _: UUID) -> None:
        self.real.end("nonpayment", LATER)
        self.model.is_over = True


PLANS = (MONTHLY, DEARER, YEARLY)
INVOICE_ACTS = (Both.refuse, Both.settle, Both.void)
OFTEN = (Both.refuse, Both.refuse, Both.settle, Both.renew, Both.renew, Both.renew, Both.change)
ACTS = (*OFTEN, *OFTEN, Both.void, Both.cancel, Both.uncancel, Both.cancel_now, Both.write_off)
STEPS = st.tuples(st.sampled_from(ACTS), st.integers(0, 5))
"""An act, and the number of its plan or invoice. Acts that end a subscription are rare."""


@given(st.booleans(), st.lists(STEPS, max_size=30))
def test_a_subscription_does_what_the_model_does(with_trial: bool, steps: list[tuple[Any, int]]) -> None:
    both = Both(with_trial=with_trial)
    for act, subject in steps:
        before = _state(both.real)
        invoices = both.model.invoices
        if act in INVOICE_ACTS and not invoices:
            continue  # a trial has no invoice
        try:
            if act is Both.change:
                both.change(PLANS[subject % len(PLANS)])
            else:
                act(both, invoices[subject % len(invoices)] if invoices else both.real.id)
        except Refused:
            assert _state(both.real) == before, "a refused act records nothing"
        assert (both.real.status, both.real.next_plan) == (both.model.status, both.model.next_plan), act
        assert both.real.version - before["version"] in (0, 1)
    folded = Subscription.fold(both.real.id, both.real.tenant_id, both.real.recorded)
    assert _state(folded) == _state(both.real)


def _state(subscription: Subscription) -> Mapping[str, Any]:
    return {name: value for name, value in vars(subscription).items() if name != "_recorded"}
