"""Commands of the notifications service, from its routes, its jobs and other services' events. Ids
and times come from the request or the event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from services.notifications.domain import Category, Facts, NotificationKind, UnsubscribeToken
from services.notifications.domain.bounce import BounceKind
from waypost.kernel.command import Command
from waypost.kernel.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class MailedToken:
    """A one-time token to be mailed, sealed for this service."""

    address: str = field(repr=False)
    """The address that the token verifies. The token is mailed to this address only."""
    sealing_key_id: str
    sealed: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueNotification(Command[None]):
    """Queues a notification once per id; a repeated command changes nothing."""

    notification_id: UUID
    tenant_id: TenantId
    recipient_id: UUID
    kind: NotificationKind
    subject_type: str
    """One of: user, invoice, subscription, invitation."""
    subject_id: UUID
    facts: Facts = field(default_factory=dict)
    token: MailedToken | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDigest(Command[bool]):
    """Queues the digest of a user who wants one and has unread notifications. Queues nothing
    otherwise, or for a day that already has its digest.
    """

    tenant_id: TenantId
    user_id: UUID
    day: date
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRead(Command[None]):
    """Marks a notification as read by its recipient. The first time is stored."""

    tenant_id: TenantId
    notification_id: UUID
    recipient_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseMails(Command[None]):
    tenant_id: TenantId
    user_id: UUID
    choices: Mapping[Category, bool]
    """The optional categories that the user wants or does not want; the others stay."""
    secret: bytes = field(repr=False)
    """The secret of the user's unsubscribe links, stored if the user has none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe(Command[None]):
    """Ends the mails of one category to the link's owner. A repeated command changes nothing."""

    token: UnsubscribeToken
    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftSuppression(Command[None]):
    """Permits mails to a suppressed address again. A repeated command raises NotFound."""

    suppression_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBounce(Command[None]):
    """Stores what became of a sent mail. A repeated command changes nothing."""

    notification_id: UUID
    address: str = field(repr=False)
    """The address to which the mail was sent."""
    kind: BounceKind
    code: int
    """The mail server's reply code (RFC 5321), or 0."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelInvitation(Command[None]):
    """Deletes the link of an invitation that has ended, and its address if the mail server refused
    it. A mail that waits is not sent.
    """

    invitation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRecipient(Command[None]):
    """Deletes the stored data of an erased recipient."""

    recipient_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhookSecret:
    """A secret that signs webhooks, sealed."""

    secret_id: UUID
    sealing_key_id: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateWebhookEndpoint(Command[None]):
    tenant_id: TenantId
    endpoint_id: UUID
    url: str = field(repr=False)
    event_types: Sequence[str]
    secret: NewWebhookSecret
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWebhookEndpoint(Command[None]):
    """Changes what is not None."""

    endpoint_id: UUID
    url: str | None = field(default=None, repr=False)
    event_types: Sequence[str] | None = None
    enabled: bool | None = None
    expected_version: int | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteWebhookEndpoint(Command[None]):
    """Deletes the endpoint with its secrets; a job deletes its deliveries. A repeated command
    raises NotFound.
    """

    endpoint_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateWebhookSecret(Command[None]):
    """Adds a secret. The current one signs too, for `overlap_seconds`; with 0 all earlier ones end
    at once.
    """

    tenant_id: TenantId
    endpoint_id: UUID
    secret: NewWebhookSecret
    overlap_seconds: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTestWebhook(Command[None]):
    tenant_id: TenantId
    endpoint_id: UUID
    delivery_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeliverWebhook(Command[None]):
    """Sends one delivery of any status again."""

    endpoint_id: UUID
    delivery_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeliverFailedWebhooks(Command[None]):
    """Sends the failed deliveries again that were created from `since` on."""

    endpoint_id: UUID
    since: datetime
    at: datetime
