"""DOC"""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import ChooseDigest, EndDigests
from services.notifications.tables import preferences, recipients
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


async def require_erased(user_id: UUID, uow: UnitOfWork) -> None:
    """Raises NotYet while the directory still has them: whatever they write by then is to be
    forgotten too.
    """
    status = select(recipients.c.status).where(recipients.c.user_id == user_id)
    if (await uow.rows.execute(status)).scalar_one_or_none() != _ERASED:
        raise NotYet(f"recipient {user_id} is not known to be erased here yet")


async def choose_digest(command: ChooseDigest, uow: UnitOfWork) -> None:
    """Raises NotFound for somebody who was erased."""
    await require_present(command.user_id, uow)
    chosen = insert(preferences).values(
        tenant_id=command.tenant_id,
        user_id=command.user_id,
        digest=command.digest,
        unsubscribe_secret=command.secret,
    )
    await uow.rows.execute(
        chosen.on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_={"digest": command.digest})
    )


async def end_digests(command: EndDigests, uow: UnitOfWork) -> None:
    """Raises NotFound for a token that nobody was given, and for one of somebody who was erased."""
    holder = (
        preferences.c.tenant_id == command.token.tenant_id,
        preferences.c.unsubscribe_secret == command.token.secret,
    )
    ended = await uow.rows.execute(update(preferences).where(*holder).values(digest=False))
    if not ended.rowcount:
        raise NotFound("this link is of no mail of ours, or of somebody whose account is gone")
