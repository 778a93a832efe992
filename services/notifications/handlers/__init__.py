"""Command handlers and consumers of the notifications service."""

from collections.abc import Sequence

from services.notifications.commands import (
    CancelInvitation,
    ChangeWebhookEndpoint,
    ChooseMails,
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    ForgetRecipient,
    LiftSuppression,
    MarkRead,
    QueueDigest,
    QueueNotification,
    RecordBounce,
    RedeliverFailedWebhooks,
    RedeliverWebhook,
    RotateWebhookSecret,
    SendTestWebhook,
    Unsubscribe,
)
from services.notifications.handlers.bounces import record_bounce
from services.notifications.handlers.invitations import cancel_invitation
from services.notifications.handlers.notices import NOTICES
from services.notifications.handlers.notifications import forget_recipient, mark_read, queue_digest, queue_notification
from services.notifications.handlers.preferences import choose_mails, unsubscribe
from services.notifications.handlers.suppressions import lift_suppression
from services.notifications.handlers.webhook_deliveries import redeliver, redeliver_failed, send_test
from services.notifications.handlers.webhook_endpoints import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    rotate_secret,
)
from services.notifications.handlers.webhooks import WEBHOOK_DELIVERIES
from services.notifications.projections import (
    INVOICE_LINE_LISTS,
    INVOICE_STATUS,
    PERSON_KEY_ROWS,
    PRINCIPALS,
    RECIPIENT_DIRECTORY,
    TENANT_DIRECTORY,
)
from waypost.engine.bus import Commands
from waypost.ports.consumers import Consumer

COMMANDS: Commands = {
    QueueNotification: queue_notification,
    QueueDigest: queue_digest,
    ForgetRecipient: forget_recipient,
    CancelInvitation: cancel_invitation,
    MarkRead: mark_read,
    ChooseMails: choose_mails,
    Unsubscribe: unsubscribe,
    LiftSuppression: lift_suppression,
    CreateWebhookEndpoint: create_endpoint,
    ChangeWebhookEndpoint: change_endpoint,
    DeleteWebhookEndpoint: delete_endpoint,
    RotateWebhookSecret: rotate_secret,
    SendTestWebhook: send_test,
    RedeliverWebhook: redeliver,
    RedeliverFailedWebhooks: redeliver_failed,
    RecordBounce: record_bounce,
}

CONSUMERS: Sequence[Consumer] = [
    PERSON_KEY_ROWS,
    NOTICES,
    RECIPIENT_DIRECTORY,
    INVOICE_STATUS,
    TENANT_DIRECTORY,
    PRINCIPALS,
    INVOICE_LINE_LISTS,
    WEBHOOK_DELIVERIES,
]
