"""Adds movements to window totals, in the tables and on the topic."""

import asyncio
from dataclasses import dataclass

import structlog
from faust.types import TopicT

from schemas.billing import RevenueWindowTotaled
from services.billing.live.movements import MoneyMovement, movement_of
from services.billing.live.parser import MovementParser
from services.billing.live.producer import send
from services.billing.live.tables import HORIZON, LiveTables
from services.billing.live.totals import Totals
from services.billing.live.windows import Window, totals_event
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


class WindowCounter:
    """`process` returns when the record's table entries and totals are acknowledged by all in-sync
    replicas.
    """

    def __init__(self, codec: EventCodec, tables: LiveTables, totals: TopicT, clock: Clock, consumer: str) -> None:
        self._parser = MovementParser(codec)
        self._codec = codec
        self._tables = tables
        self._topic = totals
        self._clock = clock
        self._consumer = consumer

    async def process(self, record: Record) -> None:
        """Raises NewerSchema."""
        envelope = self._parser.parse(record).envelope
        if envelope is None:
            return
        movement = movement_of(envelope.event)
        if movement.at < self._clock.now() - HORIZON:
            LIVE_RECORDS.labels("late").inc()
        elif self._is_duplicate(movement, envelope.aggregate_version, record.offset):
            LIVE_RECORDS.labels("duplicate").inc()
        else:
            with process_span(record, self._consumer):
                complete = await self._count(movement, envelope, record.offset)
            LIVE_RECORDS.labels("counted" if complete else "too_large").inc()

    def _is_duplicate(self, movement: MoneyMovement, version: int, offset: int) -> bool:
        return self._tables.seen_versions(movement).is_duplicate(version, offset)

    async def _count(self, movement: MoneyMovement, envelope: Envelope[Event], offset: int) -> bool:
        """Returns whether all windows accepted the movement."""
        counted = [
            counted_window
            for window in Window
            if (counted_window := self._add(window, movement, envelope, offset)) is not None
        ]
        # Write and send also if a crash left this record in the entries: it is unknown which of
        # their changelogs contain it.
        seen = self._tables.seen_versions(movement).adding(envelope.aggregate_version, offset)
        self._tables.store_seen_versions(movement, seen)
        for counted_window in counted:
            self._tables.store_totals(counted_window.window, movement, counted_window.totals)
        AFTER_TABLES.hit()
        await asyncio.gather(*self._tables.take_pending_sends())
        AFTER_CHANGELOGS.hit()
        await asyncio.gather(*(self._announce(counted_window) for counted_window in counted))
        AFTER_TOTALS.hit()
        return len(counted) == len(Window)

    def _add(
        self, window: Window, movement: MoneyMovement, envelope: Envelope[Event], offset: int
    ) -> "_Counted | None":
        """Returns None if the new totals cannot be encoded: the window keeps its totals and accepts
        later movements that fit. A record that is read again after a crash meets the same totals
        and is skipped again.
        """
        totals = self._tables.totals(window, movement).after(movement, offset)
        totaled = totals_event(window, movement, totals, envelope)
        try:
            return _Counted(
                window=window, totals=totals, totaled=totaled, value=self._codec.encode(totaled.event).payload
            )
        except Permanent as error:
            details = {"window": window, "event_id": str(envelope.event_id), "tenant_id": str(envelope.tenant_id)}
            log.warning("live_record_skipped", **details, error=str(error))
            return None

    async def _announce(self, counted: "_Counted") -> None:
        key = str(counted.totaled.aggregate_id).encode()
        await send(self._topic, key, counted.value, to_headers(to_metadata(counted.totaled)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A window's totals after a movement, with their event."""

    window: Window
    totals: Totals
    totaled: Envelope[RevenueWindowTotaled]
    value: bytes
