"""Who wants digests."""

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import ChooseDigest, EndDigests
from services.notifications.handlers.presence import require_present
from services.notifications.tables import preferences
from waypost.kernel.errors import NotFound
from waypost.ports.unit_of_work import UnitOfWork


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
