"""Notifications and mail preferences."""

from services.notifications.domain.category import OPTIONAL, Category, category_of
from services.notifications.domain.digest import MAX_ITEMS, InvoiceStatus, digest_id
from services.notifications.domain.notification import (
    BILLING,
    EMAIL,
    AlreadySettled,
    Facts,
    Notification,
    NotificationKind,
    NotificationStatus,
    Suppression,
    notification_id,
    notification_id_for,
)
from services.notifications.domain.unsubscribe_token import SECRET_BYTES, UnsubscribeToken
from services.notifications.domain.unverified import MAILED_UNVERIFIED

__all__ = [
    "BILLING",
    "EMAIL",
    "MAILED_UNVERIFIED",
    "MAX_ITEMS",
    "OPTIONAL",
    "SECRET_BYTES",
    "AlreadySettled",
    "Category",
    "Facts",
    "InvoiceStatus",
    "Notification",
    "NotificationKind",
    "NotificationStatus",
    "Suppression",
    "UnsubscribeToken",
    "category_of",
    "digest_id",
    "notification_id",
    "notification_id_for",
]
