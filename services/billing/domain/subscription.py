"""A customer's plan: trialing → active or incomplete ⇄ past_due → canceled, period after period."""

from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import UUID

from schemas.billing import (
    SubscriptionCanceled,
    SubscriptionCancellationRevoked,
    SubscriptionCancellationScheduled,
    SubscriptionCaughtUp,
    SubscriptionCreated,
    SubscriptionPastDue,
    SubscriptionPlanChanged,
    SubscriptionRenewed,
)
from services.billing.domain.cycle import invoice_of, period_from
from services.billing.domain.errors import AlreadyCanceled, CurrencyDiffers, NotCanceled, PlanUnchanged
from services.billing.domain.period import Period
from services.billing.domain.plan import Plan
from services.billing.domain.statuses import SubscriptionStatus
from services.billing.domain.terms import Identity, plan_of, terms_of
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId


class Subscription(Aggregate):
    aggregate_type: ClassVar[str] = "subscription"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        super().__init__(id, tenant_id)
        self.customer_id = id
        self.status = SubscriptionStatus.ACTIVE
        self.plan: Plan
        self.changed_plan: Plan | None = None
        """The plan of the latest change, if it differs from `plan`."""
        self.period: Period
        self.invoice_id: UUID | None = None
        """The invoice of the current period; None in a trial."""
        self.first_invoice_id: UUID | None = None
        self.trial_end: datetime | None = None
        self.unpaid: frozenset[UUID] = frozenset()
        """Invoices of which a charge was refused and that are not settled yet."""
        self.anchor_day = 1
        """The day of the month on which the first period began."""
        self.cancel_at: datetime | None = None
        """The time of a scheduled cancellation: the status does not change before it."""
        self.ends_at: datetime | None = None
        """The end of a canceled subscription."""
        self.created_at: datetime

    @classmethod
    def start(
        cls,
        subscription_id: UUID,
        tenant_id: TenantId,
        *,
        customer_id: UUID,
        plan: Plan,
        at: datetime,
        with_trial: bool = False,
    ) -> Self:
        """A trial is the first period, without an invoice."""
        subscription = cls(subscription_id, tenant_id)
        trial_end = at + timedelta(days=plan.trial_days) if with_trial else None
        first = Period(since=at, until=trial_end) if trial_end else period_from(at, plan.interval, at.day)
        subscription.record(
            SubscriptionCreated(
                tenant_id=tenant_id,
                subscription_id=subscription_id,
                customer_id=customer_id,
                **terms_of(plan),
                invoice_id=invoice_of(subscription_id, first.since),
                period_start=first.since,
                period_end=first.until,
                created_at=at,
                trial_end=trial_end,
            )
        )
        return subscription

    @property
    def period_start(self) -> datetime:
        return self.period.since

    @property
    def period_end(self) -> datetime:
        return self.period.until

    @property
    def next_plan(self) -> Plan | None:
        """The plan from the next period, if there is a next period and its plan differs."""
        return None if self.cancel_at else self.changed_plan

    def is_due(self, at: datetime) -> bool:
        """Whether the next period is due. Missed periods become due one after the other."""
        return self.status is not SubscriptionStatus.CANCELED and self.period.until <= at

    def reason_to_end(self, *, erased: bool, in_arrears: bool) -> str | None:
        """Why the subscription ends with its period; None if it is renewed."""
        if erased or self.cancel_at:
            return "erased" if erased else "requested"
        return "nonpayment" if in_arrears or self.status is SubscriptionStatus.INCOMPLETE else None

    def renew(self, at: datetime) -> None:
        """Begins the next period. The caller has checked `is_due` and `reason_to_end`."""
        plan = self.changed_plan or self.plan
        period = period_from(self.period.until, plan.interval, self.anchor_day)
        self.record(
            SubscriptionRenewed(
                **self._identity(),
                **terms_of(plan),
                invoice_id=invoice_of(self.id, period.since),
                period_start=period.since,
                period_end=period.until,
                renewed_at=at,
                status=self._status_with(self.unpaid).value,
            )
        )

    def change(self, plan: Plan, at: datetime) -> None:
        """From the next period. Raises AlreadyCanceled, CurrencyDiffers, PlanUnchanged."""
        if self.status is SubscriptionStatus.CANCELED or self.cancel_at:
            raise AlreadyCanceled
        if plan.currency != self.plan.currency:
            raise CurrencyDiffers(currency=self.plan.currency)
        agreed = self.changed_plan or self.plan
        if plan == agreed:
            raise PlanUnchanged
        self.record(
            SubscriptionPlanChanged(
                **self._identity(),
                **terms_of(plan),
                previous_plan=agreed.code,
                effective_at=self.period.until,
                changed_at=at,
            )
        )

    def cancel(self, at: datetime, *, at_period_end: bool) -> None:
        """Ends the subscription at `at`, or with its period. A scheduled end may still become
        earlier, never later. Raises AlreadyCanceled.
        """
        if not at_period_end or self.period.until <= at:
            if not self._end("requested", min(at, self.cancel_at or at), at):
                raise AlreadyCanceled
        elif self.status is SubscriptionStatus.CANCELED or self.cancel_at:
            raise AlreadyCanceled
        else:
            self.record(
                SubscriptionCancellationScheduled(**self._identity(), cancel_at=self.period.until, scheduled_at=at)
            )

    def uncancel(self, at: datetime) -> None:
        """Takes a scheduled cancellation back. Raises AlreadyCanceled if it has taken effect,
        NotCanceled.
        """
        if self.status is SubscriptionStatus.CANCELED or (self.cancel_at and self.cancel_at <= at):
            raise AlreadyCanceled
        if self.cancel_at is None:
            raise NotCanceled
        self.record(SubscriptionCancellationRevoked(**self._identity(), revoked_at=at))

    def end(self, reason: str, at: datetime) -> None:
        """Ends the subscription now, or at its scheduled end if that has passed. Reason:
        `requested`, `nonpayment` or `erased`. A repeated call changes nothing.
        """
        self._end(reason, min(at, self.cancel_at or at), at)

    def mark_past_due(self, invoice_id: UUID, at: datetime) -> None:
        """A payment of this invoice was refused. Records nothing for a second refusal."""
        if self.status is SubscriptionStatus.CANCELED or invoice_id in self.unpaid:
            return
        status = self._status_with(self.unpaid | {invoice_id}).value
        self.record(SubscriptionPastDue(**self._identity(), invoice_id=invoice_id, past_due_at=at, status=status))

    def mark_paid_up(self, invoice_id: UUID, at: datetime) -> None:
        """Nothing is owed on that invoice. The status stays past due while another is unpaid."""
        if self.status is SubscriptionStatus.CANCELED or invoice_id not in self.unpaid:
            return
        status = self._status_with(self.unpaid - {invoice_id}).value
        self.record(SubscriptionCaughtUp(**self._identity(), invoice_id=invoice_id, caught_up_at=at, status=status))

    def mark_voided(self, invoice_id: UUID, at: datetime) -> None:
        """An unpaid invoice was voided. The invoice of the current period ends the subscription:
        the period is not used without a payment.
        """
        if invoice_id == self.invoice_id:
            self.end("nonpayment", at)
        else:
            self.mark_paid_up(invoice_id, at)

    def _status_with(self, unpaid: frozenset[UUID]) -> SubscriptionStatus:
        if not unpaid:
            return SubscriptionStatus.ACTIVE
        is_first_period = self.invoice_id == self.first_invoice_id
        return SubscriptionStatus.INCOMPLETE if is_first_period else SubscriptionStatus.PAST_DUE

    def _end(self, reason: str, ends_at: datetime, at: datetime) -> bool:
        if self.ends_at is not None and self.ends_at <= ends_at:
            return False
        self.record(SubscriptionCanceled(**self._identity(), reason=reason, ends_at=ends_at, canceled_at=at))
        return True

    def _identity(self) -> Identity:
        return {"tenant_id": self.tenant_id, "subscription_id": self.id, "customer_id": self.customer_id}

    def apply(self, event: Event) -> None:
        match event:
            case SubscriptionCreated():
                self.customer_id, self.created_at = event.customer_id, event.created_at
                self.anchor_day, self.trial_end = (event.trial_end or event.period_start).day, event.trial_end
                self._begin(event, event.trial_end is None)
                self.status = SubscriptionStatus.TRIALING if event.trial_end else SubscriptionStatus.ACTIVE
            case SubscriptionRenewed():
                if event.period_start != self.period.since:
                    self.changed_plan = None
                self._begin(event)
                self._move_to(event.status)
            case SubscriptionPlanChanged():
                plan = plan_of(event)
                self.changed_plan = None if plan == self.plan else plan
            case SubscriptionPastDue(invoice_id=invoice_id):
                self.unpaid |= {invoice_id}
                self._move_to(event.status)
            case SubscriptionCaughtUp(invoice_id=invoice_id):
                self.unpaid -= {invoice_id}
                self._move_to(event.status)
            case SubscriptionCancellationScheduled():
                self.cancel_at = event.cancel_at
            case SubscriptionCancellationRevoked():
                self.cancel_at = None
            case SubscriptionCanceled():
                self.status, self.ends_at = SubscriptionStatus.CANCELED, event.ends_at
                self.cancel_at = self.changed_plan = None
            case _:
                raise TypeError(f"{event.type} is not an event of a subscription")

    def _begin(self, event: SubscriptionCreated | SubscriptionRenewed, is_invoiced: bool = True) -> None:
        self.plan, self.invoice_id = plan_of(event), event.invoice_id if is_invoiced else None
        self.first_invoice_id = self.first_invoice_id or self.invoice_id
        self.period = Period(since=event.period_start, until=event.period_end)

    def _move_to(self, status: str) -> None:
        self.status = SubscriptionStatus(status)
        if self.status is SubscriptionStatus.ACTIVE:
            # A renewal of version 1 made a subscription active with unpaid invoices.
            self.unpaid = frozenset()
