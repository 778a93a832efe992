"""Request bodies and responses. Amounts are whole minor units of the invoice's currency. Numbers in
request bodies are strict: `true`, `"2"` and `1.0` are not integers.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from services.billing.api.period_bounds import PeriodEnd, PeriodStart
from services.billing.api.tax_models import LineTaxView, TaxTotalView
from services.billing.domain import Interval, InvoiceStatus, SubscriptionStatus
from services.billing.settings import PLAN_CODE
from waypost.web.models import Currency, OneLine, RequestModel, ResponseModel

ProviderToken = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,255}$")]


class NewPaymentMethod(RequestModel):
    token: ProviderToken = Field(repr=False)
    """The provider's token for a card that the customer entered at the provider; this service never
    receives card numbers.
    """


PlanCode = Annotated[str, StringConstraints(pattern=PLAN_CODE, max_length=64)]


class NewSubscription(RequestModel):
    customer_id: UUID
    plan: PlanCode
    trial: StrictBool = False
    """Begin with the plan's trial: the card is charged at its end."""


class PlanChange(RequestModel):
    plan: PlanCode


class Cancellation(RequestModel):
    at: Literal["period_end", "now"] = "period_end"


class NewInvoice(RequestModel):
    customer_id: UUID
    currency: Currency


class NewLine(RequestModel):
    description: OneLine
    quantity: StrictInt = Field(ge=1)
    unit_amount_minor: StrictInt = Field(ge=0)
    tax_rate_id: UUID | None = None
    """One of `GET /tax-rates`; without it the line has no tax."""


class NewRefund(RequestModel):
    amount_minor: StrictInt | None = Field(default=None, gt=0)
    """Without an amount, the full remaining amount is refunded."""
    reason: Literal["requested", "duplicate", "fraudulent"] = "requested"


class NewReport(RequestModel):
    kind: Literal["revenue"]
    format: Literal["json", "csv"] = "json"
    since: PeriodStart = Field(alias="from", description="A UTC day, or a timestamp.", examples=["2026-01-01"])
    until: PeriodEnd = Field(
        alias="to",
        description="A UTC day, which is the last of the period; or a timestamp, which is the first after it.",
        examples=["2026-03-31"],
    )


class ReportAccepted(ResponseModel):
    job_id: UUID


class PaymentMethodView(ResponseModel):
    id: UUID
    brand: str
    last4: str = Field(repr=False)


class CustomerView(ResponseModel):
    """The person's fields are null after erasure."""

    id: UUID
    email: str | None = Field(repr=False)
    display_name: str | None = Field(repr=False)
    locale: str
    erased: bool
    payment_methods: Sequence[PaymentMethodView]
    """In the order in which they were attached or chosen."""
    default_payment_method_id: UUID | None
    """The card that invoices are charged to: the one that was attached or chosen last."""
    created_at: datetime
    version: int


class PlanView(ResponseModel):
    code: str
    interval: Interval | str
    """Length of a period."""
    amount_minor: int
    """Price of one period."""
    currency: str


class OfferedPlan(PlanView):
    trial_days: int
    """Length of the trial that a new customer may have; 0 for none."""


class SubscriptionView(ResponseModel):
    id: UUID
    customer_id: UUID
    status: SubscriptionStatus | str
    plan: PlanView
    """The plan and price agreed for the current period."""
    next_plan: PlanView | None
    """The plan from the next period; null if it is the present one, or if there is no next
    period.
    """
    period_start: datetime
    period_end: datetime
    """Start of the next period."""
    invoice_id: UUID | None
    """The invoice of the current period; null in a trial."""
    trial_end: datetime | None
    """The end of the trial, with which the subscription began."""
    cancel_at: datetime | None
    """When the subscription will be canceled. Until then the cancellation can be taken back."""
    ends_at: datetime | None
    """When a canceled subscription ended."""
    created_at: datetime
    version: int


class LineView(ResponseModel):
    id: UUID
    description: str
    quantity: int
    unit_amount_minor: int
    """Contains the tax if the rate is inclusive."""
    net_minor: int
    """The amount without tax."""
    tax: LineTaxView | None
    amount_minor: int
    """The line's part of the total: the net amount and the tax."""


class InvoiceSummary(ResponseModel):
    id: UUID
    customer_id: UUID
    subscription_id: UUID | None
    """The subscription that this invoice bills; null for a manual invoice."""
    number: int | None
    """Assigned at finalization; consecutive within a tenant, without gaps."""
    status: InvoiceStatus | str
    currency: str
    subtotal_minor: int
    """The total without tax."""
    tax_minor: int
    total_minor: int
    """The amount that is charged: the subtotal and the tax."""
    amount_paid_minor: int
    amount_refunded_minor: int
    refunded_tax_minor: int
    """The tax in `amount_refunded_minor`: `tax_minor` minus it is the tax on what remains."""
    amount_disputed_minor: int
    """Amount of disputes that are open or lost."""
    last_failure: str | None
    """Why the latest charge was refused."""
    next_attempt_at: datetime | None
    due_at: datetime | None
    created_at: datetime
    finalized_at: datetime | None
    version: int


class InvoiceView(InvoiceSummary):
    lines: Sequence[LineView]
    taxes: Sequence[TaxTotalView]
    """The tax by rate: these amounts sum to `tax_minor`."""


WindowLength = Literal["minute", "hour", "day"]


class RevenueWindowView(ResponseModel):
    """Totals of one window in one currency. Windows without payments are not listed."""

    window: WindowLength | str
    window_start: datetime
    currency: str
    paid_minor: int
    failed_minor: int
    refunded_minor: int
    paid_count: int
    failed_count: int
    refunded_count: int
    revision: int
    """The number of events in the totals."""
