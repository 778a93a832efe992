"""Statuses of invoices and subscriptions."""

from enum import StrEnum


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class SubscriptionStatus(StrEnum):
    TRIALING = "trialing"
    """In its trial: the first payment is due at the end."""
    INCOMPLETE = "incomplete"
    """The first payment was refused, and was not made since."""
    ACTIVE = "active"
    PAST_DUE = "past_due"
    """An invoice could not be collected so far, after the first period was paid."""
    CANCELED = "canceled"
    """The subscription has ended. A cancellation at the end of the period leaves the status as it
    is until then.
    """
