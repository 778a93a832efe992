"""Command handlers and consumers of the notifications service."""

from collections.abc import Sequence

from services.notifications.commands import (
    CancelInvitation,
    ChooseDigest,
    EndDigests,
    ForgetRecipient,
    MarkRead,
    QueueDigest,
    QueueNotification,
)
from services.notifications.handlers.invitations import cancel_invitation
from services.notifications.handlers.notices import NOTICES
from services.notifications.handlers.notifications import forget_recipient, mark_read, queue_digest, queue_notification
from services.notifications.handlers.preferences import choose_digest, end_digests
from services.notifications.projections import INVOICE_STATUS, PRINCIPALS, RECIPIENT_DIRECTORY, TENANT_DIRECTORY
from waypost.engine.bus import Commands
from waypost.ports.consumers import Consumer

COMMANDS: Commands = {
    QueueNotification: queue_notification,
    QueueDigest: queue_digest,
    ForgetRecipient: forget_recipient,
    CancelInvitation: cancel_invitation,
    MarkRead: mark_read,
    ChooseDigest: choose_digest,
    EndDigests: end_digests,
}

CONSUMERS: Sequence[Consumer] = [NOTICES, RECIPIENT_DIRECTORY, INVOICE_STATUS, TENANT_DIRECTORY, PRINCIPALS]
