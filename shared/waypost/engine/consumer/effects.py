"""The two ways to handle messages: a projector takes them all at once, a reactor one per
transaction.
"""

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
    by_batch: bool
    """Whether one transaction may hold more than one message that is handled."""

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        """Runs the handlers in offset order and writes all they decided."""
        ...


class ProjectionEffects:
    by_batch = True

    def __init__(self, name: str, handlers: Mapping[type[Event], ProjectionHandler], *, again: bool) -> None:
        self._name = name
        self._handlers = handlers
        self._again = again

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        records = [message.record for message in messages]
        again = self._again or batch.redriven
        with bound_tenants(batch.tenants), batch_span(batch.partition.topic, self._name, records, again=again):
            await project([each.envelope for each in messages if each.envelope], self._handlers, transaction.rows)


class ReactionEffects:
    by_batch = False

    def __init__(self, name: str, handlers: Mapping[type[Event], ReactorHandler], *, again: bool) -> None:
        self._name = name
        self._handlers = handlers
        self._again = again

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        for message in messages:
            if message.envelope:
                again = self._again or batch.redriven
                with bound_tenants(batch.tenants), process_span(message.record, self._name, again=again):
                    await self._react(message.envelope, batch, transaction)

    async def _react(self, envelope: Envelope[Event], batch: Batch, transaction: ConsumerTransaction) -> None:
        """The unit of work takes the running span as its trace context, so that what the handler
        causes descends from it.
        """
        reaction = transaction.react(replace(envelope.cause, causation_id=envelope.event_id))
        reaction.jobs = JobsOfOneEvent(reaction.jobs, self._name, envelope.event_id)
        with bound_cause(reaction.cause):
            await self._handlers[type(envelope.event)](envelope, reaction)
            await reaction.finish()
        batch.after_commit.append(reaction.ring)


def effects_of(consumer: Consumer, name: str, *, again: bool = False) -> Effects:
    """`name` is the consumer's full name, as spans show it; what is handled `again` has a trace of
    its own.
    """
    if isinstance(consumer, AsyncProjection):
        return ProjectionEffects(name, consumer.handlers, again=again)
    return ReactionEffects(name, consumer.handlers, again=again)
