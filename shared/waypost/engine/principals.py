"""The rights of users in a service that does not own them, projected from the topic of users.

The rows follow the users by the lag of this consumer, normally a second or less. A token is valid
for ten minutes at most, so that a suspended user acts no longer than the shorter of the two. A user
without a row has just registered: the token alone decides.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, MetaData, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from waypost.engine.row_per_aggregate import Row, change, put, row_per_aggregate
from waypost.kernel.actor import Actor
from waypost.kernel.envelope import Envelope
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
    Column("ended_sessions", JSONB),
    PrimaryKeyConstraint("tenant_id", "user_id"),
)

TOKENS_END_AFTER = timedelta(minutes=15)
"""Longer than an access token is valid, with a difference between the clocks of two machines."""
REMEMBERED_SESSIONS = 100

# A token's issue time has whole seconds, and the first token of a new session has the same second
# as the end of the others.
_REVOKED = """
select from principals
where user_id = $1
  and (
      erased or suspended or role <> all (string_to_array($2, ',')) or $3 < date_trunc('second', sessions_ended_at)
      or ended_sessions ? $4
  )
union all
select from tenant_directory where tenant_id = $5 and status = 'closed'"""


def principals_projector(
    *,
    created: type[Event],
    role_changed: type[Event],
    password_changed: type[Event],
    suspended: type[Event],
    reactivated: type[Event],
    erased: type[Event],
    sessions_ended: type[Event],
) -> AsyncProjection:
    """The async projection that maintains `principals`.

    `created` and `role_changed` carry a `role`, `password_changed` a `changed_at`, `suspended` a
    `suspended_at`, `sessions_ended` an `ended_at` and a `session_id`, which is None for all.
    """
    projection = row_per_aggregate(
        "principals",
        principals,
        {
            created: put(lambda event: {"role": event.role, "suspended": False, "erased": False}),
            role_changed: change(lambda event: {"role": event.role}),
            password_changed: change(lambda event: {"sessions_ended_at": event.changed_at}),
            suspended: change(lambda event: {"suspended": True, "sessions_ended_at": event.suspended_at}),
            reactivated: change(lambda event: {"suspended": False}),
            erased: change(lambda event: {"erased": True}),
            sessions_ended: _end_sessions,
        },
    )
    return replace(projection, reads_personal_data=False)


AUTHORIZATION_READS = ("principals", "tenants")
"""The consumers whose rows `authorize` reads; its precondition names them for the service."""


def authorize(actor: Actor) -> Precondition:
    """Refuses a user who is suspended or erased, has a lower role now, or ended the token's
    session, and all users of a closed tenant.

    Reads `principals` and the `tenant_directory` of `waypost.jobs.tenant_directory`, so a service
    has both projections.
    """
    session = None if actor.session_id is None else str(actor.session_id)
    roles = ",".join(actor.role.covering_roles)
    arguments = (actor.user_id, roles, actor.issued_at, session, actor.tenant_id)
    return Precondition(_REVOKED, arguments, AUTHORIZATION_READS)


def _end_sessions(row: Row | None, envelope: Envelope[Any]) -> Row | None:
    """Remembers an ended session for as long as its tokens could be valid. Beyond
    `REMEMBERED_SESSIONS` the oldest are forgotten, and all tokens from before their end are
    refused: clients of other sessions refresh theirs.
    """
    event = envelope.event
    if row is None:
        return None
    if event.session_id is None:
        return {**row, "sessions_ended_at": event.ended_at}
    kept = {
        session: ended
        for session, ended in (row.get("ended_sessions") or {}).items()
        if event.ended_at - datetime.fromisoformat(ended) < TOKENS_END_AFTER
    }
    kept[str(event.session_id)] = event.ended_at.isoformat()
    return {**row, **_bounded(kept, row)}


def _bounded(ended: Mapping[str, str], row: Row) -> Row:
    by_time = sorted(ended.items(), key=lambda each: (datetime.fromisoformat(each[1]), each[0]))
    forgotten = by_time[:-REMEMBERED_SESSIONS]
    if not forgotten:
        return {"ended_sessions": dict(by_time)}
    last = datetime.fromisoformat(forgotten[-1][1])
    since = row.get("sessions_ended_at")
    return {
        "ended_sessions": dict(by_time[-REMEMBERED_SESSIONS:]),
        "sessions_ended_at": last if since is None else max(since, last),
    }
