"""Errors of the billing service; each is a subclass in the tree of `waypost.kernel.errors`."""

from datetime import timedelta

from waypost.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused, Unavailable


class InvoiceNotDraft(Conflict):
    """Only a draft can be changed; this invoice was finalized."""


class InvoiceNotOpen(Conflict):
    """Nothing is owed on this invoice: it is a draft, paid or void."""


class InvoiceNotPaid(Conflict):
    """Only paid amounts can be refunded."""


class InvoiceEmpty(Conflict):
    """An invoice needs a total above 0 before it is finalized."""


class TooManyLines(Conflict):
    """An invoice has 500 lines at most."""


class TaxRateUnknown(Invalid):
    """There is no tax rate with this id: `GET /tax-rates` lists the tenant's rates."""


class TaxRateArchived(Conflict):
    """The tax rate is archived: choose another one, or create it again with `POST /tax-rates`."""


class TaxRateIsDefault(Conflict):
    """Subscriptions are invoiced with this tax rate: make another one the default first, or remove
    the default.
    """


class TooManyTaxRates(Conflict):
    """A tenant has 100 active tax rates at most: archive one that is not used any more."""


class InvoiceIsDraft(Conflict):
    """An invoice gets its number and its PDF when it is finalized, and this one was not."""


class PaymentPending(Conflict):
    """A payment of this invoice is pending at the provider; try again when it is settled."""


class NoPaymentMethod(Conflict):
    """The customer has no card: attach one first."""


class CustomerIsErased(Conflict):
    """The customer was erased and cannot be billed any more."""


class CustomerInArrears(Conflict):
    """The customer has a written-off invoice: pay or void it first. `GET
    /invoices?status=uncollectible` lists them.
    """


class TenantInArrears(Conflict):
    """An invoice of the tenant's owner was written off: pay or void it before new invoices and
    subscriptions. `GET /invoices?status=uncollectible` lists them.
    """


class DisputeKnown(Conflict):
    """The dispute was recorded before."""


class DisputeUnknown(Conflict):
    """The invoice has no open dispute with this id."""


class ChargeNotRecorded(Unavailable):
    """The charge of this refund or dispute is not recorded yet: send the notice again."""

    def __init__(self) -> None:
        super().__init__("", timedelta(minutes=1))


class TotalTooLarge(Invalid):
    """The total of an invoice is 1,000,000,000,000,000 minor units at most."""


class AlreadyCanceled(Conflict):
    """The subscription was canceled: it cannot be changed or ended earlier. Take a cancellation
    back (`uncancel`) before it takes effect, or subscribe again.
    """


class NotCanceled(Conflict):
    """The subscription is not to be canceled: there is no cancellation to take back."""


class AlreadySubscribed(Conflict):
    """The customer has a subscription to this plan: change or cancel that one instead of a second
    one.
    """


class NoTrial(Conflict):
    """The plan has no trial: subscribe without one; `GET /plans` shows `trial_days`."""


class TrialUsed(Conflict):
    """The customer had a trial before, and a customer has one: subscribe without a trial."""


class CurrencyDiffers(Conflict):
    """The subscriptions of a customer have one currency: choose a plan in the currency of the
    running ones, or cancel them first.
    """


class PlanUnchanged(Conflict):
    """The subscription already renews at that plan and price."""


class PlanUnknown(Invalid):
    """There is no such plan: `GET /plans` lists the available plans."""


class RefundTooLarge(Invalid):
    """The refund is larger than the paid amount that remains."""


NOT_BOOKABLE = (InvoiceNotPaid, RefundTooLarge, DisputeKnown, DisputeUnknown)
"""The errors of an invoice that does not allow a refund or a dispute of the provider."""


class PeriodEndsBeforeStart(Invalid):
    """The period ends before it begins: `to` must be later than `from`."""


class PeriodTooLong(Invalid):
    """A report covers 24 months at most: ask for a shorter period, or for several reports."""


class ReportTooLong(Refused):
    """The report has more than 2,000 lines, one per month, currency and status: ask for a shorter
    period.
    """


class ReportUnfinished(Conflict):
    """The report is not complete yet; `GET /jobs/{id}` shows its progress."""


class PaymentMethodUnknown(Invalid):
    """The payment provider does not know a card with this token; send the token that the provider
    returned when the card was entered.
    """


class WebhookNotAuthentic(Refused):
    """The signature is not the payment provider's, or is too old."""


class PaymentMethodTaken(Conflict):
    """The card with this token belongs to another customer at the payment provider: enter the card
    again, and send the new token.
    """


class NoSuchCard(NotFound):
    """The customer has no such card; `GET /customers/{id}` lists the cards."""


class TooManyCards(Conflict):
    """A customer has 10 cards at most: detach one first."""


class CardInUse(Conflict):
    """A payment with this card is pending at the provider; detach the card when the payment is
    settled.
    """


class NotTheCustomer(Forbidden):
    """Only the customer attaches a card and chooses the default: ask them to sign in and do it. An
    admin may detach a card, and charge an invoice to the default.
    """
