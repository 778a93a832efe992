"""Mails queued notifications, and suppresses those with expired links."""

from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import delete, select

from services.notifications.domain import Notification, NotificationStatus, Suppression
from services.notifications.jobs.mail_composition import compose_mail
from services.notifications.ports import Mail, MailRefused, MailResources
from services.notifications.tables import pending_notifications, sealed_tokens
from waypost.jobs.context import JobContext
from waypost.ports.unit_of_work import UnitOfWork

log = structlog.get_logger()


async def send_notification(job: JobContext[MailResources], notification_id: UUID) -> str | None:
    """Mails the notification and returns its status, or None if it does not exist (any more).

    A mail is sent twice only if an earlier attempt ended after the mail server accepted it and
    before the commit.
    """
    async with job.begin() as uow:
        notification = await uow.find(Notification, notification_id)
        if notification is None:
            log.warning("job_target_missing", notification_id=str(notification_id))
            return None
        mail = await _mail(notification, job, uow)
    if mail is None:
        return notification.status
    try:
        await job.resources.mailer.send(mail)
    except MailRefused as refusal:
        return await _settle(job, notification_id, refusal)
    return await _settle(job, notification_id, None)


async def cleanup_expired(job: JobContext[MailResources]) -> int:
    """Deletes expired links and suppresses their notifications. Returns their number."""
    now = job.clock.now()
    async with job.begin() as uow:
        expired = select(sealed_tokens.c.notification_id).where(sealed_tokens.c.expires_at <= now)
        ids = (await uow.rows.execute(expired)).scalars().all()
        for notification_id in ids:
            await _suppress(await uow.load(Notification, notification_id), Suppression.EXPIRED, now, uow)
    return len(ids)


async def _mail(notification: Notification, job: JobContext[MailResources], uow: UnitOfWork) -> Mail | None:
    """None for a notification that is settled, or was just suppressed."""
    if notification.status is not NotificationStatus.QUEUED:
        return None
    now = job.clock.now()
    mail = await compose_mail(notification, job.resources, uow, now)
    if isinstance(mail, Mail):
        return mail
    await _suppress(notification, mail, now, uow)
    return None


async def _settle(job: JobContext[MailResources], notification_id: UUID, refusal: MailRefused | None) -> str:
    """Checks the current status again: a concurrent duplicate of this job may have settled the
    notification first.
    """
    async with job.begin() as uow:
        notification = await uow.load(Notification, notification_id)
        if notification.status is NotificationStatus.QUEUED:
            now = job.clock.now()
            if refusal is None:
                notification.send(now)
            else:
                notification.fail(refusal.reason, job.attempt, now)
            await _clear(notification, uow)
    return notification.status


async def _suppress(notification: Notification, reason: Suppression, at: datetime, uow: UnitOfWork) -> None:
    notification.suppress(reason, at)
    await _clear(notification, uow)


async def _clear(notification: Notification, uow: UnitOfWork) -> None:
    for table in (pending_notifications, sealed_tokens):
        await uow.rows.execute(delete(table).where(table.c.notification_id == notification.id))
