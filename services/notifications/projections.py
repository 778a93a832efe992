"""Events to read rows: `outgoing` in the business transaction, `recipients` and `tenants` from the topics."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.notifications import NotificationFailed, NotificationQueued, NotificationSent, NotificationSuppressed
from schemas.users import (
    TenantClosed,
    TenantCreated,
    TenantRenamed,
    UserCreated,
    UserEmailChanged,
    UserEmailVerified,
    UserErased,
    UserProfileUpdated,
)
from services.notifications.domain import Status
from services.notifications.tables import OUTGOING, RECIPIENTS, notifications, recipients
from shared.engine.changes import changes
from shared.jobs.tenant_directory import tenants_projector
from shared.kernel.envelope import Envelope
from shared.ports.handlers import Projection, Projector

_notification = partial(changes, notifications, notifications.c.notification_id)
_recipient = partial(changes, recipients, recipients.c.user_id)


async def add_notifications(queued: Sequence[Envelope[NotificationQueued]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(notifications),
        [
            {
                "tenant_id": each.tenant_id,
                "notification_id": each.aggregate_id,
                "recipient_id": each.event.recipient_id,
                "kind": each.event.kind,
                "channel": each.event.channel,
                "subject_type": each.event.subject_type,
                "subject_id": each.event.subject_id,
                "status": Status.QUEUED.value,
                "version": each.aggregate_version,
                "queued_at": each.event.queued_at,
            }
            for each in queued
        ],
    )


async def add_recipients(created: Sequence[Envelope[UserCreated]], rows: AsyncConnection) -> None:
    statement = upsert(recipients).values(
        [
            {
                "tenant_id": each.tenant_id,
                "user_id": each.aggregate_id,
                "email": each.event.email,
                "display_name": each.event.display_name,
                "locale": each.event.locale,
                "status": "unverified",
            }
            for each in created
        ]
    )
    columns = ("email", "display_name", "locale", "status")
    await rows.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "user_id"], set_={name: statement.excluded[name] for name in columns}
        )
    )


PROJECTIONS = [
    Projection(
        "outgoing",
        {
            NotificationQueued: add_notifications,
            NotificationSent: _notification(lambda event: {"status": Status.SENT.value, "settled_at": event.sent_at}),
            NotificationFailed: _notification(
                lambda event: {
                    "status": Status.FAILED.value,
                    "settled_at": event.failed_at,
                    "reason": event.reason,
                }
            ),
            NotificationSuppressed: _notification(
                lambda event: {
                    "status": Status.SUPPRESSED.value,
                    "settled_at": event.suppressed_at,
                    "reason": event.reason,
                }
            ),
        },
        OUTGOING,
    )
]

RECIPIENT_DIRECTORY = Projector(
    "recipients",
    {
        UserCreated: add_recipients,
        UserProfileUpdated: _recipient(lambda event: {"display_name": event.display_name, "locale": event.locale}),
        UserEmailChanged: _recipient(lambda event: {"email": event.email, "status": "unverified"}),
        UserEmailVerified: _recipient(lambda event: {"status": "verified"}),
        UserErased: _recipient(lambda event: {"email": "", "display_name": "", "locale": "", "status": "erased"}),
    },
    RECIPIENTS,
)

TENANT_DIRECTORY = tenants_projector(created=TenantCreated, renamed=TenantRenamed, closed=TenantClosed)
