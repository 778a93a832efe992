"""What this service can be asked to do: by its routes and jobs, and by events of the other
services, whose time and ids are theirs.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from services.notifications.domain import Facts, Kind, UnsubscribeToken
from waypost.kernel.command import Command
from waypost.kernel.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class MailedToken:
    """A one-time token on its way into a mail, sealed to this service."""

    address: str = field(repr=False)
    """Where the token proves something: it is mailed there and nowhere else."""
    sealing_key_id: str
    sealed: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueNotification(Command[None]):
    """Asking twice is fine."""

    notification_id: UUID
    tenant_id: TenantId
    recipient_id: UUID
    kind: Kind
    subject_type: str
    """One of: user, invoice, subscription."""
    subject_id: UUID
    facts: Facts = field(default_factory=dict)
    token: MailedToken | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDigest(Command[bool]):
    """Of a user who wants one and has something unread; nothing otherwise. Asking twice for one day
    is fine.
    """

    tenant_id: TenantId
    user_id: UUID
    day: date
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRead(Command[None]):
    """By its recipient. The first time counts."""

    tenant_id: TenantId
    notification_id: UUID
    recipient_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseDigest(Command[None]):
    tenant_id: TenantId
    user_id: UUID
    digest: bool
    secret: bytes = field(repr=False)
    """For the unsubscribe links of somebody who has none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDigests(Command[None]):
    """Asked by whoever holds the link. Asking twice is fine."""

    token: UnsubscribeToken


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRecipient(Command[None]):
    """Drops what is kept for and of somebody who is erased."""

    recipient_id: UUID
