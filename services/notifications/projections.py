"""Events to read rows: `outgoing` in the business transaction, `recipients` and `tenants` from the topics."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, update
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
from shared.jobs.tenant_directory import tenants_projector
from shared.kernel.envelope import Envelope
from shared.kernel.event import Event
from shared.ports.handlers import Projection, ProjectionHandler, Projector


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


def settles(columns: Callable[[Any], Mapping[str, object]]) -> ProjectionHandler:
    """A handler that sets these columns of the notification's row, and its version."""

    async def settle_notifications(happened: Sequence[Envelope[Event]], rows: AsyncConnection) -> None:
        values = [{**columns(each.event), "version": each.aggregate_version} for each in happened]
        statement = (
            update(notifications)
            .where(
                notifications.c.tenant_id == bindparam("of_tenant"),
                notifications.c.notification_id == bindparam("of_notification"),
            )
            .values({name: bindparam(name) for name in values[0]})
        )
        named = [{"of_tenant": each.tenant_id, "of_notification": each.aggregate_id} for each in happened]
        await rows.execute(statement, [{**name, **value} for name, value in zip(named, values, strict=True)])

    return settle_notifications


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


def changes(columns: Callable[[Any], Mapping[str, object]]) -> ProjectionHandler:
    """A handler that sets these columns of the recipient's row; of several events of one user the last one counts."""

    async def change_recipients(happened: Sequence[Envelope[Event]], rows: AsyncConnection) -> None:
        latest = {(each.tenant_id, each.aggregate_id): columns(each.event) for each in happened}
        some = next(iter(latest.values()))
        statement = (
            update(recipients)
            .where(recipients.c.tenant_id == bindparam("of_tenant"), recipients.c.user_id == bindparam("of_user"))
            .values({name: bindparam(name) for name in some})
        )
        await rows.execute(
            statement,
            [{"of_tenant": tenant, "of_user": user, **values} for (tenant, user), values in latest.items()],
        )

    return change_recipients


PROJECTIONS = [
    Projection(
        "outgoing",
        {
            NotificationQueued: add_notifications,
            NotificationSent: settles(lambda event: {"status": Status.SENT.value, "settled_at": event.sent_at}),
            NotificationFailed: settles(
                lambda event: {
                    "status": Status.FAILED.value,
                    "settled_at": event.failed_at,
                    "reason": event.reason,
                }
            ),
            NotificationSuppressed: settles(
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
        UserProfileUpdated: changes(lambda event: {"display_name": event.display_name, "locale": event.locale}),
        UserEmailChanged: changes(lambda event: {"email": event.email, "status": "unverified"}),
        UserEmailVerified: changes(lambda event: {"status": "verified"}),
        UserErased: changes(lambda event: {"email": "", "display_name": "", "locale": "", "status": "erased"}),
    },
    RECIPIENTS,
)

TENANT_DIRECTORY = tenants_projector(created=TenantCreated, renamed=TenantRenamed, closed=TenantClosed)
