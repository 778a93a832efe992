"""Mails about invitations, and about requests to join a tenant."""

from sqlalchemy import delete

from schemas.users import InvitationAccepted, InvitationRequested, InvitationSent, InvitationWithdrawn
from services.notifications.commands import CancelInvitation, MailedToken, QueueNotification
from services.notifications.domain import NotificationKind, notification_id, notification_id_for
from services.notifications.handlers.notifications import queue_notification
from services.notifications.handlers.suppressions import forget_invited_address
from services.notifications.tables import sealed_tokens
from waypost.kernel.envelope import Envelope
from waypost.ports.unit_of_work import UnitOfWork


async def send_invitation(sent: Envelope[InvitationSent], uow: UnitOfWork) -> None:
    event = sent.event
    command = QueueNotification(
        notification_id=notification_id(sent.event_id, NotificationKind.INVITATION),
        tenant_id=sent.tenant_id,
        recipient_id=sent.aggregate_id,
        kind=NotificationKind.INVITATION,
        subject_type="invitation",
        subject_id=sent.aggregate_id,
        facts={"locale": event.locale},
        token=MailedToken(
            address=event.email,
            sealing_key_id=event.sealing_key_id,
            sealed=event.sealed_token,
            expires_at=event.expires_at,
        ),
        at=event.sent_at,
    )
    await queue_notification(command, uow)


async def tell_approvers(requested: Envelope[InvitationRequested], uow: UnitOfWork) -> None:
    """The mail has no text of the person who asks: neither the address nor the name is proved."""
    for approver in requested.event.approvers:
        command = QueueNotification(
            notification_id=notification_id_for(requested.event_id, NotificationKind.JOIN_REQUEST, approver),
            tenant_id=requested.tenant_id,
            recipient_id=approver,
            kind=NotificationKind.JOIN_REQUEST,
            subject_type="invitation",
            subject_id=requested.aggregate_id,
            at=requested.event.requested_at,
        )
        await queue_notification(command, uow)


async def end_invitation(ended: Envelope[InvitationAccepted | InvitationWithdrawn], uow: UnitOfWork) -> None:
    await cancel_invitation(CancelInvitation(invitation_id=ended.aggregate_id), uow)


async def cancel_invitation(command: CancelInvitation, uow: UnitOfWork) -> None:
    await uow.rows.execute(delete(sealed_tokens).where(sealed_tokens.c.recipient_id == command.invitation_id))
    await forget_invited_address(command.invitation_id, uow)
