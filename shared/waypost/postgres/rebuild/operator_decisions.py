"""Reads an operator's decisions about the dead letters of a live consumer."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.ids import EventId
from waypost.ports.operator_decisions import DiscardedEvent, OperatorDecisions
from waypost.ports.subscription import Partition
from waypost.postgres.dead_letters.rows import IN_KEY_ORDER

# A discarded dead letter outside the order of its key had no event that a rebuild handles.
_DECIDED = text(
    f"""
    select event_id, topic, partition, kafka_offset, key, sequence, status from dead_letters
    where consumer = :consumer and status in ('discarded', 'adopted') and (status = 'adopted' or {IN_KEY_ORDER})
    """
)


async def operator_decisions(connection: AsyncConnection, consumer: str) -> OperatorDecisions:
    rows = (await connection.execute(_DECIDED, {"consumer": consumer})).all()
    return OperatorDecisions(
        discarded=[
            DiscardedEvent(
                event_id=EventId(row.event_id),
                partition=Partition(row.topic, row.partition),
                offset=row.kafka_offset,
            )
            for row in rows
            if row.status == "discarded"
        ],
        adopted={(row.topic, row.key, row.sequence): EventId(row.event_id) for row in rows if row.status == "adopted"},
    )
