"""A notification: queued once, and settled once as sent, failed or suppressed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID, uuid5

from schemas.notifications import NotificationFailed, NotificationQueued, NotificationSent, NotificationSuppressed
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.errors import Conflict
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId
from waypost.kernel.stored_kinds import known_member


class NotificationKind(StrEnum):
    """The kind of notification; also the name of its templates."""

    WELCOME = "welcome"
    VERIFICATION = "verification"
    EMAIL_VERIFIED = "email_verified"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a notification
    INVITATION = "invitation"
    JOIN_REQUEST = "join_request"
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGE_NOTICE = "email_change_notice"
    INVOICE_FINALIZED = "invoice_finalized"
    INVOICE_PAID = "invoice_paid"
    PAYMENT_FAILED = "payment_failed"
    REFUND_FAILED = "refund_failed"
    DIGEST = "digest"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a notification
    ROLE_CHANGED = "role_changed"
    ACCOUNT_SUSPENDED = "account_suspended"
    ACCOUNT_REACTIVATED = "account_reactivated"
    INVOICE_VOIDED = "invoice_voided"
    INVOICE_REFUNDED = "invoice_refunded"
    INVOICE_UNCOLLECTIBLE = "invoice_uncollectible"
    SUBSCRIPTION_STARTED = "subscription_started"
    SUBSCRIPTION_CANCELED = "subscription_canceled"
    SUBSCRIPTION_PLAN_CHANGED = "subscription_plan_changed"
    SUBSCRIPTION_PAST_DUE = "subscription_past_due"
    WEBHOOK_DISABLED = "webhook_disabled"
    SUBSCRIPTION_CANCELLATION_SCHEDULED = "subscription_cancellation_scheduled"
    SUBSCRIPTION_CANCELLATION_REVOKED = "subscription_cancellation_revoked"
    PAYMENT_METHOD_ATTACHED = "payment_method_attached"
    PAYMENT_METHOD_DETACHED = "payment_method_detached"
    INVOICE_DISPUTED = "invoice_disputed"
    INVOICE_DISPUTE_CLOSED = "invoice_dispute_closed"
    TENANT_CLOSED = "tenant_closed"

    @property
    def carries_token(self) -> bool:
        """Whether mails of this kind contain a one-time link, without which they are useless."""
        return self in _WITH_LINK

    @property
    def goes_to_an_address(self) -> bool:
        """Whether the recipient has no account yet: the mail goes to the address of its token, and
        the recipient's id is that of the invitation.
        """
        return self is NotificationKind.INVITATION


_WITH_LINK = frozenset(
    (
        NotificationKind.VERIFICATION,
        NotificationKind.PASSWORD_RESET,
        NotificationKind.INVITATION,
        NotificationKind.EMAIL_CHANGE,
        NotificationKind.EMAIL_CHANGE_NOTICE,
    )
)

BILLING = (
    NotificationKind.INVOICE_FINALIZED,
    NotificationKind.INVOICE_PAID,
    NotificationKind.PAYMENT_FAILED,
    NotificationKind.INVOICE_VOIDED,
    NotificationKind.INVOICE_REFUNDED,
    NotificationKind.INVOICE_UNCOLLECTIBLE,
)
"""Notifications about an invoice: the digest lists them until they are read."""


class NotificationStatus(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class Suppression(StrEnum):
    """Why a notification is deliberately not sent."""

    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    """Earlier mails to the address came back."""
    COMPLAINED = "complained"
    """The recipient has marked a mail as unwanted."""
    UNVERIFIED = "unverified"
    """The address is not proved, and the kind is not among `MAILED_UNVERIFIED`."""
    ERASED = "erased"


class AlreadySettled(Conflict):
    """The notification was already sent, failed or suppressed."""


EMAIL = "email"

Facts = Mapping[str, str | int | None]
"""The variables of a notification, apart from its recipient: numbers, amounts, days. They never
identify a person.
"""


def notification_id(event_id: EventId, kind: NotificationKind) -> UUID:
    """The id of an event's notification. A repeated event gives the same id."""
    return uuid5(event_id, kind)


def notification_id_for(event_id: EventId, kind: NotificationKind, recipient_id: UUID) -> UUID:
    """The id of one of several notifications of an event."""
    return uuid5(notification_id(event_id, kind), str(recipient_id))


class Notification(Aggregate):
    aggregate_type: ClassVar[str] = "notification"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        super().__init__(id, tenant_id)
        self.recipient_id = self.subject_id = id
        self.kind = NotificationKind.WELCOME
        self.channel = EMAIL
        self.status = NotificationStatus.QUEUED
        self.queued_at = datetime.min.replace(tzinfo=UTC)

    @classmethod
    def queue(
        cls,
        notification_id: UUID,
        tenant_id: TenantId,
        *,
        recipient_id: UUID,
        kind: NotificationKind,
        subject_type: str,
        subject_id: UUID,
        at: datetime,
    ) -> Self:
        notification = cls(notification_id, tenant_id)
        notification.record(
            NotificationQueued(
                tenant_id=tenant_id,
                notification_id=notification_id,
                recipient_id=recipient_id,
                kind=kind.value,
                channel=EMAIL,
                subject_type=subject_type,
                subject_id=subject_id,
                queued_at=at,
            )
        )
        return notification

    @property
    def message_id(self) -> str:
        """The Message-ID of the mail, the same for each attempt (RFC 5322, section 3.6.4), so that
        a mailbox can detect a duplicate.
        """
        return f"<{self.id}@waypost>"

    def send(self, at: datetime) -> None:
        """Records that the mail server has accepted the mail. Raises AlreadySettled."""
        self._require_queued()
        self.record(
            NotificationSent(
                tenant_id=self.tenant_id,
                notification_id=self.id,
                recipient_id=self.recipient_id,
                kind=self.kind.value,
                channel=self.channel,
                message_id=self.message_id,
                sent_at=at,
            )
        )

    def fail(self, reason: str, attempts: int, at: datetime) -> None:
        """Records that the mail server refused the mail permanently. Raises AlreadySettled."""
        self._require_queued()
        self.record(
            NotificationFailed(
                tenant_id=self.tenant_id,
                notification_id=self.id,
                recipient_id=self.recipient_id,
                kind=self.kind.value,
                channel=self.channel,
                reason=reason,
                attempts=attempts,
                failed_at=at,
            )
        )

    def suppress(self, reason: Suppression, at: datetime) -> None:
        """Raises AlreadySettled."""
        self._require_queued()
        self.record(
            NotificationSuppressed(
                tenant_id=self.tenant_id,
                notification_id=self.id,
                recipient_id=self.recipient_id,
                kind=self.kind.value,
                channel=self.channel,
                reason=reason.value,
                suppressed_at=at,
            )
        )

    def apply(self, event: Event) -> None:
        match event:
            case NotificationQueued():
                self.recipient_id, self.subject_id = event.recipient_id, event.subject_id
                self.kind, self.channel = known_member(NotificationKind, event.kind), event.channel
                self.queued_at = event.queued_at
            case NotificationSent():
                self.status = NotificationStatus.SENT
            case NotificationFailed():
                self.status = NotificationStatus.FAILED
            case NotificationSuppressed():
                self.status = NotificationStatus.SUPPRESSED
            case _:
                raise TypeError(f"{event.type} is not an event of a notification")

    def _require_queued(self) -> None:
        if self.status is not NotificationStatus.QUEUED:
            raise AlreadySettled
