"""Notifications and mail preferences."""

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

__all__ = [
    "BILLING",
    "EMAIL",
    "MAX_ITEMS",
    "SECRET_BYTES",
    "AlreadySettled",
    "Facts",
    "InvoiceStatus",
    "Notification",
    "NotificationKind",
    "NotificationStatus",
    "Suppression",
    "UnsubscribeToken",
    "digest_id",
    "notification_id",
    "notification_id_for",
]
