"""Stores deferred records as dead letters when their key has space for them again.

The records are read from the topic, and processed like those of a batch: claimed, and judged by the
order guard. Nothing is handled here. The dead letters are attempted in their turn.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import structlog

from waypost.engine.consumer.dead_letters.deferred_plan import ReadPlan, Scan, VersionSearch, missing_versions
from waypost.engine.consumer.dead_letters.factory import dead_letter_for, in_order_of_ids
from waypost.engine.consumer.guard import Decision, Guard
from waypost.engine.consumer.message import Message, MessageParser
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.failpoints import failpoint
from waypost.kernel.clock import Clock
from waypost.kernel.envelope import Record
from waypost.kernel.errors import Transient
from waypost.kernel.ids import EventId, TenantId
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.dead_letters import ParkedKey
from waypost.ports.inbox import InboxEntry
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLog, TopicLogs, records_until

log = structlog.get_logger()

AFTER_STORE = failpoint("deferred.after_store")
AFTER_COMMIT = failpoint("deferred.after_commit")

READ_SECONDS = 10.0
"""After this time a scan ends, and the next one continues there."""
SCAN_SECONDS = 30.0


class DeferredRecords:
    """Reads the deferred records of one consumer."""

    def __init__(
        self,
        name: str,
        transactions: ConsumerTransactions,
        logs: TopicLogs,
        parser: MessageParser,
        policy: ConsumerPolicy,
        clock: Clock,
    ) -> None:
        self._name = name
        self._transactions = transactions
        self._logs = logs
        self._parser = parser
        self._policy = policy
        self._clock = clock
        self._searches: dict[ParkedKey, VersionSearch] = {}
        """The last search for each key that waits for missing versions."""

    async def store_next(self, parked: ParkedKey) -> bool:
        """Stores the next deferred records of the key as dead letters. False if there is no space
        for them, or if they cannot be read now; the key is postponed then. True if the key may have
        changed. Raises Transient where the database is unavailable.
        """
        plan = await self._plan(parked)
        if plan is None:
            return True
        if plan.space <= 0:
            return await self._postpone(parked, seconds=self._policy.deferred_retry_seconds)
        try:
            scan = await self._scan(parked, plan)
        except Transient as error:
            log.warning("deferred_records_not_read", consumer=self._name, error=str(error))
            return await self._postpone(parked, seconds=self._policy.deferred_retry_seconds)
        if plan.missing is None or scan.messages:
            await self._store(parked, plan, scan)
            return True
        self._remember(parked, plan, scan)
        return await self._postpone(parked, seconds=self._policy.deferred_retry_seconds if scan.at_end else 0.0)

    async def _postpone(self, parked: ParkedKey, *, seconds: float) -> bool:
        async with self._transactions.begin(()) as transaction:
            await transaction.deferrals.postpone(parked, seconds)
        return False

    def _remember(self, parked: ParkedKey, plan: ReadPlan, scan: Scan) -> None:
        if plan.missing is not None:
            self._searches[parked] = VersionSearch(
                deferral=plan.deferral, below=plan.missing.stop, next_offset=scan.next_offset
            )

    async def _plan(self, parked: ParkedKey) -> ReadPlan | None:
        async with self._transactions.begin(()) as transaction:
            deferral = await transaction.deferrals.find(parked)
            if deferral is None:
                return None
            position = await transaction.inbox.consumer_position(deferral.partition)
            missing = await missing_versions(parked, transaction)
            space = await self._space(deferral.tenant_id, transaction)
        search = self._searches.pop(parked, None)
        plan = ReadPlan(deferral=deferral, from_offset=deferral.from_offset, until=position.next_offset, space=space)
        if missing is None:
            return plan
        if not missing:
            return None  # they were handled meanwhile
        plan = replace(plan, missing=missing, space=min(len(missing), self._policy.max_dead_letters_per_key))
        if search is None or not search.includes(plan):
            return plan
        self._searches[parked] = search
        return replace(plan, from_offset=search.next_offset)

    async def _space(self, tenant_id: TenantId, transaction: ConsumerTransaction) -> int:
        policy, per_tenant = self._policy, self._policy.max_dead_letters_per_tenant
        of_tenant = (await transaction.deferrals.tenant_loads([tenant_id], per_tenant))[tenant_id]
        of_all = await transaction.dead_letters.failed_dead_letters(policy.max_dead_letters)
        return min(policy.max_dead_letters_per_key, per_tenant - of_tenant, policy.max_dead_letters - of_all)

    async def _scan(self, parked: ParkedKey, plan: ReadPlan) -> Scan:
        """Reads until the plan is complete, or to the consumer position. Raises Transient."""
        partition = plan.deferral.partition
        try:
            async with asyncio.timeout(SCAN_SECONDS), self._logs.opened([partition]) as topic_log:
                await self._report_losses(plan, topic_log)
                until = min(plan.until, (await topic_log.end_offsets())[partition])
                topic_log.seek({partition: plan.from_offset})
                return await self._wanted(parked, plan, records_until(topic_log, partition, until), until)
        except TimeoutError as error:
            raise Transient(f"{partition} was not read within {SCAN_SECONDS:g} s") from error

    async def _wanted(
        self, parked: ParkedKey, plan: ReadPlan, chunks: AsyncIterator[Sequence[Record]], until: int
    ) -> Scan:
        messages, ends_at = list[Message](), time.monotonic() + READ_SECONDS
        async for records in chunks:
            for record in records:
                if (record.key or b"") == parked.key and plan.wants(message := self._parser.parse(record)):
                    messages.append(message)
                if plan.is_complete(messages, record.offset + 1):
                    return Scan(messages=messages, next_offset=record.offset + 1)
            if records and time.monotonic() > ends_at:
                return Scan(messages=messages, next_offset=records[-1].offset + 1)
        return Scan(messages=messages, next_offset=until, at_end=True)

    async def _report_losses(self, plan: ReadPlan, topic_log: TopicLog) -> None:
        partition, from_offset = plan.deferral.partition, plan.from_offset
        first = (await topic_log.first_offsets())[partition]
        if first > from_offset:
            log.error(
                "deferred_records_lost",
                consumer=self._name,
                partition=str(partition),
                position=from_offset,
                first_offset=first,
            )

    async def _store(self, parked: ParkedKey, plan: ReadPlan, scan: Scan) -> None:
        """Does nothing if another process was faster, or holds the key."""
        async with self._transactions.begin(()) as transaction:
            if not await transaction.parked_keys.lock(parked):
                return
            if await transaction.deferrals.find(parked) != plan.deferral:
                return
            await self._insert(parked, plan.deferral.partition, scan.messages, transaction)
            if plan.missing is None:
                # A transaction of the consumer that waits for the lock has not committed its
                # position, and will find that the deferral has ended.
                position = await transaction.inbox.consumer_position(plan.deferral.partition)
                is_end = scan.next_offset >= position.next_offset
                await transaction.deferrals.advance(parked, None if is_end else scan.next_offset)
            await transaction.parked_keys.schedule(parked.topic, [parked.key])
            AFTER_STORE.hit()
        AFTER_COMMIT.hit()
        self._remember(parked, plan, scan)

    async def _insert(
        self, parked: ParkedKey, partition: Partition, messages: Sequence[Message], transaction: ConsumerTransaction
    ) -> None:
        fresh = await self._claimed(partition, messages, transaction)
        aggregates = {message.aggregate_id for message in fresh if message.sequence is not None}
        guard = Guard(
            versions=await transaction.inbox.versions(parked.topic, aggregates),
            parked=[parked.key],
            waiting_versions=await transaction.dead_letters.waiting_versions(parked.topic, [parked.key]),
            failures={},
            inbox_kept_since=self._clock.now() - self._policy.duplicate_window,
        )
        retry, now = self._policy.retry, await transaction.dead_letters.now()
        dead_letters = [
            dead_letter_for(message, Decision.WAITING if decision is Decision.HANDLED else decision, None, retry, now)
            for message, decision in guard.decide(fresh)
        ]
        await transaction.dead_letters.insert(in_order_of_ids([each for each in dead_letters if each]))

    async def _claimed(
        self, partition: Partition, messages: Sequence[Message], transaction: ConsumerTransaction
    ) -> Sequence[Message]:
        """Messages that were not handled or stored before. One without valid headers is never
        deferred.
        """
        by_id = dict[EventId, Message]()
        for message in messages:
            if message.attributes:
                by_id.setdefault(message.event_id, message)
        entries = [
            InboxEntry(attributes.event_id, attributes.tenant_id, message.record.offset, attributes.sequence)
            for message in by_id.values()
            if (attributes := message.attributes)
        ]
        fresh = await transaction.inbox.claim(partition, entries)
        return [message for message in by_id.values() if message.event_id in fresh]
