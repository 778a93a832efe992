"""Why this service says no; each is a branch of the tree in `waypost.kernel.errors`."""

from waypost.kernel.errors import Conflict, Invalid, Refused


class InvoiceNotDraft(Conflict):
    """Only a draft can be changed; this invoice was finalized."""


class InvoiceNotOpen(Conflict):
    """Nothing is owed on this invoice: it is a draft, or paid, void or written off."""


class InvoiceNotPaid(Conflict):
    """Only what was paid can be given back."""


class InvoiceEmpty(Conflict):
    """An invoice needs something to pay before it is finalized."""


class TooManyLines(Conflict):
    """An invoice holds 500 lines at most."""


class PaymentPending(Conflict):
    """The provider is being asked about a payment of this invoice; try again when that is settled."""


class NoPaymentMethod(Conflict):
    """The customer has no card: attach one first."""


class CustomerIsErased(Conflict):
    """The customer was erased and cannot be billed any more."""


class TotalTooLarge(Invalid):
    """An invoice comes to 1,000,000,000,000,000 minor units at most."""


class AlreadyCanceled(Conflict):
    """The subscription was canceled already: nothing of it can be changed, and it does not end any
    sooner.
    """


class PlanUnchanged(Conflict):
    """The subscription is renewed at that plan and price already."""


class PlanUnknown(Invalid):
    """There is no such plan: `GET /plans` lists those there are."""


class RefundTooLarge(Invalid):
    """More than was paid cannot be given back."""


class PeriodEmpty(Invalid):
    """The period ends before it begins: `to` has to come after `from`."""


class PeriodTooLong(Invalid):
    """One report covers 24 months at most: ask for a shorter period, or for several reports."""


class ReportTooLong(Refused):
    """The report has more than 2,000 lines, one per month, currency and status: ask for a shorter
    period.
    """


class ReportUnfinished(Conflict):
    """The report is not there yet; `GET /jobs/{id}` tells how far it is."""


class PaymentMethodUnknown(Invalid):
    """The payment provider knows no card by this token; send the one that it gave when the card was
    entered there.
    """


class WebhookNotAuthentic(Refused):
    """The signature is not the payment provider's, or is too old."""
