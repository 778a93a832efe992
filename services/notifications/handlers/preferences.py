"""Mail preferences, and checks for erased recipients. An access token stays valid for minutes
after its user's erasure.
"""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import ChooseMails, Unsubscribe
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


async def choose_mails(command: ChooseMails, uow: UnitOfWork) -> None:
    """Raises NotFound for an erased user."""
    await require_present(command.user_id, uow)
    chosen = {category.value: wanted for category, wanted in command.choices.items()}
    row = {"digest": False, **chosen, "unsubscribe_secret": command.secret}
    statement = insert(preferences).values(tenant_id=command.tenant_id, user_id=command.user_id, **row)
    keys = ["tenant_id", "user_id"]
    await uow.rows.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=chosen)
        if chosen
        else statement.on_conflict_do_nothing(index_elements=keys)
    )


async def unsubscribe(command: Unsubscribe, uow: UnitOfWork) -> None:
    """Raises NotFound for an unknown token, and for the token of an erased user."""
    holder = (
        preferences.c.tenant_id == command.token.tenant_id,
        preferences.c.unsubscribe_secret == command.token.secret,
    )
    ended = await uow.rows.execute(update(preferences).where(*holder).values({command.category.value: False}))
    if not ended.rowcount:
        raise NotFound("this unsubscribe link is invalid or the account no longer exists")
