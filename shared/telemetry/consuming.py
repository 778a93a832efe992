"""Spans of what is consumed: each handled event's is in the trace of the request that caused it.

Only sampled contexts cost anything: the flag byte is looked at first (0.2 µs against 14 µs through the SDK), others travel on untouched.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.kernel.cause import Cause
from shared.kernel.envelope import Envelope
from shared.kernel.event import Event
from shared.telemetry.tracing import current_trace

_tracer = trace.get_tracer("waypost.consumer")
_propagator = TraceContextTextMapPropagator()


def is_sampled(cause: Cause) -> bool:
    """Whether the trace that the event belongs to is recorded (W3C Trace Context, trace-flags)."""
    return cause.traceparent is not None and cause.traceparent[-1:] in "13579bdf"


@contextmanager
def process_span(consumer: str, topic: str, envelope: Envelope[Event]) -> Iterator[Cause]:
    """Gives the cause of what the handler does: with the span's context where there is a span, as it came otherwise."""
    if not is_sampled(envelope.cause):
        yield envelope.cause
        return
    parent = _remote(envelope.cause)
    with _tracer.start_as_current_span(
        f"process {topic}",
        context=parent,
        kind=trace.SpanKind.CONSUMER,
        links=[_link(parent)],
        attributes=_attributes(consumer, topic, envelope),
    ):
        yield _within(envelope.cause)


@contextmanager
def projection_span(consumer: str, topic: str, envelopes: Sequence[Envelope[Event]]) -> Iterator[None]:
    """One span over a whole batch, linked to every sampled event in it; and for each of those a short span in its own trace."""
    sampled = [envelope for envelope in envelopes if is_sampled(envelope.cause)]
    if not sampled:
        yield
        return
    begun = time.time_ns()
    links = [_link(_remote(envelope.cause)) for envelope in sampled]
    with _tracer.start_as_current_span(
        f"process {topic} batch", links=links, attributes=_batch(consumer, topic, envelopes)
    ) as batch:
        yield
    together = trace.Link(batch.get_span_context())
    for envelope in sampled:
        _tracer.start_span(
            f"process {topic}",
            context=_remote(envelope.cause),
            kind=trace.SpanKind.CONSUMER,
            links=[together],
            attributes=_attributes(consumer, topic, envelope),
            start_time=begun,
        ).end()


def _within(cause: Cause) -> Cause:
    running = current_trace()
    return replace(cause, traceparent=running.traceparent, tracestate=running.tracestate) if running else cause


def _remote(cause: Cause) -> Context:
    return _propagator.extract({"traceparent": cause.traceparent, "tracestate": cause.tracestate or ""})


def _link(context: Context) -> trace.Link:
    return trace.Link(trace.get_current_span(context).get_span_context())


def _attributes(consumer: str, topic: str, envelope: Envelope[Event]) -> dict[str, str]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": topic,
        "messaging.consumer.group.name": consumer,
        "messaging.message.id": str(envelope.event_id),
        "cloudevents.event_type": envelope.event.type,
        "waypost.tenant_id": str(envelope.tenant_id),
    }


def _batch(consumer: str, topic: str, envelopes: Sequence[Envelope[Event]]) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
        "messaging.consumer.group.name": consumer,
        "messaging.batch.message_count": len(envelopes),
    }
