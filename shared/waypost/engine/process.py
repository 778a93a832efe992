"""The lifecycle of every background part, and the process that runs several parts until a
signal.
"""

import asyncio
import contextlib
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Protocol, runtime_checkable

import structlog

from waypost.engine.periodic_loop import cancelled
from waypost.kernel.errors import PartEnded
from waypost.telemetry.loop_lag import LOOP_LAG

log = structlog.get_logger()


class Lifecycle(Protocol):
    """A background part: relay, consumer, job worker, wake-up sender, HTTP server."""

    name: str
    ready: asyncio.Event
    """Set while the part works; tests and readiness probes wait for it."""

    async def start(self) -> None:
        """Starts; returns at once or after set-up. Raises Misconfigured if it can never run."""
        ...

    async def drain(self, deadline_seconds: float) -> None:
        """Accepts no new work and finishes the current work; aborts the rest at the deadline
        without loss.
        """
        ...

    async def stop(self) -> None:
        """Ends the part. May be called twice."""
        ...


@runtime_checkable
class Breakable(Lifecycle, Protocol):
    """A part that cannot continue after some errors. Every other part restarts itself, as
    `waypost.engine.periodic_loop.PeriodicLoop` does.
    """

    failed: asyncio.Event
    """Set when the part has ended although nothing asked it to."""


class Independent:
    """Marks a part that uses no neighbour with this mark: they drain side by side. Others drain one
    after the other, because later parts use earlier ones.
    """


@runtime_checkable
class Explained(Lifecycle, Protocol):
    """A part that can say why it is not ready."""

    async def check(self) -> None:
        """Raises the reason, if the part waits for an operator or for another release."""
        ...


def tune_garbage_collector() -> None:
    """Reduces garbage collection; called once, after a process has imported its modules.

    Records are many small tuples that live for milliseconds and form no cycles; a collection every
    700 allocations was 40 % of the relay's CPU (20 µs a row against 12). Imported objects are
    permanent and are not scanned again. The batches of four partitions are about 40,000 objects: a
    lower threshold would scan them while they live, which is 4 % of a consumer's CPU.
    """
    gc.freeze()
    gc.set_threshold(60_000, 20, 50)


PART_ABORT_SECONDS = 1.0
"""The time in which a part aborts its work after the deadline of its drain."""
PART_STOP_SECONDS = 5.0
"""The time in which a part stops: it leaves its consumer group and closes connections."""


class Process:
    """Starts its parts in order, waits for SIGTERM or SIGINT, drains and stops them in reverse,
    neighbours that are `Independent` at the same time. A part that fails ends the process in the
    same way, but with an error.

    `ending` is set when the end begins. The drains share `drain_seconds`; each part has one more
    second to abort its work, and five to stop. `at_deadline` is called in a thread if the process
    still runs `exit_after_seconds` after the signal.
    """

    def __init__(
        self,
        parts: Sequence[Lifecycle],
        *,
        drain_seconds: float = 10.0,
        exit_after_seconds: float = 15.0,
        at_deadline: Callable[[], None] | None = None,
        ending: asyncio.Event | None = None,
    ) -> None:
        self.parts = parts
        self._drain_seconds = drain_seconds
        self._exit_after_seconds = exit_after_seconds
        self._at_deadline = at_deadline
        self._stop_requested = asyncio.Event()
        self._ending = ending or asyncio.Event()
        self._failed: list[str] = []

    @property
    def unready(self) -> Sequence[str]:
        """Names of the parts that are not working now."""
        return [part.name for part in self.parts if not part.ready.is_set()]

    async def run(self) -> None:
        """Runs until a signal. Raises the error of a part's start, and PartEnded for one that ended
        by itself, after stopping the parts that had started.
        """
        tune_garbage_collector()
        LOOP_LAG.start()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_requested.set)
        breakable = [part for part in self.parts if isinstance(part, Breakable)]
        watchers = [asyncio.create_task(self._watch(part)) for part in breakable]
        started: list[Lifecycle] = []
        try:
            for part in self.parts:
                started.append(part)
                if not await self._started(part):
                    break
            await self._stop_requested.wait()
        finally:
            self._ending.set()
            self._watch_deadline()
            await cancelled(*watchers)
            await self._end(started)
            LOOP_LAG.stop()
        if self._failed:
            raise PartEnded(self._failed)

    async def _watch(self, part: Breakable) -> None:
        """Ends the process when the part fails."""
        await part.failed.wait()
        self._failed.append(part.name)
        self._stop_requested.set()

    async def _started(self, part: Lifecycle) -> bool:
        """Starts the part; False if the signal came first. Raises the error of the start."""
        starting = asyncio.create_task(part.start())
        stop_requested = asyncio.create_task(self._stop_requested.wait())
        try:
            await asyncio.wait([starting, stop_requested], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                return True
        finally:
            stop_requested.cancel()
            starting.cancel()
        await asyncio.wait([starting], timeout=PART_ABORT_SECONDS)
        return False

    def _watch_deadline(self) -> None:
        """In a thread, so that it also bounds an end that blocks the event loop. It begins when the
        loop has received the signal.
        """
        if self._at_deadline is not None:
            timer = threading.Timer(self._exit_after_seconds, self._at_deadline)
            timer.daemon = True
            timer.start()

    async def _end(self, started: Sequence[Lifecycle]) -> None:
        drained_by = time.monotonic() + self._drain_seconds
        for stage in _stages(started):
            with contextlib.suppress(asyncio.CancelledError):
                left = max(drained_by - time.monotonic(), 0.0)
                await asyncio.gather(*(_end_one(part, left) for part in stage))


def _stages(parts: Sequence[Lifecycle]) -> Iterator[Sequence[Lifecycle]]:
    """The parts in reverse, neighbours that are independent together."""
    for is_independent, neighbours in groupby(reversed(parts), key=lambda part: isinstance(part, Independent)):
        if is_independent:
            yield list(neighbours)
        else:
            yield from ([part] for part in neighbours)


async def _end_one(part: Lifecycle, drain_seconds: float) -> None:
    """Ends one part; its error does not prevent the end of the others."""
    try:
        async with asyncio.timeout(drain_seconds + PART_ABORT_SECONDS):
            await part.drain(drain_seconds)
    except Exception:
        log.exception("drain_failed", part=part.name)
    finally:
        try:
            async with asyncio.timeout(PART_STOP_SECONDS):
                await part.stop()
        except Exception:
            log.exception("stop_failed", part=part.name)
