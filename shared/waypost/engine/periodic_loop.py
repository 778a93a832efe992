"""The loop of every background task: an error never ends it silently, and it may be stopped
twice.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import structlog

from waypost.engine.panics import panics_as_errors
from waypost.kernel.backoff import OUTAGE_BACKOFF, Backoff
from waypost.kernel.errors import Misconfigured, Transient

log = structlog.get_logger()


class PeriodicLoop:
    """Runs `tick` every `every_seconds` or at a wake-up; a `waypost.engine.process.Lifecycle`.

    `ready` is set after a tick that succeeds and cleared after one that fails. Each kind of error
    is logged once until a tick succeeds; the next tick follows after a backoff, which `retry` ends
    and a wake-up does not. Modelled on River's `BaseStartStop`.
    """

    name = "loop"

    def __init__(
        self, *, every_seconds: float, wakeup: asyncio.Event | None = None, backoff: Backoff = OUTAGE_BACKOFF
    ) -> None:
        self.ready = asyncio.Event()
        self.wakeup = wakeup or asyncio.Event()
        """Set this event to run the next tick at once. Cleared before each tick, so that a wake-up
        during a tick is not lost.
        """
        self.retry = asyncio.Event()
        """Set this event when something that the tick needs works again: the next tick begins at
        once. Cleared before each tick.
        """
        self.draining = asyncio.Event()
        """Set when no further tick shall begin; a long tick checks it."""
        self.failures = 0
        """Consecutive failed ticks; the backoff grows with it."""
        self._every_seconds = every_seconds
        self._backoff = backoff
        self._logged: set[type[BaseException]] = set()
        self._task: asyncio.Task[None] | None = None

    async def tick(self) -> float | None:
        """One round. Returns the seconds to the next one where they differ from `every_seconds`.
        After 0 it begins at once, so a round must await something.
        """
        raise NotImplementedError

    async def last_tick(self) -> None:
        """One tick outside the loop, for example in a drain. Its error is passed to `tick_failed`,
        not raised.
        """
        try:
            with panics_as_errors():
                await self.tick()
        except (Exception, asyncio.CancelledError) as error:
            if is_asked_to_stop():
                raise
            self.tick_failed(error)

    def tick_failed(self, error: BaseException) -> None:
        """Logs the error. Subclasses override it to log more or to adapt."""
        if type(error) in self._logged:
            return
        self._logged.add(type(error))
        if isinstance(error, Transient) and not isinstance(error, Misconfigured):
            log.warning("loop_failed", loop=self.name, error=str(error))
        else:
            log.error("loop_failed", loop=self.name, exc_info=error)

    def recovered(self) -> None:
        """Called after the first tick that succeeds after failures."""

    async def start(self) -> None:
        """Starts the loop; returns at once."""
        self.draining.clear()
        self._start_task()

    async def drain(self, deadline_seconds: float) -> None:
        """Begins no further tick; the running one may end by the deadline."""
        self._end_pauses()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=deadline_seconds)

    async def stop(self) -> None:
        """Cancels a running tick. Never raises what a tick raised."""
        # A tick that swallows the cancellation continues with the pause, which then ends at once.
        self._end_pauses()
        self.ready.clear()
        await cancelled(self._task)
        self._task = None

    def _end_pauses(self) -> None:
        self.draining.set()
        self.wakeup.set()
        self.retry.set()

    def _start_task(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self.name)
        self._task.add_done_callback(self._ended)

    async def _run(self) -> None:
        while not self.draining.is_set():
            self.wakeup.clear()
            self.retry.clear()
            try:
                with panics_as_errors():
                    pause = await self.tick()
            except asyncio.CancelledError as error:
                if is_asked_to_stop():
                    raise
                await self._back_off(error)
            except Exception as error:  # noqa: BLE001 - the loop continues after every error
                await self._back_off(error)
            else:
                self._succeeded()
                self._forget_swallowed_cancellation()
                await _wait(self.wakeup, self._every_seconds if pause is None else pause)

    def _forget_swallowed_cancellation(self) -> None:
        """A tick that swallowed a cancellation of this task leaves it counted. A later cancellation
        of something that a tick awaits would then end the loop.
        """
        task = asyncio.current_task()
        while task is not None and task.cancelling() and not self.draining.is_set():
            task.uncancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Reports an end that nothing asked for, and starts the loop again after a backoff."""
        if self.draining.is_set():
            return
        self.ready.clear()
        self.failures += 1
        error = None if task.cancelled() else task.exception()
        log.error("loop_ended", loop=self.name, exc_info=error)
        asyncio.get_running_loop().call_later(self._backoff.seconds(self.failures), self._restart, task)

    def _restart(self, ended: asyncio.Task[None]) -> None:
        if self._task is ended and not self.draining.is_set():
            self._start_task()

    def _succeeded(self) -> None:
        if self._logged:
            log.info("loop_recovered", loop=self.name)
        self._logged.clear()
        has_recovered, self.failures = self.failures > 0, 0
        if not self.draining.is_set():
            self.ready.set()
        if has_recovered:
            self.recovered()

    async def _back_off(self, error: BaseException) -> None:
        self.ready.clear()
        self.failures += 1
        try:
            self.tick_failed(error)
        except Exception:
            log.exception("loop_failed", loop=self.name)
        await _wait(self.retry, self._backoff.seconds(self.failures))


class FunctionLoop(PeriodicLoop):
    """A `PeriodicLoop` that calls a function, for a class that has several loops."""

    def __init__(
        self,
        tick: Callable[[], Awaitable[float | None]],
        *,
        name: str,
        every_seconds: float,
        wakeup: asyncio.Event | None = None,
        backoff: Backoff = OUTAGE_BACKOFF,
        ready: asyncio.Event | None = None,
        on_failure: Callable[[], None] | None = None,
        on_recovery: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(every_seconds=every_seconds, wakeup=wakeup, backoff=backoff)
        self.ready = ready or self.ready
        self.name = name
        self._function = tick
        self._on_failure = on_failure
        self._on_recovery = on_recovery

    async def tick(self) -> float | None:
        return await self._function()

    def tick_failed(self, error: BaseException) -> None:
        if self._on_failure is not None:
            self._on_failure()
        super().tick_failed(error)

    def recovered(self) -> None:
        if self._on_recovery is not None:
            self._on_recovery()


async def cancelled(*tasks: asyncio.Task[None] | None) -> None:
    """Cancels the tasks and waits for their end. Never raises their errors."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
    for task in running:
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not report it as lost


def is_asked_to_stop() -> bool:
    """Whether the running task itself was cancelled, rather than something that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@contextlib.contextmanager
def stray_cancellation_as_error() -> Iterator[None]:
    """Raises Transient where something that the block awaits was cancelled, rather than the task. A
    task group takes a child that ends by such a cancellation for one that has finished.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        if is_asked_to_stop():
            raise
        raise Transient("an operation below was cancelled") from error


async def _wait(event: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
