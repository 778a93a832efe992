"""The state of a subscription, folded from its events, and what follows from it."""

from datetime import datetime
from typing import ClassVar
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
from services.billing.domain.period import Period
from services.billing.domain.plan import Plan
from services.billing.domain.statuses import SubscriptionStatus
from services.billing.domain.terms import Identity, plan_of
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.stored_kinds import known_member


class SubscriptionState(Aggregate):
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

    def status_with(self, unpaid: frozenset[UUID]) -> SubscriptionStatus:
        """The status of a running subscription with these unpaid invoices."""
        if not unpaid:
            return SubscriptionStatus.ACTIVE
        is_first_period = self.invoice_id == self.first_invoice_id
        return SubscriptionStatus.INCOMPLETE if is_first_period else SubscriptionStatus.PAST_DUE

    def identity(self) -> Identity:
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
        self.status = known_member(SubscriptionStatus, status)
        if self.status is SubscriptionStatus.ACTIVE:
            # A renewal of version 1 made a subscription active with unpaid invoices.
            self.unpaid = frozenset()
