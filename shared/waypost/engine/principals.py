"""The rights of users in a service that does not own them, projected from the topic of users.

The rows follow the users by the lag of this consumer, normally a second or less. A token is valid
for ten minutes at most, so that a suspended user acts no longer than the shorter of the two. A user
without a row has just registered: the token alone decides.
"""

from sqlalchemy import Boolean, Column, DateTime, MetaData, PrimaryKeyConstraint, Table, Text, Uuid

from waypost.engine.row_per_aggregate import change, put, row_per_aggregate
from waypost.kernel.actor import Actor
from waypost.kernel.event import Event
from waypost.ports.consumers import AsyncProjection
from waypost.ports.unit_of_work import Precondition

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

# A token's issue time has whole seconds, and the first token of a new session has the same second
# as the end of the others.
_REVOKED = """
select from principals
where user_id = $1
  and (erased or suspended or role <> all (string_to_array($2, ',')) or $3 < date_trunc('second', sessions_ended_at))"""


def principals_projector(
    *,
    created: type[Event],
    role_changed: type[Event],
    password_changed: type[Event],
    suspended: type[Event],
    reactivated: type[Event],
    erased: type[Event],
) -> AsyncProjection:
    """The async projection that maintains `principals`.

    `created` and `role_changed` carry a `role`, `password_changed` a `changed_at`, `suspended` a
    `suspended_at`.
    """
    return row_per_aggregate(
        "principals",
        principals,
        {
            created: put(lambda event: {"role": event.role, "suspended": False, "erased": False}),
            role_changed: change(lambda event: {"role": event.role}),
            password_changed: change(lambda event: {"sessions_ended_at": event.changed_at}),
            suspended: change(lambda event: {"suspended": True, "sessions_ended_at": event.suspended_at}),
            reactivated: change(lambda event: {"suspended": False}),
            erased: change(lambda event: {"erased": True}),
        },
    )


def authorize(actor: Actor) -> Precondition:
    """Refuses a user who is suspended or erased, has a lower role now, or ended the token's
    session.
    """
    return Precondition(_REVOKED, (actor.user_id, ",".join(actor.role.covering_roles), actor.issued_at))
