"""Digest preferences, and checks for erased recipients. An access token stays valid for minutes
after its user's erasure.
"""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import ChooseDigest, EndDigests
from services.notifications.tables import preferences, recipients
from waypost.kernel.errors import NotFound, NotYet
from waypost.ports.unit_of_work import UnitOfWork

_ERASED = "erased"


async def require_present(user_id: UUID, uow: UnitOfWork) -> None:
    """Raises NotFound for an erased user.

    Locks the recipient's row: an erasure waits for this transaction, and then deletes what it
    wrote.
    """
    status = select(recipients.c.status).where(recipients.c.user_id == user_id).with_for_update(read=True)
    if (await uow.rows.execute(status)).scalar_one_or_none() == _ERASED:
        raise NotFound("this account was erased")


async def wait_for_erasure(user_id: UUID, uow: UnitOfWork) -> None:
    """Raises NotYet until the recipient directory has the erasure, so that the event is handled
    after it: data written before it must be deleted too.
    """
    status = select(recipients.c.status).where(recipients.c.user_id == user_id)
    if (await uow.rows.execute(status)).scalar_one_or_none() != _ERASED:
        raise NotYet(f"recipient {user_id} is not erased in the directory yet")


async def choose_digest(command: ChooseDigest, uow: UnitOfWork) -> None:
    """Raises NotFound for an erased user."""
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
    """Raises NotFound for an unknown token, and for the token of an erased user."""
    holder = (
        preferences.c.tenant_id == command.token.tenant_id,
        preferences.c.unsubscribe_secret == command.token.secret,
    )
    ended = await uow.rows.execute(update(preferences).where(*holder).values(digest=False))
    if not ended.rowcount:
        raise NotFound("this unsubscribe link is invalid or the account no longer exists")
