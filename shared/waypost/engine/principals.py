"""Who may still act, as the topic of users tells: each service that is asked with another's tokens
keeps these rows.

They follow the users by the lag of this consumer, a second or less as a rule. However long that is,
a token counts for ten minutes at most, so that a user who was shut out acts no longer than the
shorter of the two. A user of whom the topic has brought nothing yet has just joined: the token
alone is believed.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, MetaData, PrimaryKeyConstraint, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.engine.changes import changes
from waypost.kernel.actor import Actor, TokenRevoked
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.role import Role
from waypost.ports.consumers import AsyncProjection
from waypost.ports.unit_of_work import UnitOfWork

PRINCIPALS = MetaData()

principals = Table(
    "principals",
    PRINCIPALS,
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("erased", Boolean, nullable=False),
    Column("sessions_ended_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "user_id"),
)

_principal = partial(changes, principals, principals.c.user_id)


def principals_projector(
    *,
    created: type[Event],
    role_changed: type[Event],
    password_changed: type[Event],
    suspended: type[Event],
    reactivated: type[Event],
    erased: type[Event],
) -> AsyncProjection:
    """Keeps the rows. `created` and `role_changed` carry a `role`, `password_changed` a
    `changed_at`, `suspended` a `suspended_at`.
    """
    return AsyncProjection(
        "principals",
        {
            created: _add,
            role_changed: _principal(lambda event: {"role": event.role}),
            password_changed: _principal(lambda event: {"sessions_ended_at": event.changed_at}),
            suspended: _principal(lambda event: {"suspended": True, "sessions_ended_at": event.suspended_at}),
            reactivated: _principal(lambda event: {"suspended": False}),
            erased: _principal(lambda event: {"erased": True}),
        },
        PRINCIPALS,
    )


async def authorize(actor: Actor, uow: UnitOfWork) -> None:
    """Raises TokenRevoked for a user who is suspended or erased, has a smaller role now, or ended
    the token's session.
    """
    found = await uow.rows.execute(select(principals).where(principals.c.user_id == actor.user_id))
    row = found.one_or_none()
    if row is None:
        return
    # A token tells its time in whole seconds, and the first one of a new session is as old as the
    # end of the others.
    ended = row.sessions_ended_at is not None and actor.issued_at < row.sessions_ended_at.replace(microsecond=0)
    if row.erased or row.suspended or ended or not Role(row.role).covers(actor.role):
        raise TokenRevoked


async def _add(created: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(principals).on_conflict_do_nothing(),
        [
            {
                "tenant_id": each.tenant_id,
                "user_id": each.aggregate_id,
                "role": each.event.role,
                "suspended": False,
                "erased": False,
            }
            for each in created
        ],
    )
