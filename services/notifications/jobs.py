"""Background work: the only place that mails."""

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import delete, select

from services.notifications.domain import Notification, Status, Suppression
from services.notifications.ports import Mail, MailRefused, PostOffice
from services.notifications.queries import Addressee, StoredToken, addressee, facts_of, token_of
from services.notifications.tables import pending_letters, sealed_tokens
from shared.jobs.context import JobContext
from shared.jobs.declaration import Job, Scheduled
from shared.kernel.errors import Transient
from shared.ports.unit_of_work import UnitOfWork

PAGES = {"verification": "/verify", "password_reset": "/password/reset"}
"""Where the links of letters that carry a token lead."""


async def send_notification(job: JobContext[PostOffice], notification_id: UUID) -> str:
    """Gives back how the letter ended. Mails it again only where an earlier try ended between the mail server's word and the commit."""
    async with job.begin() as uow:
        notification = await uow.load(Notification, notification_id)
        mail = await _mail(notification, job.resources, uow)
    if mail is None:
        return notification.status
    try:
        await job.resources.mailer.send(mail)
    except MailRefused as refusal:
        return await _settle(job, notification_id, refusal)
    return await _settle(job, notification_id, None)


async def cleanup_expired(job: JobContext[PostOffice]) -> int:
    """Removes links that nobody can use any more, with their letters suppressed; gives back how many."""
    now = job.resources.clock.now()
    async with job.begin() as uow:
        expired = select(sealed_tokens.c.notification_id).where(sealed_tokens.c.expires_at <= now)
        ids = (await uow.rows.execute(expired)).scalars().all()
        for each in ids:
            await _suppress(await uow.load(Notification, each), Suppression.EXPIRED, job.resources, uow)
    return len(ids)


async def _mail(notification: Notification, office: PostOffice, uow: UnitOfWork) -> Mail | None:
    """None for a letter that is settled, or has just been suppressed."""
    if notification.status is not Status.QUEUED:
        return None
    to = await addressee(uow.rows, notification.recipient_id)
    if to is None:
        raise Transient(f"recipient {notification.recipient_id} is not known here")
    token = await token_of(uow.rows, notification.id)
    reason = _why_not(notification, to, token, office)
    if reason is not None:
        await _suppress(notification, reason, office, uow)
        return None
    words = {"name": to.display_name, "company": to.company, **await facts_of(uow.rows, notification.id)}
    if token is not None:
        words["link"] = _link(notification, token, office)
    letter = office.letters.compose(notification.kind, words)
    address = token.address if token else to.email
    return Mail(message_id=notification.message_id, address=address, name=to.display_name, letter=letter)


def _why_not(
    notification: Notification, to: Addressee, token: StoredToken | None, office: PostOffice
) -> Suppression | None:
    if to.erased:
        return Suppression.ERASED
    if token is None:
        return Suppression.SUPERSEDED if notification.kind.carries_token else None
    return Suppression.EXPIRED if token.expires_at <= office.clock.now() else None


def _link(notification: Notification, token: StoredToken, office: PostOffice) -> str:
    opened = office.opener.open(token.sealing_key_id, token.sealed)
    return f"{office.public_url}{PAGES[notification.kind]}?{urlencode({'token': opened})}"


async def _settle(job: JobContext[PostOffice], notification_id: UUID, refusal: MailRefused | None) -> str:
    """Decides on what is there now: a twin of this job may have been faster."""
    async with job.begin() as uow:
        notification = await uow.load(Notification, notification_id)
        if notification.status is Status.QUEUED:
            now = job.resources.clock.now()
            if refusal is None:
                notification.send(now)
            else:
                notification.fail(refusal.reason, job.job_try, now)
            await _clear(notification, uow)
    return notification.status


async def _suppress(notification: Notification, reason: Suppression, office: PostOffice, uow: UnitOfWork) -> None:
    notification.suppress(reason, office.clock.now())
    await _clear(notification, uow)


async def _clear(notification: Notification, uow: UnitOfWork) -> None:
    for table in (pending_letters, sealed_tokens):
        await uow.rows.execute(delete(table).where(table.c.notification_id == notification.id))


JOBS: Sequence[Job] = [
    # Ten tries stretch over about an hour: a mail server that is being restarted loses no letter.
    Job(send_notification, max_tries=10),
    Job(cleanup_expired),
]

SCHEDULE: Sequence[Scheduled] = [Scheduled("cleanup_expired", at="02:00")]
