"""Skips stale user events: a replayed event has a version at or below the one already handled."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert

from services.billing.tables import followed_users
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.consumers import ReactorHandler
from waypost.ports.unit_of_work import UnitOfWork


def ignore_stale(handler: ReactorHandler) -> ReactorHandler:
    """Wraps a handler of user events: it runs only for a version above the highest one handled for
    this user.
    """

    async def handle_newer(envelope: Envelope[Any], uow: UnitOfWork) -> None:
        if await _is_newer(envelope, uow):
            await handler(envelope, uow)

    return handle_newer


async def _is_newer(envelope: Envelope[Event], uow: UnitOfWork) -> bool:
    known = followed_users.c.version
    statement = insert(followed_users).values(
        tenant_id=envelope.tenant_id, user_id=envelope.aggregate_id, version=envelope.aggregate_version
    )
    newer = statement.on_conflict_do_update(
        index_elements=["tenant_id", "user_id"],
        set_={"version": statement.excluded.version},
        where=known < statement.excluded.version,
    )
    return (await uow.rows.execute(newer.returning(known))).one_or_none() is not None
