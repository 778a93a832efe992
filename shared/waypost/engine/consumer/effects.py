"""Runs handlers: an async projection handles a batch per transaction, a reactor one event."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.jobs import JobsOfOneEvent
from waypost.engine.consumer.message import Message
from waypost.engine.projections import project
from waypost.kernel.cause import bound_cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.tenant import bound_tenants
from waypost.ports.consumer_transaction import ConsumerTransaction
from waypost.ports.consumers import AsyncProjection, Consumer, ProjectionHandler, ReactorHandler
from waypost.telemetry.messaging import batch_span, process_span


class Effects(Protocol):
    """Runs a consumer's handlers inside its transaction."""

    by_batch: bool
    """Whether one transaction may handle more than one message."""

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        """Runs the handlers in offset order and writes their effects. Raises a handler's error."""
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
        redelivered = self._redelivered or batch.redriven
        with (
            bound_tenants(batch.tenants),
            batch_span(batch.partition.topic, self._name, records, redelivered=redelivered),
        ):
            await project(
                [message.envelope for message in messages if message.envelope], self._handlers, transaction.rows
            )


class ReactorEffects:
    """`Effects` of a reactor: a unit of work per event."""

    by_batch = False

    def __init__(self, name: str, handlers: Mapping[type[Event], ReactorHandler], *, redelivered: bool) -> None:
        self._name = name
        self._handlers = handlers
        self._redelivered = redelivered

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        for message in messages:
            if message.envelope:
                redelivered = self._redelivered or batch.redriven
                with bound_tenants(batch.tenants), process_span(message.record, self._name, redelivered=redelivered):
                    await self._react(message.envelope, batch, transaction)

    async def _react(self, envelope: Envelope[Event], batch: Batch, transaction: ConsumerTransaction) -> None:
        """The unit of work uses the running span as its trace context, so that effects of the
        handler are part of its trace.
        """
        reaction = transaction.react(replace(envelope.cause, causation_id=envelope.event_id))
        reaction.jobs = JobsOfOneEvent(reaction.jobs, self._name, envelope.event_id)
        with bound_cause(reaction.cause):
            await self._handlers[type(envelope.event)](envelope, reaction)
            await reaction.finish()
        batch.after_commit.append(reaction.ring_doorbell)


def effects_of(consumer: Consumer, name: str, *, redelivered: bool = False) -> Effects:
    """The effects of a consumer. `name` is its full name, for spans; with `redelivered`, processing
    gets its own trace, linked to the original.
    """
    if isinstance(consumer, AsyncProjection):
        return ProjectionEffects(name, consumer.handlers, redelivered=redelivered)
    return ReactorEffects(name, consumer.handlers, redelivered=redelivered)
