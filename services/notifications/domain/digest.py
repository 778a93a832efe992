"""The digest: invoices with unread notifications, with their status when it is mailed."""

from datetime import date
from enum import StrEnum
from uuid import UUID, uuid5

MAX_ITEMS = 20
"""Limit per digest; a digest reports how many more invoices there are."""


class InvoiceStatus(StrEnum):
    """The status of an invoice as the digest shows it."""

    OPEN = "open"
    PAYMENT_FAILED = "payment_failed"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


def digest_id(user_id: UUID, day: date) -> UUID:
    """Id of the digest notification: one per user and day, however often it is requested."""
    return uuid5(user_id, f"digest {day.isoformat()}")
