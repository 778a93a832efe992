"""Delivers found events once more: position, inbox and order guard stay as they are.

A key is parked while it is worked on, and its parked row is locked first, as for a redrive: whoever
takes in a record of that key, or tries a letter of it again, waits, or is waited for. Should this
process die, the key flows again by itself: no letter waits behind it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.drain import ParkedKeyProcessor
from waypost.engine.consumer.effects import Effects
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.failpoints import failpoint
from waypost.engine.rate import Rate
from waypost.engine.replay.finding import Found
from waypost.kernel.errors import ConcurrencyConflict, Transient
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.dead_letters import ParkedKey

log = structlog.get_logger()

AFTER_EFFECT = failpoint("replay.after_effect")

TRIES = 5
LOCK_TRIES = 100
PAUSE_SECONDS = 0.1

Note = Callable[[ConsumerTransaction, Message], Awaitable[None]]
"""Tells in the transaction of the effect on whose word it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    message: Message
    error: Exception
    left: int
    """Later events of the same key, which were not delivered therefore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivered:
    delivered: int
    failures: Sequence[Failed]
    seconds: float


class Redelivery:
    """One reactor's. `retries` are its own, for what may wait behind a key at the end."""

    def __init__(
        self,
        transactions: ConsumerTransactions,
        effects: Effects,
        retries: ParkedKeyProcessor,
        note: Note,
        policy: ConsumerPolicy,
        rate: Rate,
    ) -> None:
        self._transactions = transactions
        self._effects = effects
        self._retries = retries
        self._note = note
        self._policy = policy
        self._rate = rate
        self._delivered = 0

    async def deliver(self, found: Found, progress: Callable[[int], None] = lambda _: None) -> Redelivered:
        """Each event in a transaction of its own. One that fails leaves its key's later events
        undelivered; other keys go on.
        """
        begun, failures = time.monotonic(), list[Failed]()
        for messages in found.keys:
            failures += await self._deliver_key(messages, progress)
        return Redelivered(delivered=self._delivered, failures=failures, seconds=time.monotonic() - begun)

    async def _deliver_key(self, messages: Sequence[Message], progress: Callable[[int], None]) -> Sequence[Failed]:
        parked = ParkedKey(messages[0].record.topic, messages[0].key)
        try:
            for nth, message in enumerate(messages, start=1):
                try:
                    await self._patiently(parked, message)
                except Exception as error:
                    log.warning("replay_failed", event_id=str(message.event_id), exc_info=error)
                    return [Failed(message=message, error=error, left=len(messages) - nth)]
                self._delivered += 1
                progress(self._delivered)
                await self._rate.after(1)
        finally:
            await self._retries.work_off(parked)
        return []

    async def _patiently(self, parked: ParkedKey, message: Message) -> None:
        """Tries again what has certainly not happened."""
        for tries in range(1, TRIES + 1):
            attempt = _Attempt()
            try:
                return await self._once_more(parked, message, attempt)
            except (Transient, ConcurrencyConflict) as error:
                if attempt.at_commit:
                    audited_by = f"`waypost audit --subject {message.event_id}`"
                    raise Transient(
                        f"lost at the commit, {audited_by} shows whether it was delivered: {error}"
                    ) from error
                if tries == TRIES:
                    raise
            await asyncio.sleep(PAUSE_SECONDS * tries)
        return None

    async def _once_more(self, parked: ParkedKey, message: Message, attempt: "_Attempt") -> None:
        batch = Batch.of_one(message, step="replay")
        for _ in range(LOCK_TRIES):
            async with self._transactions.begin(()) as transaction:
                await transaction.dead_letters.park(parked.topic, [parked.key])
            async with self._transactions.begin(batch.tenants) as transaction:
                if locked := await transaction.dead_letters.lock(parked):
                    await self._note(transaction, message)
                    async with self._policy.handlers_time():
                        await self._effects.run([message], batch, transaction)
                    AFTER_EFFECT.hit()
                    attempt.at_commit = True
            if locked:
                return batch.follow_up()
            await asyncio.sleep(PAUSE_SECONDS)
        raise Transient(f"{parked.key.decode(errors='replace')} is being worked on all the time; try again")


@dataclass(slots=True)
class _Attempt:
    at_commit: bool = False
    """From here on an error leaves open whether it happened."""
