"""Each change of a user is taken over once: what is told again, such as by a replay, is older than
what is known.
"""

from typing import Any

from sqlalchemy.dialects.postgresql import insert

from services.billing.tables import followed_users
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.consumers import ReactorHandler
from waypost.ports.unit_of_work import UnitOfWork


def ignore_stale(handler: ReactorHandler) -> ReactorHandler:
    """For the users' events: what is not newer than all that was taken over of this user is passed
    by.
    """

    async def follow(told: Envelope[Any], uow: UnitOfWork) -> None:
        if await _is_news(told, uow):
            await handler(told, uow)

    return follow


async def _is_news(told: Envelope[Event], uow: UnitOfWork) -> bool:
    known = followed_users.c.version
    noted = insert(followed_users).values(
        tenant_id=told.tenant_id, user_id=told.aggregate_id, version=told.aggregate_version
    )
    newer = noted.on_conflict_do_update(
        index_elements=["tenant_id", "user_id"],
        set_={"version": noted.excluded.version},
        where=known < noted.excluded.version,
    )
    return (await uow.rows.execute(newer.returning(known))).one_or_none() is not None
