"""Notifications: queued with the job that mails them, marked as read, and deleted with their
recipient.
"""

from datetime import timedelta

from sqlalchemy import DateTime, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import ForgetRecipient, MarkRead, QueueDigest, QueueNotification
from services.notifications.domain import Category, Notification, NotificationKind, digest_id
from services.notifications.handlers.preferences import require_present, wait_for_erasure
from services.notifications.handlers.suppressions import forget_suppressions
from services.notifications.queries.digest import unread_of
from services.notifications.queries.mail_contents import addressee, company_of
from services.notifications.queries.notifications import notification
from services.notifications.queries.preferences import mail_preferences
from services.notifications.tables import (
    pending_notifications,
    preferences,
    read_marks,
    sealed_tokens,
)
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet
from waypost.kernel.event import Event
from waypost.ports.unit_of_work import UnitOfWork

OLDEST_MAILED = timedelta(days=1)
"""An older event of a topic that an earlier release did not read causes no mail."""


async def queue_notification(command: QueueNotification, uow: UnitOfWork) -> None:
    """Queues a notification, once per id. Raises NotYet if the recipient, or their tenant, is not
    in the directory yet.
    """
    if await uow.find(Notification, command.notification_id) is not None:
        return
    if command.kind.goes_to_an_address:
        if await company_of(uow.rows, command.tenant_id) is None:
            raise NotYet(f"tenant {command.tenant_id} is not in the directory yet")
    elif await addressee(uow.rows, command.recipient_id) is None:
        raise NotYet(f"recipient {command.recipient_id} is not in the directory yet")
    uow.add(
        Notification.queue(
            command.notification_id,
            command.tenant_id,
            recipient_id=command.recipient_id,
            kind=command.kind,
            subject_type=command.subject_type,
            subject_id=command.subject_id,
            at=command.at,
        )
    )
    await _store_contents(command, uow)
    await uow.jobs.enqueue("send_notification", notification_id=command.notification_id)


async def is_recent(envelope: Envelope[Event], uow: UnitOfWork) -> bool:
    """Whether the event is younger than a day. Asked for kinds whose topic an earlier release did
    not read: a release that is installed weeks later reads it from its first record on, and must
    not mail what happened long ago. By the clock of the database.
    """
    younger = select(literal(envelope.occurred_at, DateTime(timezone=True)) > func.now() - OLDEST_MAILED)
    return bool((await uow.rows.execute(younger)).scalar_one())


async def queue_digest(command: QueueDigest, uow: UnitOfWork) -> bool:
    """Returns whether a digest was queued. Its contents are read when it is mailed."""
    if not (await mail_preferences(uow.rows, command.user_id)).wants(Category.DIGEST):
        return False
    if not (await unread_of(uow.rows, command.user_id)).items:
        return False
    await queue_notification(
        QueueNotification(
            notification_id=digest_id(command.user_id, command.day),
            tenant_id=command.tenant_id,
            recipient_id=command.user_id,
            kind=NotificationKind.DIGEST,
            subject_type="user",
            subject_id=command.user_id,
            at=command.at,
        ),
        uow,
    )
    return True


async def forget_recipient(command: ForgetRecipient, uow: UnitOfWork) -> None:
    """Raises NotYet while the recipient can still write data."""
    await wait_for_erasure(command.recipient_id, uow)
    for statement in (
        delete(sealed_tokens).where(sealed_tokens.c.recipient_id == command.recipient_id),
        delete(read_marks).where(read_marks.c.recipient_id == command.recipient_id),
        delete(preferences).where(preferences.c.user_id == command.recipient_id),
    ):
        await uow.rows.execute(statement)
    await forget_suppressions(command.recipient_id, uow)


async def _store_contents(command: QueueNotification, uow: UnitOfWork) -> None:
    email = {"tenant_id": command.tenant_id, "notification_id": command.notification_id}
    await uow.rows.execute(insert(pending_notifications).values(facts=dict(command.facts), **email))
    if command.token is None:
        return
    token = {
        "notification_id": command.notification_id,
        "address": command.token.address,
        "sealing_key_id": command.token.sealing_key_id,
        "sealed": command.token.sealed,
        "expires_at": command.token.expires_at,
    }
    await uow.rows.execute(
        insert(sealed_tokens)
        .values(tenant_id=command.tenant_id, recipient_id=command.recipient_id, kind=command.kind.value, **token)
        .on_conflict_do_update(index_elements=["tenant_id", "recipient_id", "kind"], set_=token)
    )


async def mark_read(command: MarkRead, uow: UnitOfWork) -> None:
    """Raises NotFound for another recipient's notification, and for an erased user."""
    await require_present(command.recipient_id, uow)
    await notification(uow.rows, command.notification_id, recipient_id=command.recipient_id)
    mark = {
        "tenant_id": command.tenant_id,
        "notification_id": command.notification_id,
        "recipient_id": command.recipient_id,
        "read_at": command.at,
    }
    await uow.rows.execute(insert(read_marks).values(mark).on_conflict_do_nothing())
