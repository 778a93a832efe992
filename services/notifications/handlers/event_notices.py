"""The notification about an event."""

from datetime import datetime
from uuid import UUID

from services.notifications.commands import QueueNotification
from services.notifications.domain import Facts, NotificationKind, notification_id
from services.notifications.handlers.notifications import queue_notification
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.unit_of_work import UnitOfWork


async def queue_about(
    envelope: Envelope[Event], kind: NotificationKind, recipient_id: UUID, facts: Facts, at: datetime, uow: UnitOfWork
) -> None:
    """Queues a notification whose subject is the aggregate of the event. Raises NotYet if the
    recipient is not in the directory yet.
    """
    command = QueueNotification(
        notification_id=notification_id(envelope.event_id, kind),
        tenant_id=envelope.tenant_id,
        recipient_id=recipient_id,
        kind=kind,
        subject_type=envelope.event.type.partition(".")[0],
        subject_id=envelope.aggregate_id,
        facts=facts,
        at=at,
    )
    await queue_notification(command, uow)
