"""Retries the due dead letters of a consumer, and sleeps until the next one is due."""

import asyncio
import time
from collections.abc import Collection

from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.panics import panics_as_errors
from waypost.engine.periodic_loop import PeriodicLoop, cancelled, stray_cancellation_as_error
from waypost.ports.dead_letters import ParkedKey

MAX_TURN_SECONDS = 5.0
"""No further attempt of a turn begins after this time, so that slow handlers of one key delay the
others by little more.
"""


class RetryTimer(PeriodicLoop):
    """Runs in every process of the consumer; the first to lock a key processes it. Set `wakeup`
    after a change of a key's time or of the assignment.

    A tick starts a turn for each due key, up to `ConsumerPolicy.retried_keys` at a time. A turn
    attempts a few dead letters of its key, so that no key delays the others for long; a key with
    more is due again. At the deadline of a drain the running attempts are rolled back. They still
    count.
    """

    def __init__(self, name: str, parked_keys: ParkedKeyProcessor, policy: ConsumerPolicy) -> None:
        super().__init__(every_seconds=policy.retry_poll_seconds * policy.retry_idle_polls)
        self.name = f"{name} retries"
        self._parked_keys = parked_keys
        self._policy = policy
        self._turns: dict[ParkedKey, asyncio.Task[None]] = {}
        self._locked: dict[ParkedKey, float] = {}
        """Keys that another process held, with the monotonic time of their next turn."""
        self._errors: list[Exception] = []
        """Errors of turns since the last tick."""

    async def drain(self, deadline_seconds: float) -> None:
        self.draining.set()
        await asyncio.gather(super().drain(deadline_seconds), self._finish(deadline_seconds))

    async def stop(self) -> None:
        await super().stop()
        await cancelled(*self._turns.values())

    async def tick(self) -> float | None:
        """Starts turns. Returns the seconds until the next key is due, at most the longest pause,
        because another process may have changed a key. Raises the first error of the turns since
        the last tick.
        """
        errors, self._errors = self._errors, []
        if errors:
            raise errors[0]
        free, excluded = self._policy.retried_keys - len(self._turns), self._excluded()
        if not free:
            return None  # the end of a turn is a wake-up
        due, due_in = await self._parked_keys.select_due(len(excluded) + free)
        self._start([parked for parked in due if parked not in excluded][:free])
        pauses = [self._every_seconds]
        if due_in is not None:
            pauses.append(due_in.total_seconds())
        if self._locked:
            pauses.append(self._policy.retry_poll_seconds)
        return min(pauses)

    def _excluded(self) -> Collection[ParkedKey]:
        now = time.monotonic()
        self._locked = {parked: at for parked, at in self._locked.items() if at > now}
        return {*self._turns, *self._locked}

    def _start(self, keys: Collection[ParkedKey]) -> None:
        for parked in keys:
            if not self.draining.is_set():
                self._turns[parked] = asyncio.create_task(self._turn(parked), name=self.name)

    async def _turn(self, parked: ParkedKey) -> None:
        try:
            with panics_as_errors(), stray_cancellation_as_error():
                if await self._attempt_some(parked) is ParkedKeyOutcome.LOCKED:
                    self._locked[parked] = time.monotonic() + self._policy.retry_poll_seconds
        except Exception as error:  # noqa: BLE001 - the tick raises it
            self._errors.append(error)
        finally:
            del self._turns[parked]
            self.wakeup.set()

    async def _attempt_some(self, parked: ParkedKey) -> ParkedKeyOutcome:
        outcome, ends_at = ParkedKeyOutcome.HANDLED, time.monotonic() + MAX_TURN_SECONDS
        for _ in range(self._policy.dead_letters_per_turn):
            outcome = (await self._parked_keys.attempt(parked)).outcome
            if outcome is not ParkedKeyOutcome.HANDLED or self.draining.is_set() or time.monotonic() > ends_at:
                break
        return outcome

    async def _finish(self, deadline_seconds: float) -> None:
        if self._turns:
            await asyncio.wait(self._turns.values(), timeout=deadline_seconds)
