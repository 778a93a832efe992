"""Statuses of invoices and subscriptions."""

from enum import StrEnum


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class SubscriptionStatus(StrEnum):
    ACTIVE = "active"
    PAST_DUE = "past_due"
    """The current period's invoice could not be collected so far."""
    CANCELED = "canceled"
    """The subscription is not renewed any more; it may be used until it ends."""
