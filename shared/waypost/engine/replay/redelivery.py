"""Delivers selected events again; position, inbox and order guard do not change.

A key is parked while its events are delivered, and its parked row is locked first, as for a
redrive: consumers and retries of the key wait, or are waited for. If this process dies, the key is
processed normally again, because no dead letter waits behind it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.effects import Effects
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.failpoints import failpoint
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.replay.selection import SelectedEvents
from waypost.kernel.errors import ConcurrencyConflict, Transient
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.dead_letters import ParkedKey

log = structlog.get_logger()

AFTER_EFFECT = failpoint("replay.after_effect")

MAX_ATTEMPTS = 5
MAX_LOCK_ATTEMPTS = 100
PAUSE_SECONDS = 0.1

Note = Callable[[ConsumerTransaction, Message], Awaitable[None]]
"""Writes the audit entry in the transaction of the effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDelivery:
    """An event whose delivery failed."""

    message: Message
    error: Exception
    left: int
    """Later events of the same key, which were not delivered for this reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivered:
    """Result of a replay."""

    delivered: int
    failures: Sequence[FailedDelivery]
    seconds: float


class Redelivery:
    """Delivers events to one reactor. `retries` processes dead letters that were added behind a key
    meanwhile.
    """

    def __init__(
        self,
        transactions: ConsumerTransactions,
        effects: Effects,
        retries: ParkedKeyProcessor,
        note: Note,
        policy: ConsumerPolicy,
        rate: OperatorRate,
    ) -> None:
        self._transactions = transactions
        self._effects = effects
        self._retries = retries
        self._note = note
        self._policy = policy
        self._rate = rate
        self._delivered = 0

    async def deliver(self, selected: SelectedEvents, progress: Callable[[int], None] = lambda _: None) -> Redelivered:
        """Delivers each event in its own transaction. A failed event ends the delivery of its key;
        other keys continue.
        """
        started_at, failures = time.monotonic(), list[FailedDelivery]()
        for messages in selected.keys:
            failures += await self._deliver_key(messages, progress)
        return Redelivered(delivered=self._delivered, failures=failures, seconds=time.monotonic() - started_at)

    async def _deliver_key(
        self, messages: Sequence[Message], progress: Callable[[int], None]
    ) -> Sequence[FailedDelivery]:
        parked = ParkedKey(messages[0].record.topic, messages[0].key)
        try:
            for number, message in enumerate(messages, start=1):
                try:
                    await self._deliver_with_retries(parked, message)
                except Exception as error:
                    log.warning("replay_failed", event_id=str(message.event_id), exc_info=error)
                    return [FailedDelivery(message=message, error=error, left=len(messages) - number)]
                self._delivered += 1
                progress(self._delivered)
                await self._rate.after(1)
        finally:
            await self._retries.process(parked)
        return []

    async def _deliver_with_retries(self, parked: ParkedKey, message: Message) -> None:
        """Retries a delivery that certainly had no effect. An error at the commit is not
        retried.
        """
        for attempt_number in range(1, MAX_ATTEMPTS + 1):
            attempt = _Attempt()
            try:
                return await self._deliver_once(parked, message, attempt)
            except (Transient, ConcurrencyConflict) as error:
                if attempt.at_commit:
                    audited_by = f"`waypost audit --subject {message.event_id}`"
                    raise Transient(
                        f"the connection was lost at the commit; {audited_by} shows whether the event was delivered: {error}"
                    ) from error
                if attempt_number == MAX_ATTEMPTS:
                    raise
            await asyncio.sleep(PAUSE_SECONDS * attempt_number)
        return None

    async def _deliver_once(self, parked: ParkedKey, message: Message, attempt: "_Attempt") -> None:
        batch = Batch.of_one(message, step="replay")
        for _ in range(MAX_LOCK_ATTEMPTS):
            async with self._transactions.begin(()) as transaction:
                await transaction.parked_keys.park(parked.topic, [parked.key])
            async with self._transactions.begin(batch.tenants) as transaction:
                if locked := await transaction.parked_keys.lock(parked):
                    await self._note(transaction, message)
                    async with self._policy.handler_timeout():
                        await self._effects.run([message], batch, transaction)
                    AFTER_EFFECT.hit()
                    attempt.at_commit = True
            if locked:
                return batch.run_after_commit()
            await asyncio.sleep(PAUSE_SECONDS)
        raise Transient(f"another process holds the key {parked.key.decode(errors='replace')}; try again")


@dataclass(slots=True)
class _Attempt:
    at_commit: bool = False
    """True once the commit begins: after an error the result is unknown."""
