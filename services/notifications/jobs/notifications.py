"""Mails queued notifications, and suppresses those with expired links. A mail is composed from the
data at the time when it is sent, not when it was queued.
"""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import structlog
from sqlalchemy import delete, select

from services.notifications.commands import RecordBounce
from services.notifications.domain import (
    BILLING,
    Notification,
    NotificationKind,
    NotificationStatus,
    Suppression,
    category_of,
)
from services.notifications.domain.bounce import BounceKind, SuppressionReason
from services.notifications.domain.return_path import SentMail
from services.notifications.handlers.bounces import prune_bounces, record_bounce
from services.notifications.handlers.suppressions import may_be_suppressed, suppress_address
from services.notifications.jobs.mails import (
    compose_mail,
    invoice_words,
    is_for_the_present_address,
    may_be_mailed,
    unsubscribe_link,
)
from services.notifications.ports import Link, Mail, MailRefused, MailResources
from services.notifications.queries.digest import unread_of
from services.notifications.queries.mail_contents import (
    Addressee,
    StoredToken,
    addressee,
    company_of,
    facts_of,
    token_of,
)
from services.notifications.queries.suppressions import suppression_of
from services.notifications.tables import pending_notifications, sealed_tokens
from waypost.jobs.context import JobContext
from waypost.kernel.errors import NotYet
from waypost.ports.unit_of_work import UnitOfWork

log = structlog.get_logger()

_PAGES = {
    NotificationKind.VERIFICATION: "/verify",
    NotificationKind.PASSWORD_RESET: "/password/reset",
    NotificationKind.INVITATION: "/invitations/accept",
    NotificationKind.EMAIL_CHANGE: "/email/confirm",
    NotificationKind.EMAIL_CHANGE_NOTICE: "/email/cancel",
}
"""The pages to which the links of one-time tokens lead."""


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
        mail = await _mail_to_send(notification, job, uow)
    if mail is None:
        return notification.status
    try:
        await job.resources.mailer.send(mail)
    except MailRefused as refusal:
        return await _settle(job, notification_id, mail, refusal)
    return await _settle(job, notification_id, mail, None)


async def cleanup_expired(job: JobContext[MailResources]) -> int:
    """Deletes expired links and suppresses their notifications, and deletes old reports about
    mails. Returns the number of the links.
    """
    now = job.clock.now()
    async with job.begin() as uow:
        expired = select(sealed_tokens.c.notification_id).where(sealed_tokens.c.expires_at <= now)
        ids = (await uow.rows.execute(expired)).scalars().all()
        for notification_id in ids:
            await _suppress(await uow.load(Notification, notification_id), Suppression.EXPIRED, now, uow)
        await prune_bounces(now, uow)
    return len(ids)


async def _mail_to_send(notification: Notification, job: JobContext[MailResources], uow: UnitOfWork) -> Mail | None:
    """The mail of a queued notification; None if it is settled, or was just suppressed."""
    if notification.status is not NotificationStatus.QUEUED:
        return None
    now = job.clock.now()
    waited = now - job.enqueued_at
    mail: Mail | Suppression
    if not await is_for_the_present_address(notification, uow, waited):
        mail = Suppression.SUPERSEDED
    elif not await may_be_mailed(notification, uow, waited):
        mail = Suppression.UNVERIFIED
    else:
        mail = await _compose(notification, job.resources, uow, now)
    if isinstance(mail, Mail):
        return mail
    await _suppress(notification, mail, now, uow)
    return None


async def _settle(
    job: JobContext[MailResources], notification_id: UUID, mail: Mail, refusal: MailRefused | None
) -> str:
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
                notification.fail(refusal.reason, job.executions, now)
                if refusal.is_bad_address and await may_be_suppressed(notification, uow):
                    await suppress_address(job.tenant_id, notification.recipient_id, mail.address, refusal, now, uow)
                if refusal.is_soft:
                    await record_bounce(_soft_bounce(notification, mail, refusal, now), uow)
            await _clear(notification, uow)
    return notification.status


def _soft_bounce(notification: Notification, mail: Mail, refusal: MailRefused, at: datetime) -> RecordBounce:
    return RecordBounce(
        notification_id=notification.id, address=mail.address, kind=BounceKind.SOFT, code=refusal.code, at=at
    )


async def _suppress(notification: Notification, reason: Suppression, at: datetime, uow: UnitOfWork) -> None:
    notification.suppress(reason, at)
    await _clear(notification, uow)


