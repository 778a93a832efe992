"""A customer's plan: trialing → active or incomplete ⇄ past_due → canceled, period after period."""

from datetime import datetime, timedelta
from typing import Self
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
from services.billing.domain.subscription_state import SubscriptionState
from services.billing.domain.terms import terms_of
from waypost.kernel.ids import TenantId


class Subscription(SubscriptionState):
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

    def renew(self, at: datetime) -> None:
        """Begins the next period. The caller has checked `is_due` and `reason_to_end`."""
        plan = self.changed_plan or self.plan
        period = period_from(self.period.until, plan.interval, self.anchor_day)
        self.record(
            SubscriptionRenewed(
                **self.identity(),
                **terms_of(plan),
                invoice_id=invoice_of(self.id, period.since),
                period_start=period.since,
                period_end=period.until,
                renewed_at=at,
                status=self.status_with(self.unpaid).value,
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
                **self.identity(),
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
                SubscriptionCancellationScheduled(**self.identity(), cancel_at=self.period.until, scheduled_at=at)
            )

    def uncancel(self, at: datetime) -> None:
        """Takes a scheduled cancellation back. Raises AlreadyCanceled if it has taken effect,
        NotCanceled.
        """
        if self.status is SubscriptionStatus.CANCELED or (self.cancel_at and self.cancel_at <= at):
            raise AlreadyCanceled
        if self.cancel_at is None:
            raise NotCanceled
        self.record(SubscriptionCancellationRevoked(**self.identity(), revoked_at=at))

    def end(self, reason: str, at: datetime) -> None:
        """Ends the subscription now, or at its scheduled end if that has passed. Reason:
        `requested`, `nonpayment` or `erased`. A repeated call changes nothing.
        """
        self._end(reason, min(at, self.cancel_at or at), at)

    def mark_past_due(self, invoice_id: UUID, at: datetime) -> None:
        """A payment of this invoice was refused. Records nothing for a second refusal."""
        if self.status is SubscriptionStatus.CANCELED or invoice_id in self.unpaid:
            return
        status = self.status_with(self.unpaid | {invoice_id}).value
        self.record(SubscriptionPastDue(**self.identity(), invoice_id=invoice_id, past_due_at=at, status=status))

    def mark_paid_up(self, invoice_id: UUID, at: datetime) -> None:
        """Nothing is owed on that invoice. The status stays past due while another is unpaid."""
        if self.status is SubscriptionStatus.CANCELED or invoice_id not in self.unpaid:
            return
        status = self.status_with(self.unpaid - {invoice_id}).value
        self.record(SubscriptionCaughtUp(**self.identity(), invoice_id=invoice_id, caught_up_at=at, status=status))

    def mark_voided(self, invoice_id: UUID, at: datetime) -> None:
        """An unpaid invoice was voided. The invoice of the current period ends the subscription:
        the period is not used without a payment.
        """
        if invoice_id == self.invoice_id:
            self.end("nonpayment", at)
        else:
            self.mark_paid_up(invoice_id, at)

    def _end(self, reason: str, ends_at: datetime, at: datetime) -> bool:
        if self.ends_at is not None and self.ends_at <= ends_at:
            return False
        self.record(SubscriptionCanceled(**self.identity(), reason=reason, ends_at=ends_at, canceled_at=at))
        return True
