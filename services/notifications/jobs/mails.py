"""The parts of a mail: its words, its recipient and its unsubscribe link.

A mail to an address that is not proved contains no text of a user: neither a name nor the tenant's,
nor a line of an invoice.
Otherwise a sign-up would mail any words to any address.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.notifications.commands import ChooseMails
from services.notifications.domain import (
    MAILED_UNVERIFIED,
    SECRET_BYTES,
    Category,
    Notification,
    NotificationKind,
    Suppression,
    UnsubscribeToken,
    category_of,
)
from services.notifications.domain.invoice_tax import taxes_of
from services.notifications.domain.proved_address import PROVED, is_proved_address
from services.notifications.handlers.preferences import choose_mails
from services.notifications.jobs.line_texts import readable_lines
from services.notifications.ports import Link, Mail, MailResources
from services.notifications.queries.mail_contents import Addressee, addressee, facts_of, invoice_lines_of
from services.notifications.queries.preferences import mail_preferences
from waypost.kernel.errors import NotFound, NotYet
from waypost.kernel.text import one_line
from waypost.ports.unit_of_work import UnitOfWork

_NAMES_THE_COMPANY = (NotificationKind.INVITATION,)
"""An administrator with a proved address asks for these mails, and the recipient may not know the
product.
"""

LONGEST_WAIT = timedelta(minutes=10)
"""The longest wait for the lines of an invoice or for a proved address, because a dead letter must
not delay the mail further.
"""

DIRECTORY_LAG = timedelta(minutes=4)
"""How long a mail that needs a verified address waits for the directory of recipients, which may
follow a verification later than the event of the mail. A later attempt would be logged as an error.
"""


def compose_mail(
    notification: Notification,
    to: Addressee,
    resources: MailResources,
    words: Mapping[str, object],
    *,
    address: str | None = None,
    unsubscribe_url: Link | None = None,
) -> Mail:
    """`address`: another address than the recipient's present one."""
    proved = _is_proved(notification.kind, to, address)
    name = (one_line(to.display_name) or to.email) if proved else ""  # a stored name may be invisible
    company = to.company if proved or notification.kind in _NAMES_THE_COMPANY else resources.product_name
    email = resources.emails.compose(notification.kind, {**words, "name": name, "company": company}, to.locale)
    return Mail(
        message_id=notification.message_id,
        address=address or to.email,
        name=to.display_name if proved else "",
        email=email,
        unsubscribe_url=unsubscribe_url,
    )


async def unsubscribe_link(
    notification: Notification, resources: MailResources, uow: UnitOfWork
) -> Link | Suppression | None:
    """The one-click link of an optional mail; None for a mandatory one, UNSUBSCRIBED if the user
    does not want the mail.
    """
    category = category_of(notification.kind)
    if not category.is_optional:
        return None
    chosen = await mail_preferences(uow.rows, notification.recipient_id)
    if not chosen.wants(category):
        return Suppression.UNSUBSCRIBED
    secret = chosen.secret or await _new_secret(notification, uow)
    token = UnsubscribeToken(tenant_id=notification.tenant_id, secret=secret)
    path = token.text if category is Category.DIGEST else f"{token.text}/{category}"
    return Link(f"{resources.unsubscribe_url}/{path}")


async def invoice_words(
    notification: Notification, to: Addressee, resources: MailResources, uow: UnitOfWork, at: datetime
) -> Mapping[str, Any]:
    """The invoice's `lines`, its `taxes` by rate, and the `invoice_link` or None. An admin writes
    the lines and the names of rates, so that there are none for an address that is not proved.
    Raises NotYet while lines of a young notification are missing.
    """
    link = Link(f"{resources.invoice_url}/{notification.subject_id}") if resources.invoice_url else None
    if not _is_proved(notification.kind, to, None):
        return {"lines": [], "taxes": [], "invoice_link": link}
    lines = await invoice_lines_of(uow.rows, notification.subject_id)
    if lines is None and notification.kind is NotificationKind.INVOICE_FINALIZED and _is_young(notification, at):
        raise NotYet(f"the lines of invoice {notification.subject_id} have not arrived yet")
    readable = await readable_lines(lines or [], notification.tenant_id, uow)
    return {"lines": readable, "taxes": taxes_of(readable), "invoice_link": link}


async def is_for_the_present_address(notification: Notification, uow: UnitOfWork, waited: timedelta) -> bool:
    """False for a mail about the proof of another address than the recipient's present one. True
    for every other mail, and for one that was queued by a release that did not store the digest.

    Raises NotYet while `waited` is below LONGEST_WAIT: the directory may still show the previous
    address, whose reader must not get the mail. Later the address has changed again.
    """
    if notification.kind is not NotificationKind.EMAIL_VERIFIED:
        return True
    to = await addressee(uow.rows, notification.recipient_id)
    proved = (await facts_of(uow.rows, notification.id)).get(PROVED)
    if to is None or to.erased or proved is None:
        return True
    if is_proved_address(str(proved), notification.recipient_id, to.email):
        return True
    if waited < LONGEST_WAIT:
        raise NotYet(f"the proved address of recipient {notification.recipient_id} is not in the directory yet")
    return False


async def may_be_mailed(notification: Notification, uow: UnitOfWork, waited: timedelta) -> bool:
    """False if the recipient has not proved to read the address, and the kind needs the proof.

    Raises NotYet while `waited` is below DIRECTORY_LAG: the proof may be on its way.
    """
    if notification.kind in MAILED_UNVERIFIED:
        return True
    to = await addressee(uow.rows, notification.recipient_id)
    if to is None or to.erased or to.verified:
        return True
    if waited < DIRECTORY_LAG:
        raise NotYet(f"the address of recipient {notification.recipient_id} is not verified in the directory")
    return False


def _is_proved(kind: NotificationKind, to: Addressee, address: str | None) -> bool:
    """Whether the reader of the mail has proved the address. The mail about the proof does not wait
    for the directory.
    """
    if kind is NotificationKind.EMAIL_VERIFIED:
        return True
    return to.verified and kind is not NotificationKind.VERIFICATION and address in (None, to.email)


def _is_young(notification: Notification, at: datetime) -> bool:
    return at - notification.queued_at < LONGEST_WAIT


async def _new_secret(notification: Notification, uow: UnitOfWork) -> bytes:
    """Stores a secret for a user who never chose, and keeps one that another job stored first."""
    command = ChooseMails(
        tenant_id=notification.tenant_id,
        user_id=notification.recipient_id,
        choices={},
        secret=secrets.token_bytes(SECRET_BYTES),
    )
    try:
        await choose_mails(command, uow)
    except NotFound as erased:  # since this job looked: the next attempt suppresses the mail
        raise NotYet(f"recipient {notification.recipient_id} was erased") from erased
    stored = await mail_preferences(uow.rows, notification.recipient_id)
    if stored.secret is None:
        raise NotYet(f"the preferences of recipient {notification.recipient_id} are not stored yet")
    return stored.secret
