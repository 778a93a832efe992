"""Events that notifications publishes.

Generated from `schemas/avro` by `waypost schemas generate`; edit those files.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from waypost.kernel.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationFailed(Event):
    """The letter could not be delivered and is not tried again."""

    type: ClassVar[str] = "notification.failed"
    topic: ClassVar[str] = "notifications.notification"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    notification_id: UUID
    """The notification; key of the record."""
    recipient_id: UUID
    """The user it is for."""
    kind: str
    """Which letter, by the template's name, such as welcome or invoice_paid."""
    channel: str
    """How it reaches them, one of: email, digest."""
    reason: str
    """Why, in a word for programs, such as mailbox_unknown or retries_exhausted."""
    attempts: int
    """How often it was tried."""
    failed_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationQueued(Event):
    """A letter is to be sent for something that happened."""

    type: ClassVar[str] = "notification.queued"
    topic: ClassVar[str] = "notifications.notification"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    notification_id: UUID
    """The notification; key of the record."""
    recipient_id: UUID
    """The user it is for."""
    kind: str
    """Which letter, by the template's name, such as welcome or invoice_paid."""
    channel: str
    """How it reaches them, one of: email, digest."""
    subject_type: str
    """What it is about, one of: user, invoice, subscription."""
    subject_id: UUID
    """Which one of those."""
    queued_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSent(Event):
    """The mail server took the letter."""

    type: ClassVar[str] = "notification.sent"
    topic: ClassVar[str] = "notifications.notification"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    notification_id: UUID
    """The notification; key of the record."""
    recipient_id: UUID
    """The user it is for."""
    kind: str
    """Which letter, by the template's name, such as welcome or invoice_paid."""
    channel: str
    """How it reaches them, one of: email, digest."""
    message_id: str
    """Message-ID of the mail (RFC 5322); the same on every try."""
    sent_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSuppressed(Event):
    """The letter was deliberately not sent."""

    type: ClassVar[str] = "notification.suppressed"
    topic: ClassVar[str] = "notifications.notification"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    notification_id: UUID
    """The notification; key of the record."""
    recipient_id: UUID
    """The user it is for."""
    kind: str
    """Which letter, by the template's name, such as welcome or invoice_paid."""
    channel: str
    """How it reaches them, one of: email, digest."""
    reason: str
    """Why, one of: unsubscribed, expired, superseded, suspended, erased."""
    suppressed_at: datetime
    """When it happened."""


EVENTS: tuple[type[Event], ...] = (
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationSuppressed,
)
