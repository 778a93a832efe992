"""From records to one committed effect: the steps of a consumer's transaction, in the order that
makes them safe.
"""

from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.effects import Effects
from waypost.engine.consumer.guard import Guard, Verdict
from waypost.engine.consumer.letters import dead_letter_for
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.failpoints import failpoint
from waypost.kernel.clock import Clock
from waypost.kernel.errors import WaypostError
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.inbox import InboxEntry
from waypost.telemetry import metrics

log = structlog.get_logger()

AFTER_CLAIM = failpoint("consumer.after_claim")
AFTER_EFFECT = failpoint("consumer.after_effect")
AFTER_COMMIT = failpoint("consumer.after_commit")

Step = Callable[[Batch, ConsumerTransaction], Awaitable[None]]


class Fenced(WaypostError):
    """The consumer stands elsewhere by now: another process took the partition over, or an operator
    moved it.
    """


class DeadLetterLimitReached(WaypostError):
    """As many letters are open as may be: nothing is passed over, so that the partition waits until
    some are settled.

    `failed` have failed or wait behind one that has; `out_of_order` wait for an earlier version
    that is still to come.
    """


class Pipeline:
    """Each step in the one transaction of its batch, for one consumer.

    A batch that failed comes back with `Batch.failures`: the offsets whose handlers have raised.
    The steps are the same; `guard_order` judges these records as failed, `keep_dead_letters` stores
    them and parks their keys, and `handle` runs the handlers of the others.
    """

    def __init__(
        self, name: str, transactions: ConsumerTransactions, effects: Effects, policy: ConsumerPolicy, clock: Clock
    ) -> None:
        self._name = name
        self._transactions = transactions
        self._effects = effects
        self._policy = policy
        self._clock = clock
        self._steps: tuple[Step, ...] = (
            self.fence,
            self.claim,
            self.check_parked,
            self.guard_order,
            self.keep_dead_letters,
            self.handle,
        )

    async def process(self, batch: Batch) -> None:
        """All of it or nothing. Raises Fenced, DeadLetterLimitReached, Transient, and whatever a
        step raises; `batch.step` says which.
        """
        async with self._transactions.begin(batch.tenants) as transaction:
            for step in self._steps:
                batch.step = step.__name__
                await step(batch, transaction)
            batch.step = "commit"
        AFTER_COMMIT.hit()
        batch.follow_up()
        self._report(batch)

    async def fence(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Moves the position, first of all: whoever else holds these records waits here, then finds
        that they are not his any more.
        """
        moved = await transaction.inbox.fence(
            batch.partition,
            expected=batch.expected,
            next_offset=batch.next_offset,
            topic_id=batch.topic_id,
            starts=batch.starts,
        )
        if not moved:
            raise Fenced(f"{self._name} no longer stands at {batch.expected} of {batch.partition}")

    async def claim(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Leaves each event once, and none that was claimed before. Unreadable headers name no
        event: that record's letter is its claim.
        """
        entries = [
            InboxEntry(
                event_id=each.event_id,
                tenant_id=each.attributes.tenant_id,
                offset=each.record.offset,
                sequence=each.sequence,
            )
            for each in batch.messages
            if each.attributes
        ]
        fresh = set(await transaction.inbox.claim(batch.partition, entries))
        AFTER_CLAIM.hit()
        for message in batch.messages:
            if message.attributes is None:
                batch.claimed.append(message)
            elif message.event_id in fresh:
                fresh.remove(message.event_id)
                batch.claimed.append(message)

    async def check_parked(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """A statement after the claim, because it must see what the transaction committed that the
        claim waited for.
        """
        keys = {message.key for message in batch.claimed if message.attributes}
        batch.parked = await transaction.dead_letters.parked(batch.partition.topic, keys) if keys else frozenset()

    async def guard_order(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Decides what each record's turn is, and moves the guard past those whose turn it is."""
        topic = batch.partition.topic
        sequenced = {message.aggregate_id for message in batch.claimed if message.sequence is not None}
        guard = Guard(
            versions=await transaction.inbox.versions(topic, sequenced),
            parked=batch.parked,
            held=await transaction.dead_letters.held(topic, batch.parked) if batch.parked else {},
            failures=batch.failures,
            remembers_since=self._clock.now() - self._policy.inbox_remembers,
        )
        batch.judged = guard.judge(batch.claimed)
        if guard.advanced:
            await transaction.inbox.advance(topic, guard.advanced)
        batch.newly_parked = guard.newly_parked

    async def keep_dead_letters(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Parks keys and stores dead letters of the records that are not handled now. Raises
        DeadLetterLimitReached.
        """
        if batch.newly_parked:
            await transaction.dead_letters.park(batch.partition.topic, batch.newly_parked)
        now, retry = self._clock.now(), self._policy.retry
        dead_letters = [
            dead_letter
            for message, verdict in batch.judged
            if (dead_letter := dead_letter_for(message, verdict, batch.failures.get(message.record.offset), retry, now))
        ]
        if dead_letters:
            cap = self._policy.max_dead_letters
            may_be_full = await transaction.dead_letters.open_dead_letters(cap) + len(dead_letters) > cap
            await transaction.dead_letters.keep(dead_letters)
            if may_be_full:
                await self._refuse_too_many(transaction)

    async def _refuse_too_many(self, transaction: ConsumerTransaction) -> None:
        """An early letter takes no room from those that failed: what it waits for may lie behind
        the record that needs the room.
        """
        most_failed, most_out_of_order = self._policy.max_dead_letters, self._policy.max_out_of_order_dead_letters
        failed = await transaction.dead_letters.failed_dead_letters(most_failed + 1)
        out_of_order = await transaction.dead_letters.open_dead_letters(most_failed + most_out_of_order + 1) - failed
        if failed > most_failed or out_of_order > most_out_of_order:
            raise DeadLetterLimitReached(failed=failed, out_of_order=out_of_order)

    async def handle(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """The handlers, in offset order; outbox rows are the last thing written."""
        wanted = [message for message in batch.with_verdict(Verdict.HANDLE) if message.wanted]
        if wanted:
            async with self._policy.handlers_time():
                await self._effects.run(wanted, batch, transaction)
        AFTER_EFFECT.hit()

    def _report(self, batch: Batch) -> None:
        outcomes = Counter(_outcome(message, verdict) for message, verdict in batch.judged)
        outcomes["duplicate"] = len(batch.messages) - len(batch.claimed)
        for outcome, count in outcomes.items():
            metrics.CONSUMER_RECORDS.labels(self._name, outcome).inc(count)
        for message, verdict in batch.judged:
            if verdict in (Verdict.POISON, Verdict.CONFLICT, Verdict.FAIL):
                log.error(
                    "record_dead_lettered",
                    consumer=self._name,
                    verdict=verdict.name.lower(),
                    topic=batch.partition.topic,
                    partition=batch.partition.number,
                    offset=message.record.offset,
                    event_id=str(message.event_id),
                )


def _outcome(message: Message, verdict: Verdict) -> str:
    if verdict is Verdict.HANDLE:
        return "handled" if message.wanted else "passed"
    return verdict.name.lower()
