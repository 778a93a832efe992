"""The Faust application as a part of a process, built anew whenever it ends on its own."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog

from schemas.billing import InvoicePaid
from services.billing.live.topics import ensure_topics
from services.billing.live.topology import Topology
from waypost.kernel.backoff import Backoff
from waypost.kernel.clock import SystemClock
from waypost.ports.codec import EventCodec
from waypost.project import on_cluster

log = structlog.get_logger()

FORGET_EVERY_SECONDS = 3600.0
STOP_SECONDS = 8.0
PAUSES = Backoff(first_seconds=0.5, factor=2.0, most_seconds=10.0)


class LiveView:
    """Ready while it counts: after its tables were read back from their changelogs."""

    name = "live view"

    def __init__(self, bootstrap: str, codec: EventCodec) -> None:
        self.ready = asyncio.Event()
        self._bootstrap = bootstrap
        self._codec = codec
        self._clock = SystemClock()
        self._draining = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._running = asyncio.create_task(self._run(), name=self.name)

    async def drain(self, deadline_seconds: float) -> None:
        """The record in hand is ended or forgotten; its commit tells which."""
        self._draining.set()
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=deadline_seconds)

    async def stop(self) -> None:
        self._draining.set()
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
            self._running = None

    async def _run(self) -> None:
        failures = 0
        with tempfile.TemporaryDirectory(prefix="waypost-live-") as directory:
            while not self._draining.is_set():
                topology = Topology.build(self._bootstrap, Path(directory), self._codec, self._clock)
                try:
                    await self._serve(topology)
                except Exception as error:  # noqa: BLE001 - whatever ended it: what it counted is in the logs, the next one goes on from there
                    log.warning("live_view_failed", error=repr(error))
                finally:
                    failures = 1 if self.ready.is_set() else failures + 1
                    self.ready.clear()
                    await _end(topology)
                await self._pause(failures)

    async def _serve(self, topology: Topology) -> None:
        """Returns when it is to stop, or when the application has ended or is of no more use."""
        goes_on = await self._comes_first(self._start(topology), topology)
        while goes_on:
            self.ready.set()
            topology.tables.forget(self._clock.now())
            goes_on = await self._comes_first(asyncio.sleep(FORGET_EVERY_SECONDS), topology)

    async def _start(self, topology: Topology) -> None:
        await ensure_topics(self._bootstrap, topology.own_topics, like=on_cluster(InvoicePaid.topic))
        await topology.app.start()

    async def _comes_first(self, step: Coroutine[Any, Any, None], topology: Topology) -> bool:
        """Whether the step is done before the end of everything. Raises what the step raises."""
        running = asyncio.create_task(step)
        ends = [
            asyncio.create_task(each)
            for each in (self._draining.wait(), topology.failed.wait(), topology.app.wait_until_stopped())
        ]
        await asyncio.wait([running, *ends], return_when=asyncio.FIRST_COMPLETED)
        over = any(each.done() for each in ends)
        for each in (running, *ends):
            each.cancel()
        if running.done():
            await running
        return not over

    async def _pause(self, failures: int) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._draining.wait(), PAUSES.seconds(failures))


async def _end(topology: Topology) -> None:
    """Faust waits for a broker that does not answer as long as it takes. A second application beside a stuck one could write older entries
    over newer ones: then the process ends, as a crash would end it, and is started again."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await topology.app.stop()
    except TimeoutError:
        log.error("live_view_stuck")
        os._exit(1)
