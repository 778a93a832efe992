"""Categories of mails. The recipient can switch some of them off."""

from collections.abc import Mapping
from enum import StrEnum

from services.notifications.domain.notification import NotificationKind


class Category(StrEnum):
    SECURITY = "security"
    """Mails about the account and its credentials, and each kind without another category."""
    BILLING = "billing"
    """Money that is owed."""
    RECEIPTS = "receipts"
    """Money that was paid, given back or is not owed any more."""
    SUBSCRIPTIONS = "subscriptions"
    DIGEST = "digest"

    @property
    def is_optional(self) -> bool:
        """Whether the recipient can switch it off, by preference or by one click (RFC 8058)."""
        return self in OPTIONAL


OPTIONAL = (Category.RECEIPTS, Category.SUBSCRIPTIONS, Category.DIGEST)

_CATEGORIES: Mapping[NotificationKind, Category] = {
    NotificationKind.INVOICE_FINALIZED: Category.BILLING,
    NotificationKind.PAYMENT_FAILED: Category.BILLING,
    NotificationKind.INVOICE_UNCOLLECTIBLE: Category.BILLING,
    NotificationKind.SUBSCRIPTION_PAST_DUE: Category.BILLING,
    NotificationKind.INVOICE_DISPUTED: Category.BILLING,
    NotificationKind.INVOICE_DISPUTE_CLOSED: Category.BILLING,
    NotificationKind.INVOICE_PAID: Category.RECEIPTS,
    NotificationKind.INVOICE_VOIDED: Category.RECEIPTS,
    NotificationKind.INVOICE_REFUNDED: Category.RECEIPTS,
    NotificationKind.SUBSCRIPTION_STARTED: Category.SUBSCRIPTIONS,
    NotificationKind.SUBSCRIPTION_CANCELED: Category.SUBSCRIPTIONS,
    NotificationKind.SUBSCRIPTION_PLAN_CHANGED: Category.SUBSCRIPTIONS,
    NotificationKind.SUBSCRIPTION_CANCELLATION_SCHEDULED: Category.SUBSCRIPTIONS,
    NotificationKind.SUBSCRIPTION_CANCELLATION_REVOKED: Category.SUBSCRIPTIONS,
    NotificationKind.DIGEST: Category.DIGEST,
}


def category_of(kind: NotificationKind) -> Category:
    return _CATEGORIES.get(kind, Category.SECURITY)
