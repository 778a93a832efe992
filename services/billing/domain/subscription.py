"""A customer's plan, period after period: active ⇄ past_due → canceled."""

from datetime import datetime
from typing import ClassVar, Self, TypedDict
from uuid import UUID

from schemas.billing import (
    SubscriptionCanceled,
    SubscriptionCreated,
    SubscriptionPastDue,
    SubscriptionPlanChanged,
    SubscriptionRenewed,
)
from services.billing.domain.cycle import invoice_of, period_from
from services.billing.domain.errors import AlreadyCanceled, PlanUnchanged
from services.billing.domain.period import Period
from services.billing.domain.plan import Interval, Plan
from services.billing.domain.statuses import SubscriptionStatus
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId


class _Identity(TypedDict):
    tenant_id: UUID
    subscription_id: UUID
    customer_id: UUID


class _Terms(TypedDict):
    """A plan's fields in events."""

    plan: str
    interval: str
    amount_minor: int
    currency: str


class Subscription(Aggregate):
    aggregate_type: ClassVar[str] = "subscription"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        super().__init__(id, tenant_id)
        self.customer_id = id
        self.status = SubscriptionStatus.ACTIVE
        self.plan: Plan
        self.next_plan: Plan | None = None
        """The plan from the next period, if it differs."""
        self.period: Period
        self.invoice_id: UUID
        """The invoice of the current period."""
        self.anchor_day = 1
        """The day of the month on which the first period began."""
        self.ends_at: datetime | None = None
        self.created_at: datetime

    @classmethod
    def start(cls, subscription_id: UUID, tenant_id: TenantId, *, customer_id: UUID, plan: Plan, at: datetime) -> Self:
        subscription = cls(subscription_id, tenant_id)
        first = period_from(at, plan.interval, at.day)
        subscription.record(
            SubscriptionCreated(
                tenant_id=tenant_id,
                subscription_id=subscription_id,
                customer_id=customer_id,
                **_terms(plan),
                invoice_id=invoice_of(subscription_id, first.since),
                period_start=first.since,
                period_end=first.until,
                created_at=at,
            )
        )
        return subscription

    @property
    def period_start(self) -> datetime:
        return self.period.since

    @property
    def period_end(self) -> datetime:
        return self.period.until

    def is_due(self, at: datetime) -> bool:
        """Whether the next period is due. Missed periods become due one after the other."""
        return self.status is not SubscriptionStatus.CANCELED and self.period.until <= at

    def renew(self, at: datetime) -> None:
        """Begins the next period. The caller has checked `is_due`."""
        plan = self.next_plan or self.plan
        self._renewed(plan, period_from(self.period.until, plan.interval, self.anchor_day), at)

    def change(self, plan: Plan, at: datetime) -> None:
        """Changes the plan from the next period. Raises AlreadyCanceled, PlanUnchanged."""
        self._require_not_canceled()
        agreed = self.next_plan or self.plan
        if plan == agreed:
            raise PlanUnchanged
        self.record(
            SubscriptionPlanChanged(
                **self._identity(),
                **_terms(plan),
                previous_plan=agreed.code,
                effective_at=self.period.until,
                changed_at=at,
            )
        )

    def cancel(self, at: datetime, *, at_period_end: bool) -> None:
        """Ends the subscription, at the end of its period or at `at`. A subscription that is to end
        with its period may still be ended earlier. Raises AlreadyCanceled.
        """
        ends_at = max(self.period.until, at) if at_period_end else at
        if not self._end("requested", ends_at, at):
            raise AlreadyCanceled

    def end(self, reason: str, at: datetime) -> None:
        """Ends the subscription now. Reason: `nonpayment` or `erased`. A repeated call changes
        nothing.
        """
        self._end(reason, at, at)

    def mark_past_due(self, invoice_id: UUID, at: datetime) -> None:
        """A payment of that invoice was refused. Records nothing for an earlier period's invoice or
        a second refusal.
        """
        if self.status is SubscriptionStatus.ACTIVE and invoice_id == self.invoice_id:
            self.record(SubscriptionPastDue(**self._identity(), invoice_id=invoice_id, past_due_at=at))

    def mark_paid_up(self, invoice_id: UUID, at: datetime) -> None:
        """Nothing is owed on that invoice any more."""
        if self.status is SubscriptionStatus.PAST_DUE and invoice_id == self.invoice_id:
            self._renewed(self.plan, self.period, at)

    def _renewed(self, plan: Plan, period: Period, at: datetime) -> None:
        self.record(
            SubscriptionRenewed(
                **self._identity(),
                **_terms(plan),
                invoice_id=invoice_of(self.id, period.since),
                period_start=period.since,
                period_end=period.until,
                renewed_at=at,
            )
        )

    def _end(self, reason: str, ends_at: datetime, at: datetime) -> bool:
        if self.ends_at is not None and self.ends_at <= ends_at:
            return False
        self.record(SubscriptionCanceled(**self._identity(), reason=reason, ends_at=ends_at, canceled_at=at))
        return True

    def _require_not_canceled(self) -> None:
        if self.status is SubscriptionStatus.CANCELED:
            raise AlreadyCanceled

    def _identity(self) -> _Identity:
        return {"tenant_id": self.tenant_id, "subscription_id": self.id, "customer_id": self.customer_id}

    def apply(self, event: Event) -> None:
        match event:
            case SubscriptionCreated():
                self.customer_id, self.created_at = event.customer_id, event.created_at
                self.anchor_day = event.period_start.day
                self._begin(event)
            case SubscriptionRenewed():
                if event.period_start != self.period.since:
                    self.next_plan = None
                self._begin(event)
            case SubscriptionPlanChanged():
                self.next_plan = _plan_of(event)
            case SubscriptionPastDue():
                self.status = SubscriptionStatus.PAST_DUE
            case SubscriptionCanceled():
                self.status, self.ends_at, self.next_plan = SubscriptionStatus.CANCELED, event.ends_at, None
            case _:
                raise TypeError(f"{event.type} is not an event of a subscription")

    def _begin(self, event: SubscriptionCreated | SubscriptionRenewed) -> None:
        self.status, self.plan, self.invoice_id = SubscriptionStatus.ACTIVE, _plan_of(event), event.invoice_id
        self.period = Period(since=event.period_start, until=event.period_end)


def _terms(plan: Plan) -> _Terms:
    return {
        "plan": plan.code,
        "interval": plan.interval.value,
        "amount_minor": plan.amount_minor,
        "currency": plan.currency,
    }


def _plan_of(event: SubscriptionCreated | SubscriptionRenewed | SubscriptionPlanChanged) -> Plan:
    return Plan(
        code=event.plan,
        interval=Interval(event.interval),
        amount_minor=event.amount_minor,
        currency=event.currency,
    )
