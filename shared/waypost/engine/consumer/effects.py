"""Runs handlers: one of an async projection gets the events of a batch together, one of a reactor
gets one event at a time. A job that a reactor enqueues has an idempotency key of its event.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from uuid import uuid5

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.decryption import DecryptingEffects
from waypost.engine.consumer.message import Message
from waypost.engine.projections import project
from waypost.kernel.cause import bound_cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, JobId, TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.ports.consumer_transaction import ConsumerTransaction, Reactions
from waypost.ports.consumers import AsyncProjection, Consumer, ProjectionHandler, ReactorHandler, decrypts
from waypost.ports.jobs import JobQueue, NewJob
from waypost.telemetry.messaging import batch_span, process_span
from waypost.telemetry.tracing import is_sampled


class Effects(Protocol):
    """Runs a consumer's handlers inside its transaction."""

    by_batch: bool
    """Whether a handler gets the events of a batch together; else one at a time."""

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        """Runs the handlers and writes their effects; events of one key in offset order. Raises a
        handler's error.
        """
        ...


class ProjectionEffects:
    """`Effects` of an async projection."""

    by_batch = True

    def __init__(self, name: str, handlers: Mapping[type[Event], ProjectionHandler], *, redelivered: bool) -> None:
        self._name = name
        self._handlers = handlers
        self._redelivered = redelivered

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        records = [message.record for message in messages]
        sampled = [
            message.record
            for message in messages
            if (attributes := message.attributes) and is_sampled(attributes.cause.traceparent)
        ]
        redelivered = self._redelivered or batch.redriven
        with (
            bound_tenants(batch.tenants),
            batch_span(batch.partition.topic, self._name, records, sampled, redelivered=redelivered),
        ):
            await project(
                [message.envelope for message in messages if message.envelope], self._handlers, transaction.rows
            )


class ReactorEffects:
    """`Effects` of a reactor: a unit of work per event, bound to the event's tenant."""

    by_batch = False

    def __init__(self, name: str, handlers: Mapping[type[Event], ReactorHandler], *, redelivered: bool) -> None:
        self._name = name
        self._handlers = handlers
        self._redelivered = redelivered

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        reactions, redelivered = transaction.reactions(), self._redelivered or batch.redriven
        for message in by_tenant(messages):
            if message.envelope:
                batch.handling = message
                with (
                    bound_tenants((message.envelope.tenant_id,)),
                    process_span(message.record, self._name, redelivered=redelivered),
                ):
                    await self._react(message.envelope, reactions)
        batch.handling = None
        await reactions.finish()
        batch.after_commit.append(reactions.send_wakeups)

    async def _react(self, envelope: Envelope[Event], reactions: Reactions) -> None:
        """The unit of work uses the running span as its trace context, so that effects of the
        handler are part of its trace.
        """
        unit = await reactions.begin(envelope.tenant_id, envelope.cause._replace(causation_id=envelope.event_id))
        unit.jobs = JobsOfOneEvent(unit.jobs, self._name, envelope.event_id)
        with bound_cause(unit.cause):
            await self._handlers[type(envelope.event)](envelope, unit)
            await unit.flush()


def effects_of(consumer: Consumer, name: str, *, redelivered: bool = False) -> Effects:
    """The effects of a consumer. `name` is its full name, for spans; with `redelivered`, processing
    gets its own trace, linked to the original.
    """
    effects: Effects
    if isinstance(consumer, AsyncProjection):
        effects = ProjectionEffects(name, consumer.handlers, redelivered=redelivered)
    else:
        effects = ReactorEffects(name, consumer.handlers, redelivered=redelivered)
    return DecryptingEffects(effects) if decrypts(consumer) else effects


def by_tenant(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages with those of one tenant together, in their order, so that a tenant is bound
    once. Tenants are in order of their ids, so that two partitions lock rows of tenants in the same
    order. A key with versions has one tenant; a message without one keeps all in their order.
    """
    if any(message.sequence is None for message in messages):
        return messages
    groups: dict[TenantId | None, list[Message]] = {}
    for message in messages:
        groups.setdefault(message.attributes.tenant_id if message.attributes else None, []).append(message)
    return [message for tenant_id in sorted(groups, key=str) for message in groups[tenant_id]]


class JobsOfOneEvent(JobQueue):
    """`waypost.ports.jobs.JobQueue` that derives the key of a job without one from the event, so
    that it is the same each time the event is handled.

    A replay therefore enqueues no job that exists or has run. A job that a replay does enqueue
    calls external systems under the first run's idempotency key.
    """

    def __init__(self, jobs: JobQueue, consumer: str, event_id: EventId) -> None:
        self._jobs = jobs
        self._consumer = consumer
        self._event_id = event_id
        self._occurrences: Counter[str] = Counter()

    async def add(self, job: NewJob) -> JobId:
        return await self._jobs.add(replace(job, idempotency_key=job.idempotency_key or self._next_key(job)))

    def _next_key(self, job: NewJob) -> str:
        """A deterministic key. Identical jobs of one event are numbered, so that they stay separate
        jobs.
        """
        identity = f"{self._consumer}/{job.name}/{json.dumps(job.arguments, default=str, sort_keys=True)}"
        self._occurrences[identity] += 1
        return str(uuid5(self._event_id, f"{identity}/{self._occurrences[identity]}"))
