"""Events that notifications publishes. Generated from the schemas by `waypost schemas generate`;
edit the .avsc files.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from waypost.kernel.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationFailed(Event):
    """The notification could not be delivered and is not retried."""

    type: ClassVar[str] = "notification.failed"
    topic: ClassVar[str] = "notifications.notification"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    notification_id: UUID
    """The notification; key of the record."""
    recipient_id: UUID
    """The user who receives the notification."""
    kind: str
    """Name of the template, such as welcome or invoice_paid."""
    channel: str
    """Channel, one of: email, digest."""
    reason: str
    """Reason code, such as mailbox_unknown or retries_exhausted."""
    attempts: int
    """Number of attempts."""
    failed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationQueued(Event):
    """A notification was queued."""

    type: ClassVar[str] = "notification.queued"
    topic: ClassVar[str] = "notifications.notification"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    notification_id: UUID
    """The notification; key of the record."""
    recipient_id: UUID
    """The user who receives the notification."""
    kind: str
    """Name of the template, such as welcome or invoice_paid."""
    channel: str
    """Channel, one of: email, digest."""
    subject_type: str
    """Type of the subject, one of: user, invoice, subscription."""
    subject_id: UUID
    """Id of the subject."""
    queued_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSent(Event):
    """The mail server accepted the notification."""

    type: ClassVar[str] = "notification.sent"
    topic: ClassVar[str] = "notifications.notification"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    notification_id: UUID
    """The notification; key of the record."""
    recipient_id: UUID
    """The user who receives the notification."""
    kind: str
    """Name of the template, such as welcome or invoice_paid."""
    channel: str
    """Channel, one of: email, digest."""
    message_id: str
    """Message-ID of the mail (RFC 5322), equal in all attempts."""
    sent_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSuppressed(Event):
    """The notification was suppressed and will not be sent."""

    type: ClassVar[str] = "notification.suppressed"
    topic: ClassVar[str] = "notifications.notification"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    notification_id: UUID
    """The notification; key of the record."""
    recipient_id: UUID
    """The user who receives the notification."""
    kind: str
    """Name of the template, such as welcome or invoice_paid."""
    channel: str
    """Channel, one of: email, digest."""
    reason: str
    """Reason, one of: unsubscribed, expired, superseded, suspended, erased."""
    suppressed_at: datetime
    """Time of the event."""


EVENTS: tuple[type[Event], ...] = (
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationSuppressed,
)
