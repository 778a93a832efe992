"""Composes the mail of a notification. All data is read when the mail is sent, not when it was
queued.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from services.notifications.domain import Notification, NotificationKind, Suppression, UnsubscribeToken
from services.notifications.ports import Mail, MailResources
from services.notifications.queries.digest import unread_of, unsubscribe_secret
from services.notifications.queries.mail_contents import Addressee, StoredToken, addressee, facts_of, token_of
from waypost.kernel.errors import Transient
from waypost.kernel.text import one_line
from waypost.ports.unit_of_work import UnitOfWork

PAGES = {NotificationKind.VERIFICATION: "/verify", NotificationKind.PASSWORD_RESET: "/password/reset"}
"""The pages to which the links of one-time tokens lead."""


async def compose_mail(
    notification: Notification, resources: MailResources, uow: UnitOfWork, at: datetime
) -> Mail | Suppression:
    """Returns the mail, or the reason why it is not sent. Raises Transient if the recipient is not
    in the directory yet.
    """
    to = await addressee(uow.rows, notification.recipient_id)
    if to is None:
        raise Transient(f"recipient {notification.recipient_id} is not in the directory yet")
    if to.erased:
        return Suppression.ERASED
    if notification.kind is NotificationKind.DIGEST:
        return await _digest(notification, to, resources, uow)
    if notification.kind.carries_token:
        return await _with_link(notification, to, resources, uow, at)
    return _mail(notification, to, resources, await facts_of(uow.rows, notification.id))


async def _with_link(
    notification: Notification, to: Addressee, resources: MailResources, uow: UnitOfWork, at: datetime
) -> Mail | Suppression:
    token = await token_of(uow.rows, notification.id)
    if token is None:
        return Suppression.SUPERSEDED
    if token.expires_at <= at:
        return Suppression.EXPIRED
    words = {"link": _link(notification, token, resources), **await facts_of(uow.rows, notification.id)}
    return _mail(notification, to, resources, words, address=token.address)


async def _digest(
    notification: Notification, to: Addressee, resources: MailResources, uow: UnitOfWork
) -> Mail | Suppression:
    secret = await unsubscribe_secret(uow.rows, notification.recipient_id)
    if secret is None:
        return Suppression.UNSUBSCRIBED
    unread = await unread_of(uow.rows, notification.recipient_id)
    if not unread.items:
        return Suppression.SUPERSEDED  # all items were read since the digest was queued
    token = UnsubscribeToken(tenant_id=notification.tenant_id, secret=secret)
    url = f"{resources.unsubscribe_url}/{token.text}"
    more = unread.count - len(unread.items)
    words = {"items": unread.items, "count": unread.count, "more": more, "unsubscribe": url}
    return _mail(notification, to, resources, words, unsubscribe_url=url)


def _mail(
    notification: Notification,
    to: Addressee,
    resources: MailResources,
    words: Mapping[str, object],
    *,
    address: str | None = None,
    unsubscribe_url: str | None = None,
) -> Mail:
    name = one_line(to.display_name) or to.email  # a stored name may have no visible characters
    email = resources.emails.compose(notification.kind, {"name": name, "company": to.company, **words})
    return Mail(
        message_id=notification.message_id,
        address=address or to.email,
        name=to.display_name,
        email=email,
        unsubscribe_url=unsubscribe_url,
    )


def _link(notification: Notification, token: StoredToken, resources: MailResources) -> str:
    opened = resources.opener.open(token.sealing_key_id, token.sealed)
    return f"{resources.public_url}{PAGES[notification.kind]}?{urlencode({'token': opened})}"
