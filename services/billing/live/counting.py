"""From gathered movements to totals, in the tables and on the topic."""

import asyncio

from faust.types import TopicT

from services.billing.live.movements import MOVING, Movement, movement_of
from services.billing.live.sending import send
from services.billing.live.tables import HORIZON, LiveTables
from services.billing.live.totals import Totals
from services.billing.live.windows import Window, announced
from shared.engine.consumer.message import Reader
from shared.engine.failpoints import failpoint
from shared.kernel.clock import Clock
from shared.kernel.cloudevents import to_headers, to_metadata
from shared.kernel.envelope import Envelope, Record
from shared.kernel.event import Event
from shared.ports.codec import EventCodec
from shared.telemetry.messaging import process_span
from shared.telemetry.metrics import LIVE_RECORDS

AFTER_TABLES = failpoint("live.after_tables")
AFTER_CHANGELOGS = failpoint("live.after_changelogs")
AFTER_TOTALS = failpoint("live.after_totals")


class Counting:
    """Returns from a record when everything that follows from it is in the log of all in-sync replicas: tables and totals alike."""

    def __init__(self, codec: EventCodec, tables: LiveTables, totals: TopicT, clock: Clock, consumer: str) -> None:
        self._reader = Reader(codec, MOVING)
        self._codec = codec
        self._tables = tables
        self._topic = totals
        self._clock = clock
        self._consumer = consumer

    async def take(self, record: Record) -> None:
        envelope = self._reader.read(record).envelope
        if envelope is None:
            return
        movement = movement_of(envelope.event)
        if movement.at < self._clock.now() - HORIZON:
            LIVE_RECORDS.labels("late").inc()
        elif self._is_duplicate(movement, envelope.aggregate_version, record.offset):
            LIVE_RECORDS.labels("duplicate").inc()
        else:
            with process_span(record, self._consumer):
                await self._count(movement, envelope, record.offset)
            LIVE_RECORDS.labels("counted").inc()

    def _is_duplicate(self, movement: Movement, version: int, offset: int) -> bool:
        return self._tables.sighting(movement).is_duplicate(version, offset)

    async def _count(self, movement: Movement, envelope: Envelope[Event], offset: int) -> None:
        # Written and sent also where a crash left this record in the entries: which of their logs have it is not known.
        sightings = self._tables.sighting(movement).seen(envelope.aggregate_version, offset)
        self._tables.keep_sighting(movement, sightings)
        totals = {window: self._tables.totals(window, movement).after(movement, offset) for window in Window}
        for window, total in totals.items():
            self._tables.keep_totals(window, movement, total)
        AFTER_TABLES.hit()
        await asyncio.gather(*self._tables.unwritten())
        AFTER_CHANGELOGS.hit()
        await asyncio.gather(*(self._announce(window, movement, total, envelope) for window, total in totals.items()))
        AFTER_TOTALS.hit()

    async def _announce(self, window: Window, movement: Movement, total: Totals, cause: Envelope[Event]) -> None:
        envelope = announced(window, movement, total, cause)
        value = self._codec.encode(envelope.event).payload
        key = str(envelope.aggregate_id).encode()
        await send(self._topic, key, value, to_headers(to_metadata(envelope)))
