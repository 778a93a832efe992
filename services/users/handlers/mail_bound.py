"""The bound of mails that a person may not have asked for: anyone who knows an address can cause
them.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, text

from services.users.domain import TooManyInvitationMails
from services.users.handlers.sign_in_attempts import address_digest
from services.users.tables import mails_to_addresses
from waypost.ports.unit_of_work import UnitOfWork

UNASKED_MAILS = 10
"""Mails to one address per hour, over all tenants: sign-ups, new tenants, forgotten passwords,
changes of address. As many invitations by each tenant, which are counted apart.
"""
INVITATIONS_BY_ALL = 50
"""Invitations to one address per hour, over all tenants. Higher, so that it takes several tenants
to keep others from inviting a person.
"""
SIGN_UP_MAILS = 2
"""The welcome and the verification link; each sign-up counts both in each case. The owner of a
new tenant gets the link alone.
"""
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
    """Counts the mails to the address; False, and nothing is counted, beyond the bound.

    Call it before a command looks the address up, and with a number that depends on nothing that is
    stored. The owner of a new tenant sees whether their link was mailed, so the count is readable:
    it must not show whether the address has an account somewhere.
    """
    return await _count(address_digest(email), at, uow, mails)


async def require_invitation_mail(email: str, tenant_id: UUID, at: datetime, uow: UnitOfWork) -> None:
    """Counts an invitation to the address, apart from other mails: an admin learns the result. It
    must not show that the person signs up or asks for a password elsewhere. Raises
    TooManyInvitationMails.
    """
    for counted, bound in (
        (f"invitation of {tenant_id} to {email}", UNASKED_MAILS),
        (f"invitation to {email}", INVITATIONS_BY_ALL),
    ):
        if not await _count(address_digest(counted), at, uow, 1, bound):
            raise TooManyInvitationMails(bound, WINDOW)


async def _count(digest: bytes, at: datetime, uow: UnitOfWork, mails: int, bound: int = UNASKED_MAILS) -> bool:
    values = {"digest": digest, "at": at, "since": at - WINDOW, "mails": mails, "bound": bound}
    return (await uow.rows.execute(_COUNT_MAIL, values)).one_or_none() is not None


async def forget_mails(at: datetime, uow: UnitOfWork) -> int:
    """Deletes the rows that no longer count, for all tenants. Leaves rows that a concurrent job
    deletes, or a mail locks.
    """
    known = mails_to_addresses.c
    old = select(known.address_digest).where(known.last_mailed_at <= at - WINDOW).with_for_update(skip_locked=True)
    removed = delete(mails_to_addresses).where(known.address_digest.in_(old))
    return (await uow.rows.execute(removed)).rowcount
