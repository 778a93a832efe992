"""Addresses that an earlier release stored with a Unicode domain."""

from sqlalchemy import select, update

from services.users.domain import Email
from services.users.domain.email import unicode_form
from services.users.tables import credentials
from waypost.ports.unit_of_work import UnitOfWork


async def adopt_canonical_form(email: Email, uow: UnitOfWork) -> None:
    """Stores the address in its canonical form if it is stored in the earlier one. Call it before a
    command looks an address up or claims it, so that one mailbox has one account.
    """
    earlier = unicode_form(email)
    if earlier is None:
        return
    taken = select(credentials.c.user_id).where(credentials.c.email == email)
    await uow.rows.execute(
        update(credentials).where(credentials.c.email == earlier, ~taken.exists()).values(email=email)
    )
