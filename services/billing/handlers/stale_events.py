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

    async def handle_newer(envelope: Envelope[Any], uow: UnitOfWork) -> None:
        if await _is_newer(envelope, uow):
            await handler(envelope, uow)

    return handle_newer


async def _is_newer(envelope: Envelope[Event], uow: UnitOfWork) -> bool:
    known = followed_users.c.version
    version = insert(followed_users).values(
        tenant_id=envelope.tenant_id, user_id=envelope.aggregate_id, version=envelope.aggregate_version
    )
    newer = version.on_conflict_do_update(
        index_elements=["tenant_id", "user_id"],
        set_={"version": version.excluded.version},
        where=known < version.excluded.version,
    )
    return (await uow.rows.execute(newer.returning(known))).one_or_none() is not None
