"""Runs the Faust application in a process, and builds a new one whenever the last one ends by
itself.
"""

import asyncio
import os
import tempfile
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog

from schemas.billing import InvoicePaid
from services.billing.live.newer_record import CHECKS, NewerRecord, may_join
from services.billing.live.topics import ensure_topics
from services.billing.live.topology import NAME, Topology
from waypost.engine.periodic_loop import PeriodicLoop
from waypost.kernel.backoff import Backoff
from waypost.kernel.clock import SystemClock
from waypost.kernel.errors import Transient
from waypost.ports.brokers import Brokers
from waypost.ports.codec import EventCodec
from waypost.project import on_cluster

log = structlog.get_logger()

FORGET_EVERY_SECONDS = 3600.0
STOP_SECONDS = 8.0
PAUSES = Backoff(first_seconds=0.5, factor=2.0, max_seconds=10.0)


class Ended(Transient):
    """The live view's application has ended by itself."""


class LiveView(PeriodicLoop):
    """Ready while it processes records: after its tables are restored from their changelogs.

    At a record of a newer release it leaves its consumer group, so that a process of that release
    gets the partition, and waits until it is needed again (`newer_record.may_join`).
    """

    name = "live view"

    def __init__(self, bootstrap: Brokers, codec: EventCodec) -> None:
        super().__init__(every_seconds=0.0, backoff=PAUSES)
        self._bootstrap = bootstrap
        self._codec = codec
        self._clock = SystemClock()
        self._folder = ExitStack()
        self._newer: NewerRecord | None = None

    async def check(self) -> None:
        """Raises NewerRecord while the view waits for a newer release; for the readiness probe."""
        if self._newer is not None:
            raise self._newer.with_traceback(None)

    async def start(self) -> None:
        self._directory = Path(self._folder.enter_context(tempfile.TemporaryDirectory(prefix="waypost-live-")))
        await super().start()

    async def stop(self) -> None:
        """A drain finishes the current record. After the deadline the record is dropped; it is not
        committed, so the next process reads it again.
        """
        await super().stop()
        self._folder.close()

    async def tick(self) -> None:
        """Runs one application until it ends. Its totals are in the changelogs, and the next
        application continues from them. Raises NewerRecord, after the application has left its
        group, and while the view must not join it.
        """
        await self._wait_outside()
        topology = Topology.build(self._bootstrap, self._directory, self._codec, self._clock)
        try:
            await self._serve(topology)
            if topology.newer:
                self._newer, self._backoff = topology.newer[0], CHECKS
                raise self._newer
            if not self.draining.is_set():
                raise Ended
        finally:
            if self.ready.is_set():
                self.failures = 0
            self.ready.clear()
            await _end(topology)

    async def _wait_outside(self) -> None:
        if self._newer is None:
            return
        if not await may_join(self._bootstrap, NAME, self._newer):
            raise self._newer.with_traceback(None)
        log.info("live_view_joins_again", **self._newer.facts)
        self._newer, self._backoff, self.failures = None, PAUSES, 0

    async def _serve(self, topology: Topology) -> None:
        """Returns when it must stop, or when the application has ended or failed."""
        running = await self._finishes_first(self._start(topology), topology)
        while running:
            self.ready.set()
            topology.tables.forget(self._clock.now())
            running = await self._finishes_first(asyncio.sleep(FORGET_EVERY_SECONDS), topology)

    async def _start(self, topology: Topology) -> None:
        await ensure_topics(self._bootstrap, topology.own_topics, like=on_cluster(InvoicePaid.topic))
        await topology.app.start()

    async def _finishes_first(self, step: Coroutine[Any, Any, None], topology: Topology) -> bool:
        """Whether the step finishes before the drain or the application's end. Raises the step's
        error.
        """
        running = asyncio.create_task(step)
        end_waits = [
            asyncio.create_task(waiting)
            for waiting in (self.draining.wait(), topology.failed.wait(), topology.app.wait_until_stopped())
        ]
        await asyncio.wait([running, *end_waits], return_when=asyncio.FIRST_COMPLETED)
        ended = any(task.done() for task in end_waits)
        for task in (running, *end_waits):
            task.cancel()
        if running.done():
            await running
        return not ended


async def _end(topology: Topology) -> None:
    """Stops the application. Faust waits without limit for a broker that does not answer. A second
    application beside a stuck one could overwrite newer entries with older ones, so the process
    exits like after a crash, and its supervisor restarts it.
    """
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await topology.app.stop()
    except TimeoutError:
        log.error("live_view_stuck")
        os._exit(1)
