"""Who is still here. An access token outlives its holder's erasure by minutes."""

from uuid import UUID

from sqlalchemy import select

from services.notifications.tables import recipients
from waypost.kernel.errors import NotFound, NotYet
from waypost.ports.unit_of_work import UnitOfWork

_ERASED = "erased"


async def require_present(user_id: UUID, uow: UnitOfWork) -> None:
    """Raises NotFound for somebody who was erased.

    Nobody becomes so before this transaction ends: what it writes is forgotten with them.
    """
    status = select(recipients.c.status).where(recipients.c.user_id == user_id).with_for_update(read=True)
    if (await uow.rows.execute(status)).scalar_one_or_none() == _ERASED:
        raise NotFound("whoever this was is not here any more")


async def require_gone(user_id: UUID, uow: UnitOfWork) -> None:
    """Raises NotYet while the directory still has them: whatever they write by then is to be
    forgotten too.
    """
    status = select(recipients.c.status).where(recipients.c.user_id == user_id)
    if (await uow.rows.execute(status)).scalar_one_or_none() != _ERASED:
        raise NotYet(f"recipient {user_id} is not known to be erased here yet")
