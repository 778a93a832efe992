"""What this service does when asked, and when something happened elsewhere."""

from collections.abc import Sequence

from services.notifications.commands import (
    ChooseDigest,
    EndDigests,
    ForgetRecipient,
    MarkRead,
    QueueDigest,
    QueueLetter,
)
from services.notifications.handlers.choosing import choose_digest, end_digests
from services.notifications.handlers.letters import forget_recipient, queue_digest, queue_letter
from services.notifications.handlers.notices import NOTICES
from services.notifications.handlers.reading import mark_read
from services.notifications.projections import INVOICE_STANDING, PRINCIPALS, RECIPIENT_DIRECTORY, TENANT_DIRECTORY
from waypost.engine.bus import Commands
from waypost.ports.handlers import Consumer

COMMANDS: Commands = {
    QueueLetter: queue_letter,
    QueueDigest: queue_digest,
    ForgetRecipient: forget_recipient,
    MarkRead: mark_read,
    ChooseDigest: choose_digest,
    EndDigests: end_digests,
}

CONSUMERS: Sequence[Consumer] = [NOTICES, RECIPIENT_DIRECTORY, INVOICE_STANDING, TENANT_DIRECTORY, PRINCIPALS]
