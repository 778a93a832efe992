"""The reactor that queues one notification per event of another service."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from schemas.billing import (
    InvoiceFinalized,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRefundFailed,
)
from schemas.users import (
    InvitationAccepted,
    InvitationRequested,
    InvitationSent,
    InvitationWithdrawn,
    UserCreated,
    UserEmailChangeRequested,
    UserEmailVerified,
    UserErased,
    UserPasswordResetRequested,
    UserVerificationRequested,
)
from services.notifications.commands import ForgetRecipient, MailedToken, QueueNotification
from services.notifications.domain import Facts, NotificationKind, notification_id
from services.notifications.domain.proved_address import PROVED, proved_digest
from services.notifications.handlers.account_notices import ACCOUNT_NOTICES
from services.notifications.handlers.invitations import end_invitation, send_invitation, tell_approvers
from services.notifications.handlers.money_notices import MONEY_NOTICES
from services.notifications.handlers.notifications import forget_recipient, queue_notification
from services.notifications.handlers.owner_notices import OWNER_NOTICES
from services.notifications.queries.mail_contents import owner
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet
from waypost.kernel.event import Event
from waypost.kernel.role import Role
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork


async def welcome(created: Envelope[UserCreated], uow: UnitOfWork) -> None:
    """The owner of a new tenant is mailed the verification link alone: anyone can open tenants with
    another person's address.
    """
    if created.event.role == Role.OWNER:
        return
    await queue_notification(_about_user(created, NotificationKind.WELCOME, created.event.created_at), uow)


async def send_verification(requested: Envelope[UserVerificationRequested], uow: UnitOfWork) -> None:
    await queue_notification(
        _about_user(requested, NotificationKind.VERIFICATION, requested.event.requested_at, _token(requested.event)),
        uow,
    )


async def send_password_reset(requested: Envelope[UserPasswordResetRequested], uow: UnitOfWork) -> None:
    await queue_notification(
        _about_user(requested, NotificationKind.PASSWORD_RESET, requested.event.requested_at, _token(requested.event)),
        uow,
    )


async def send_email_change(requested: Envelope[UserEmailChangeRequested], uow: UnitOfWork) -> None:
    """Mails the proving link to the new address, and the cancelling link to the present one."""
    event = requested.event
    proof = MailedToken(
        address=event.new_email,
        sealing_key_id=event.sealing_key_id,
        sealed=event.sealed_token,
        expires_at=event.expires_at,
    )
    cancellation = MailedToken(
        address=event.email,
        sealing_key_id=event.sealing_key_id,
        sealed=event.sealed_cancel_token,
        expires_at=event.cancel_expires_at,
    )
    for kind, token in (
        (NotificationKind.EMAIL_CHANGE, proof),
        (NotificationKind.EMAIL_CHANGE_NOTICE, cancellation),
    ):
        await queue_notification(_about_user(requested, kind, event.requested_at, token), uow)


async def confirm_address(verified: Envelope[UserEmailVerified], uow: UnitOfWork) -> None:
    event = verified.event
    proved: Facts = {PROVED: proved_digest(verified.aggregate_id, event.email)}
    await queue_notification(
        replace(_about_user(verified, NotificationKind.EMAIL_VERIFIED, event.verified_at), facts=proved), uow
    )


async def send_invoice(finalized: Envelope[InvoiceFinalized], uow: UnitOfWork) -> None:
    event = finalized.event
    facts: Facts = {
        "number": event.number,
        "amount_minor": event.total_minor,
        "currency": event.currency,
        "due_at": event.due_at.isoformat(),
    }
    await queue_notification(
        _about_invoice(finalized, NotificationKind.INVOICE_FINALIZED, event.customer_id, facts, event.finalized_at), uow
    )


async def send_receipt(paid: Envelope[InvoicePaid], uow: UnitOfWork) -> None:
    event = paid.event
    facts: Facts = {
        "number": event.number,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
        "paid_at": event.paid_at.isoformat(),
    }
    await queue_notification(
        _about_invoice(paid, NotificationKind.INVOICE_PAID, event.customer_id, facts, event.paid_at), uow
    )


async def send_payment_failure(failed: Envelope[InvoicePaymentFailed], uow: UnitOfWork) -> None:
    event = failed.event
    facts: Facts = {
        "number": event.number,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
        "reason": event.reason,
        "next_attempt_at": event.next_attempt_at.isoformat() if event.next_attempt_at else None,
    }
    await queue_notification(
        _about_invoice(failed, NotificationKind.PAYMENT_FAILED, event.customer_id, facts, event.failed_at), uow
    )


async def send_refund_failure(failed: Envelope[InvoiceRefundFailed], uow: UnitOfWork) -> None:
    """To the admin who requested the refund; otherwise to the owner. Raises NotYet while the owner
    is unknown.
    """
    event = failed.event
    recipient_id = event.requested_by or await owner(uow.rows)
    if recipient_id is None:
        raise NotYet("the owner of the tenant is not known yet")
    facts: Facts = {
        "number": event.number,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
        "reason": event.reason,
    }
    await queue_notification(
        _about_invoice(failed, NotificationKind.REFUND_FAILED, recipient_id, facts, event.failed_at), uow
    )


async def forget_person(erased: Envelope[UserErased], uow: UnitOfWork) -> None:
    await forget_recipient(ForgetRecipient(recipient_id=erased.aggregate_id), uow)


def _about_user(
    envelope: Envelope[Event], kind: NotificationKind, at: datetime, token: MailedToken | None = None
) -> QueueNotification:
    return QueueNotification(
        notification_id=notification_id(envelope.event_id, kind),
        tenant_id=envelope.tenant_id,
        recipient_id=envelope.aggregate_id,
        kind=kind,
        subject_type="user",
        subject_id=envelope.aggregate_id,
        token=token,
        at=at,
    )


def _about_invoice(
    envelope: Envelope[Event], kind: NotificationKind, customer_id: UUID, facts: Facts, at: datetime
) -> QueueNotification:
    """The notification about an invoice. The recipient is the customer, whose id is the id of the
    user.
    """
    return QueueNotification(
        notification_id=notification_id(envelope.event_id, kind),
        tenant_id=envelope.tenant_id,
        recipient_id=customer_id,
        kind=kind,
        subject_type="invoice",
        subject_id=envelope.aggregate_id,
        facts=facts,
        at=at,
    )


def _token(event: UserVerificationRequested | UserPasswordResetRequested) -> MailedToken:
    return MailedToken(
        address=event.email,
        sealing_key_id=event.sealing_key_id,
        sealed=event.sealed_token,
        expires_at=event.expires_at,
    )


NOTICES = Reactor(
    "notices",
    {
        UserCreated: welcome,
        UserVerificationRequested: send_verification,
        UserPasswordResetRequested: send_password_reset,
        UserEmailChangeRequested: send_email_change,
        UserEmailVerified: confirm_address,
        UserErased: forget_person,
        InvitationRequested: tell_approvers,
        InvitationSent: send_invitation,
        InvitationAccepted: end_invitation,
        InvitationWithdrawn: end_invitation,
        InvoiceFinalized: send_invoice,
        InvoicePaid: send_receipt,
        InvoicePaymentFailed: send_payment_failure,
        **ACCOUNT_NOTICES,
        **MONEY_NOTICES,
        **OWNER_NOTICES,
        InvoiceRefundFailed: send_refund_failure,
    },
)
