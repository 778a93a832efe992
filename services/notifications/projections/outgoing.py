"""Notifications and their status, from their own events."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.notifications import NotificationFailed, NotificationQueued, NotificationSent, NotificationSuppressed
from services.notifications.domain import NotificationStatus
from services.notifications.tables import OUTGOING, notifications
from waypost.engine.projections import changes
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import InlineProjection

_notification = partial(changes, notifications, notifications.c.notification_id)


async def add_notifications(queued: Sequence[Envelope[NotificationQueued]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(notifications),
        [
            {
                "tenant_id": envelope.tenant_id,
                "notification_id": envelope.aggregate_id,
                "recipient_id": envelope.event.recipient_id,
                "kind": envelope.event.kind,
                "channel": envelope.event.channel,
                "subject_type": envelope.event.subject_type,
                "subject_id": envelope.event.subject_id,
                "status": NotificationStatus.QUEUED.value,
                "version": envelope.aggregate_version,
                "queued_at": envelope.event.queued_at,
            }
            for envelope in queued
        ],
    )


NOTIFICATION_ROWS = InlineProjection(
    "outgoing",
    {
        NotificationQueued: add_notifications,
        NotificationSent: _notification(
            lambda event: {"status": NotificationStatus.SENT.value, "settled_at": event.sent_at}
        ),
        NotificationFailed: _notification(
            lambda event: {
                "status": NotificationStatus.FAILED.value,
                "settled_at": event.failed_at,
                "reason": event.reason,
            }
        ),
        NotificationSuppressed: _notification(
            lambda event: {
                "status": NotificationStatus.SUPPRESSED.value,
                "settled_at": event.suppressed_at,
                "reason": event.reason,
            }
        ),
    },
    OUTGOING,
)
