"""The bound of mails that a person may not have asked for: anyone who knows an address can cause
them.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, text

from services.users.domain import TooManyInvitationMails
from services.users.handlers.sign_in_attempts import address_digest
from services.users.tables import mails_to_addresses
from waypost.ports.unit_of_work import UnitOfWork

UNASKED_MAILS = 10
"""Mails to one address per hour, over all tenants: sign-ups, new tenants, forgotten passwords,
changes of address. As many invitations, which are counted apart.
"""
REGISTRATION_MAILS = 2
"""The welcome and the verification link."""
WINDOW = timedelta(hours=1)

_COUNT_MAIL = text("""
insert into mails_to_addresses as known (address_digest, mailed_at, last_mailed_at)
values (:digest, array_fill(cast(:at as timestamptz), array[cast(:mails as int)]), :at)
on conflict (address_digest) do update set
    mailed_at = array(select mailed from unnest(known.mailed_at) mailed where mailed > :since) || excluded.mailed_at,
    last_mailed_at = :at
where (select count(*) from unnest(known.mailed_at) mailed where mailed > :since) + cast(:mails as int) <= :bound
returning true""")
"""One statement, so that the lock of the row decides between concurrent mails."""


async def may_mail(email: str, at: datetime, uow: UnitOfWork, *, mails: int = 1) -> bool:
    """Counts the mails to the address; False, and nothing is counted, beyond the bound. The caller
    must not learn the result.
    """
    return await _count(address_digest(email), at, uow, mails)


async def require_invitation_mail(email: str, at: datetime, uow: UnitOfWork) -> None:
    """Counts an invitation to the address, apart from other mails: an admin learns the result. It
    must not show that the person signs up or asks for a password elsewhere. Raises
    TooManyInvitationMails.
    """
    if not await _count(address_digest(f"invitation to {email}"), at, uow, 1):
        raise TooManyInvitationMails(UNASKED_MAILS, WINDOW)


async def _count(digest: bytes, at: datetime, uow: UnitOfWork, mails: int) -> bool:
    values = {"digest": digest, "at": at, "since": at - WINDOW, "mails": mails, "bound": UNASKED_MAILS}
    return (await uow.rows.execute(_COUNT_MAIL, values)).one_or_none() is not None


async def forget_mails(at: datetime, uow: UnitOfWork) -> int:
    """Deletes the rows that no longer count."""
    old = delete(mails_to_addresses).where(mails_to_addresses.c.last_mailed_at <= at - WINDOW)
    return (await uow.rows.execute(old)).rowcount
