"""Decides which records of a batch stay on the topic, because their key or their tenant has too
many dead letters. Other keys and tenants continue.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.guard import Decision
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.ids import TenantId
from waypost.ports.consumer_transaction import ConsumerTransaction
from waypost.ports.deferrals import Deferral, KeyLoad

log = structlog.get_logger()

_FAILURES = (Decision.FAILED, Decision.POISON)


async def deferred_messages(
    batch: Batch, policy: ConsumerPolicy, transaction: ConsumerTransaction
) -> Sequence[Message]:
    """The messages of the batch that become no dead letters, in order."""
    candidates = list(_candidates(batch)) if policy.defers_records else []
    if not candidates:
        return ()
    keys = {message.key for message, _ in candidates}
    loads = await transaction.deferrals.loads(batch.partition.topic, keys, policy.max_dead_letters_per_key)
    tenants = {message.attributes.tenant_id for message, _ in candidates if message.attributes}
    tenant_loads = await transaction.deferrals.tenant_loads(tenants, policy.max_dead_letters_per_tenant)
    space = _Space(policy, batch.waiting_versions, loads, tenant_loads)
    return [message for message, decision in candidates if not space.admit(message, decision)]


class _Space:
    """The space for dead letters of the keys and tenants of a batch."""

    def __init__(
        self,
        policy: ConsumerPolicy,
        waiting_versions: Mapping[bytes, frozenset[int]],
        loads: Mapping[bytes, KeyLoad],
        tenant_loads: Mapping[TenantId, int],
    ) -> None:
        self._policy = policy
        self._keys = Counter({key: load.dead_letters for key, load in loads.items()})
        self._deferred = {key for key, load in loads.items() if load.from_offset is not None}
        self._tenants = Counter[TenantId | None](tenant_loads)
        self._highest = {key: max(versions) for key, versions in waiting_versions.items()}

    def admit(self, message: Message, decision: Decision) -> bool:
        """Whether the message becomes a dead letter. From the first deferred record of a key on,
        all are deferred, except versions that dead letters of the key wait for.
        """
        tenant_id = message.attributes.tenant_id if message.attributes else None
        is_full = decision is Decision.WAITING and self._keys[message.key] >= self._policy.max_dead_letters_per_key
        is_full = is_full or self._tenants[tenant_id] >= self._policy.max_dead_letters_per_tenant
        if (is_full or message.key in self._deferred) and not self._is_awaited(message, decision):
            self._deferred.add(message.key)
            return False
        self._keys[message.key] += 1
        self._tenants[tenant_id] += 1
        if message.sequence is not None:
            self._highest[message.key] = max(message.sequence, self._highest.get(message.key, 0))
        return True

    def _is_awaited(self, message: Message, decision: Decision) -> bool:
        if message.sequence is None:
            return decision in _FAILURES and self._keys[message.key] > 0
        return message.sequence < self._highest.get(message.key, 0)


async def leave_on_topic(
    batch: Batch, messages: Sequence[Message], name: str, transaction: ConsumerTransaction
) -> None:
    """Stores from which offset on the keys are deferred, and releases the claims."""
    deferrals: dict[bytes, Deferral] = {}
    for message in messages:
        if message.attributes and message.key not in deferrals:
            deferrals[message.key] = Deferral(batch.partition, message.record.offset, message.attributes.tenant_id)
    await transaction.deferrals.defer(deferrals)
    await transaction.inbox.release([message.event_id for message in messages])
    log.info(
        "records_deferred", consumer=name, partition=str(batch.partition), records=len(messages), keys=len(deferrals)
    )


def _candidates(batch: Batch) -> Iterator[tuple[Message, Decision]]:
    for message, decision in batch.exceptions:
        if message.attributes is not None and decision in (Decision.WAITING, *_FAILURES):
            yield message, decision
