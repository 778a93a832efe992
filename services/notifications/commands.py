"""What this service can be asked to do. Events of the other services ask for it; time and ids are theirs."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.notifications.domain import Facts, Kind
from shared.kernel.command import Command
from shared.kernel.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class MailedToken:
    """A one-time token on its way into a mail, sealed to this service."""

    address: str = field(repr=False)
    """Where the token proves something: it is mailed there and nowhere else."""
    sealing_key_id: str
    sealed: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLetter(Command[None]):
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
class ForgetRecipient(Command[None]):
    """Drops what is kept for letters to somebody who is erased."""

    recipient_id: UUID