async def _clear(notification: Notification, uow: UnitOfWork) -> None:
    for table in (pending_notifications, sealed_tokens):
        await uow.rows.execute(delete(table).where(table.c.notification_id == notification.id))


async def _compose(
    notification: Notification, resources: MailResources, uow: UnitOfWork, at: datetime
) -> Mail | Suppression:
    """Returns the mail, or the reason why it is not sent. Raises NotYet if data of another service
    has not arrived yet.
    """
    if notification.kind.goes_to_an_address:
        mail = await _invitation(notification, resources, uow, at)
    else:
        mail = await _to_recipient(notification, resources, uow, at)
    if not isinstance(mail, Mail):
        return mail
    reason = await suppression_of(uow.rows, mail.address)
    if reason is not None and reason.blocks(category_of(notification.kind)):
        return Suppression.COMPLAINED if reason is SuppressionReason.COMPLAINED else Suppression.BOUNCED
    return _returnable(mail, notification, resources)


def _returnable(mail: Mail, notification: Notification, resources: MailResources) -> Mail:
    """The mail with its own return path, if this installation receives reports."""
    if resources.return_paths is None:
        return mail
    sent = SentMail(notification.tenant_id, notification.id)
    return replace(mail, return_path=resources.return_paths.of(sent, mail.address))


async def _to_recipient(
    notification: Notification, resources: MailResources, uow: UnitOfWork, at: datetime
) -> Mail | Suppression:
    to = await addressee(uow.rows, notification.recipient_id)
    if to is None:
        raise NotYet(f"recipient {notification.recipient_id} is not in the directory yet")
    if to.erased:
        return Suppression.ERASED
    wanted = await unsubscribe_link(notification, resources, uow)
    if isinstance(wanted, Suppression):
        return wanted
    return await _wanted_mail(notification, to, resources, uow, at, wanted)


async def _wanted_mail(
    notification: Notification,
    to: Addressee,
    resources: MailResources,
    uow: UnitOfWork,
    at: datetime,
    unsubscribe: Link | None,
) -> Mail | Suppression:
    if notification.kind is NotificationKind.DIGEST:
        return await _digest(notification, to, resources, uow, unsubscribe)
    if notification.kind.carries_token:
        return await _with_link(notification, to, resources, uow, at)
    words = dict(await facts_of(uow.rows, notification.id))
    if notification.kind in BILLING:
        words |= await invoice_words(notification, to, resources, uow, at)
    return compose_mail(notification, to, resources, words, unsubscribe_url=unsubscribe)


async def _with_link(
    notification: Notification, to: Addressee, resources: MailResources, uow: UnitOfWork, at: datetime
) -> Mail | Suppression:
    token = await token_of(uow.rows, notification.id)
    if token is None:
        return Suppression.SUPERSEDED
    if token.expires_at <= at:
        return Suppression.EXPIRED
    words = {"link": _link(notification, token, resources), **await facts_of(uow.rows, notification.id)}
    return compose_mail(notification, to, resources, words, address=token.address)


async def _invitation(
    notification: Notification, resources: MailResources, uow: UnitOfWork, at: datetime
) -> Mail | Suppression:
    """To the address of the token. Without a token the invitation was accepted or revoked."""
    company = await company_of(uow.rows, notification.tenant_id)
    if company is None:
        raise NotYet(f"tenant {notification.tenant_id} is not in the directory yet")
    token = await token_of(uow.rows, notification.id)
    address = token.address if token else ""
    locale = str((await facts_of(uow.rows, notification.id)).get("locale", ""))
    to = Addressee(email=address, display_name="", locale=locale, erased=False, company=company, verified=False)
    return await _with_link(notification, to, resources, uow, at)


async def _digest(
    notification: Notification, to: Addressee, resources: MailResources, uow: UnitOfWork, unsubscribe: Link | None
) -> Mail | Suppression:
    unread = await unread_of(uow.rows, notification.recipient_id)
    if not unread.items:
        return Suppression.SUPERSEDED  # all items were read since the digest was queued
    more = unread.count - len(unread.items)
    words = {"items": unread.items, "count": unread.count, "more": more, "unsubscribe": unsubscribe}
    return compose_mail(notification, to, resources, words, unsubscribe_url=unsubscribe)


def _link(notification: Notification, token: StoredToken, resources: MailResources) -> Link:
    opened = resources.opener.open(token.sealing_key_id, token.sealed)
    return Link(f"{resources.public_url}{_PAGES[notification.kind]}?{urlencode({'token': opened})}")
