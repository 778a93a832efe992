"""The steps of a consumer's transaction, in the order that makes them safe."""

from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.dead_letters.deferral import deferred_messages, leave_on_topic
from waypost.engine.consumer.dead_letters.factory import dead_letter_for, in_order_of_ids
from waypost.engine.consumer.effects import Effects
from waypost.engine.consumer.guard import Decision, Guard
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.record_identity import identity_of
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
    """The consumer position has changed: another process owns the partition now, or an operator
    moved the position.
    """


class DeadLetterLimitReached(WaypostError):
    """The limit of open dead letters is reached. No record is skipped: the partition pauses until
    dead letters are settled.

    `failed` counts dead letters that failed or wait behind a failed one, `out_of_order` the ones
    that wait for an earlier version.
    """


class Pipeline:
    """Runs every step in the one transaction of a batch, for one consumer.

    A batch that failed is processed again with `Batch.failures`: the offsets whose handlers have
    raised. The steps are the same; `guard_order` decides that these records failed,
    `store_dead_letters` stores them and parks their keys, and `handle` runs the handlers of the
    others.
    """

    def __init__(
        self,
        name: str,
        transactions: ConsumerTransactions,
        effects: Effects,
        policy: ConsumerPolicy,
        clock: Clock,
        *,
        on_keys_scheduled: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_keys_scheduled` is called after the commit of a transaction that has scheduled keys
        or met a parked one, which another process may have scheduled.
        """
        self._name = name
        self._on_keys_scheduled = on_keys_scheduled
        self._transactions = transactions
        self._effects = effects
        self._policy = policy
        self._clock = clock
        self._steps: tuple[Step, ...] = (
            self.fence,
            self.claim,
            self.check_parked,
            self.guard_order,
            self.store_dead_letters,
            self.handle,
        )

    async def process(self, batch: Batch) -> None:
        """Processes the batch: all of it or nothing. Raises Fenced, DeadLetterLimitReached,
        Transient, and every error of a step; `batch.step` names the step.
        """
        async with self._transactions.begin(batch.tenants) as transaction:
            for step in self._steps:
                batch.step = step.__name__
                await step(batch, transaction)
            batch.step = "commit"
        AFTER_COMMIT.hit()
        batch.run_after_commit()
        if batch.to_schedule or batch.parked:
            self._on_keys_scheduled()
        self._report(batch)

    async def fence(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Advances the consumer position. First step, because a competing consumer then blocks here
        and finds that the position has moved.
        """
        batch.last_record = batch.last_record or identity_of(batch.messages[-1].record)
        moved = await transaction.inbox.fence(
            batch.partition,
            expected=batch.expected,
            next_offset=batch.next_offset,
            topic_id=batch.topic_id,
            last_record=batch.last_record,
            starts=batch.starts,
        )
        if not moved:
            raise Fenced(f"the position of {self._name} in {batch.partition} is no longer {batch.expected}")

    async def claim(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Claims the events; duplicates are removed from the batch. A record without valid headers
        has no event id: its dead letter is its claim.
        """
        entries = [
            InboxEntry(attributes.event_id, attributes.tenant_id, message.record.offset, attributes.sequence)
            for message in batch.messages
            if (attributes := message.attributes)
        ]
        fresh = set(await transaction.inbox.claim(batch.partition, entries))
        AFTER_CLAIM.hit()
        if len(fresh) == len(batch.messages):
            batch.claimed = list(batch.messages)
            return
        for message in batch.messages:
            if (attributes := message.attributes) is None:
                batch.claimed.append(message)
            elif attributes.event_id in fresh:
                fresh.remove(attributes.event_id)
                batch.claimed.append(message)

    async def check_parked(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Finds the keys that are parked. A separate statement after the claim, because it must see
        the commit of a transaction that the claim waited for.
        """
        keys = {message.record.key or b"" for message in batch.claimed if message.attributes is not None}
        batch.parked = await transaction.parked_keys.parked(batch.partition.topic, keys) if keys else frozenset()

    async def guard_order(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Decides on each record and advances the guard."""
        topic = batch.partition.topic
        if batch.parked:
            batch.waiting_versions = await transaction.dead_letters.waiting_versions(topic, batch.parked)
        guard = Guard(
            versions=await transaction.inbox.versions(topic, batch.sequenced),
            parked=batch.parked,
            waiting_versions=batch.waiting_versions,
            failures=batch.failures,
            inbox_kept_since=self._clock.now() - self._policy.duplicate_window,
        )
        batch.decisions = guard.decide(batch.claimed)
        batch.exceptions = [decided for decided in batch.decisions if decided[1] is not Decision.HANDLED]
        if guard.advanced:
            await transaction.inbox.advance(topic, guard.advanced)
        batch.newly_parked, batch.to_schedule = guard.newly_parked, guard.to_schedule

    async def store_dead_letters(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Parks keys, stores dead letters of the records that are not handled now, and schedules
        the keys. Records of a full key or tenant stay on the topic. Raises DeadLetterLimitReached.
        """
        await self._park(batch, transaction)
        if deferred := await deferred_messages(batch, self._policy, transaction):
            await leave_on_topic(batch, deferred, self._name, transaction)
        batch.deferred = frozenset(message.record.offset for message in deferred)
        await self._insert(batch, transaction)
        if batch.to_schedule:
            await transaction.parked_keys.schedule(batch.partition.topic, batch.to_schedule)

    async def _park(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        behind_gaps = batch.newly_parked - batch.to_schedule
        if failed := batch.newly_parked & batch.to_schedule:
            await transaction.parked_keys.park(batch.partition.topic, failed)
        if behind_gaps:
            await transaction.parked_keys.park(batch.partition.topic, behind_gaps, awaits_version=True)

    async def _insert(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        if not batch.exceptions:
            return
        now = await transaction.dead_letters.now()
        retry, failures = self._policy.retry, batch.failures
        dead_letters = [
            dead_letter
            for message, decision in batch.exceptions
            if message.record.offset not in batch.deferred
            if (dead_letter := dead_letter_for(message, decision, failures.get(message.record.offset), retry, now))
        ]
        if dead_letters:
            limit = self._policy.max_dead_letters
            may_exceed = await transaction.dead_letters.open_dead_letters(limit) + len(dead_letters) > limit
            await transaction.dead_letters.insert(in_order_of_ids(dead_letters))
            if may_exceed:
                await self._check_limits(transaction)

    async def _check_limits(self, transaction: ConsumerTransaction) -> None:
        """Checks both limits. Out-of-order dead letters have their own: the version they wait for
        may follow the record that needs the space.
        """
        max_failed, max_out_of_order = self._policy.max_dead_letters, self._policy.max_out_of_order_dead_letters
        failed = await transaction.dead_letters.failed_dead_letters(max_failed + 1)
        out_of_order = await transaction.dead_letters.open_dead_letters(max_failed + max_out_of_order + 1) - failed
        if failed > max_failed or out_of_order > max_out_of_order:
            raise DeadLetterLimitReached(failed=failed, out_of_order=out_of_order)

    async def handle(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Runs the handlers. Last step, so that outbox rows are written last."""
        wanted = [message for message in batch.decided_as(Decision.HANDLED) if message.envelope is not None]
        if wanted:
            async with self._policy.handler_timeout():
                await self._effects.run(wanted, batch, transaction)
        AFTER_EFFECT.hit()

    def _report(self, batch: Batch) -> None:
        outcomes = Counter(
            "deferred" if message.record.offset in batch.deferred else decision.value
            for message, decision in batch.exceptions
        )
        handled = batch.decided_as(Decision.HANDLED)
        outcomes["handled"] = len([message for message in handled if message.envelope is not None])
        outcomes["ignored"] = len(handled) - outcomes["handled"]
        outcomes["duplicate"] = len(batch.messages) - len(batch.claimed)
        for outcome, count in outcomes.items():
            metrics.CONSUMER_RECORDS.labels(self._name, outcome).inc(count)
        for message, decision in batch.exceptions:
            if decision in _ERRORS and message.record.offset not in batch.deferred:
                self._report_dead_letter(message, decision, batch)

    def _report_dead_letter(self, message: Message, decision: Decision, batch: Batch) -> None:
        failure = batch.failures.get(message.record.offset)
        facts = {
            "consumer": self._name,
            "decision": decision.value,
            "topic": batch.partition.topic,
            "partition": batch.partition.number,
            "offset": message.record.offset,
            "event_id": str(message.event_id),
        }
        if failure is not None and failure.uses_no_attempt:
            # A wait is normal while it is young; `retry_failed` is an error when it lasts.
            log.info("record_waits", **facts, error=failure.error)
        else:
            log.error("record_dead_lettered", **facts)


_ERRORS = (Decision.POISON, Decision.CONFLICT, Decision.FAILED)
