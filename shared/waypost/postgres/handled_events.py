"""Reads from inbox and dead letters which events the consumers have handled."""

from collections.abc import Collection, Mapping
from uuid import UUID

from waypost.kernel.ids import EventId, TenantId
from waypost.ports.dead_letters import OPEN, DeadLetterStatus
from waypost.ports.handled_events import Awaited, Handling
from waypost.postgres.database import Database

# An event is claimed in the transaction of its effects, or of its dead letter. So an event with a
# claim and without an open dead letter is handled. Both tables contain all tenants: the comparison
# keeps a caller from learning of another tenant's event. Two reads of a unique index per event:
# with a condition on the status, the planner could read all open dead letters of the consumer.
HANDLING = """
select processed.consumer, processed.event_id, processed.tenant_id, parked.status as dead_letter
from unnest($1::text[], $2::uuid[], $3::uuid[]) as awaited (consumer, event_id, tenant_id)
join processed_messages as processed using (consumer, event_id, tenant_id)
left join dead_letters as parked
    on parked.consumer = processed.consumer and parked.event_id = processed.event_id"""


class PostgresHandledEvents:
    """`waypost.ports.handled_events.HandledEvents`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def handling(self, awaited: Collection[Awaited]) -> Mapping[Awaited, Handling]:
        if not awaited:
            return {}
        consumers, events, tenants = zip(*awaited, strict=True)
        async with self._database.autocommit() as connection:
            rows = await connection.fetch(HANDLING, consumers, events, tenants)
        return {
            Awaited(
                row["consumer"], EventId(UUID(int=row["event_id"].int)), TenantId(UUID(int=row["tenant_id"].int))
            ): how
            for row in rows
            if (how := _handling(row["dead_letter"])) is not None
        }


def _handling(dead_letter: str | None) -> Handling | None:
    """`dead_letter`: the status of the event's dead letter, or None."""
    if dead_letter not in OPEN:
        return Handling.HANDLED
    return Handling.DEAD if dead_letter == DeadLetterStatus.DEAD else None
