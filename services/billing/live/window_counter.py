"""From gathered movements to totals, in the tables and on the topic."""

import asyncio
from dataclasses import dataclass

import structlog
from faust.types import TopicT

from schemas.billing import RevenueWindowTotaled
from services.billing.live.movements import MOVING, Movement, movement_of
from services.billing.live.producer import send
from services.billing.live.tables import HORIZON, LiveTables
from services.billing.live.totals import Totals
from services.billing.live.windows import Window, announced
from waypost.engine.consumer.message import Reader
from waypost.engine.failpoints import failpoint
from waypost.kernel.clock import Clock
from waypost.kernel.cloudevents import to_headers, to_metadata
from waypost.kernel.envelope import Envelope, Record
from waypost.kernel.errors import Permanent
from waypost.kernel.event import Event
from waypost.ports.codec import EventCodec
from waypost.telemetry.messaging import process_span
from waypost.telemetry.metrics import LIVE_RECORDS

log = structlog.get_logger()

AFTER_TABLES = failpoint("live.after_tables")
AFTER_CHANGELOGS = failpoint("live.after_changelogs")
AFTER_TOTALS = failpoint("live.after_totals")


class Counting:
    """Returns from a record when everything that follows from it is in the log of all in-sync
    replicas: tables and totals alike.
    """

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
                whole = await self._count(movement, envelope, record.offset)
            LIVE_RECORDS.labels("counted" if whole else "too_large").inc()

    def _is_duplicate(self, movement: Movement, version: int, offset: int) -> bool:
        return self._tables.sighting(movement).is_duplicate(version, offset)

    async def _count(self, movement: Movement, envelope: Envelope[Event], offset: int) -> bool:
        """Whether all windows could take it."""
        counted = [each for window in Window if (each := self._counted(window, movement, envelope, offset)) is not None]
        # Written and sent also where a crash left this record in the entries: which of their logs
        # have it is not known.
        sightings = self._tables.sighting(movement).seen(envelope.aggregate_version, offset)
        self._tables.keep_sighting(movement, sightings)
        for each in counted:
            self._tables.keep_totals(each.window, movement, each.totals)
        AFTER_TABLES.hit()
        await asyncio.gather(*self._tables.unwritten())
        AFTER_CHANGELOGS.hit()
        await asyncio.gather(*(self._announce(each) for each in counted))
        AFTER_TOTALS.hit()
        return len(counted) == len(Window)

    def _counted(self, window: Window, movement: Movement, envelope: Envelope[Event], offset: int) -> "_Counted | None":
        """None where the totals could not be told of: that window stays as it is, and takes what
        fits it later. Read again after a crash, the record meets the same totals, and is passed
        over again.
        """
        totals = self._tables.totals(window, movement).after(movement, offset)
        told = announced(window, movement, totals, envelope)
        try:
            return _Counted(window=window, totals=totals, told=told, value=self._codec.encode(told.event).payload)
        except Permanent as error:
            passed_over = {"window": window, "event_id": str(envelope.event_id), "tenant_id": str(envelope.tenant_id)}
            log.warning("live_record_skipped", **passed_over, error=str(error))
            return None

    async def _announce(self, counted: "_Counted") -> None:
        key = str(counted.told.aggregate_id).encode()
        await send(self._topic, key, counted.value, to_headers(to_metadata(counted.told)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A window with a movement in it, as it is kept and as it is told of."""

    window: Window
    totals: Totals
    told: Envelope[RevenueWindowTotaled]
    value: bytes
