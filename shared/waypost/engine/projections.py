"""Groups events for set-based projection handlers and keeps each aggregate's order."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.consumers import ProjectionHandler


async def project(
    envelopes: Iterable[Envelope[Event]], handlers: Mapping[type[Event], ProjectionHandler], rows: AsyncConnection
) -> None:
    """Calls handlers with groups of events of one type. Keeps the order within an aggregate; events
    of different aggregates may be reordered. Skips types without a handler. Raises a handler's
    error.
    """
    with_handler = (envelope for envelope in envelopes if type(envelope.event) in handlers)
    for group in grouped(with_handler):
        await handlers[type(group[0].event)](group, rows)


def grouped(envelopes: Iterable[Envelope[Event]]) -> Sequence[Sequence[Envelope[Event]]]:
    """Splits the events into groups of one type each. Events of one aggregate stay in order; events
    of different aggregates may be reordered.
    """
    groups: list[list[Envelope[Event]]] = []
    reached: dict[UUID, int] = {}
    latest: dict[type[Event], int] = {}
    for envelope in envelopes:
        kind = type(envelope.event)
        index = latest.get(kind, -1)
        if index < reached.get(envelope.aggregate_id, 0):
            index = len(groups)
            groups.append([])
            latest[kind] = index
        groups[index].append(envelope)
        reached[envelope.aggregate_id] = index
    return groups
