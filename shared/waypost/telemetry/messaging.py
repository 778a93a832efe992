"""Spans around Kafka: `send <topic>` where the relay publishes, `process <topic>` where a consumer
handles (messaging conventions).

Only sampled records cost anything: the flag is looked at first, and an unsampled context travels on
as it came.
"""

import time
from collections.abc import Iterator, MutableSequence, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.aiokafka.utils import AIOKafkaContextGetter, AIOKafkaContextSetter
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from waypost.kernel.cloudevents import ID, Headers
from waypost.kernel.envelope import Record
from waypost.telemetry import names
from waypost.telemetry.spans import recorded
from waypost.telemetry.tracing import is_sampled

TRACEPARENT = "traceparent"
_CONTEXT_HEADERS = frozenset({TRACEPARENT, "tracestate"})
MAX_LINKS = 128  # the SDK's own limit per span

_tracer = trace.get_tracer("waypost.messaging")
_propagator = TraceContextTextMapPropagator()
_getter = AIOKafkaContextGetter()
_setter = AIOKafkaContextSetter()


def headers_sampled(headers: Headers) -> bool:
    """Whether the record's trace is recorded; False where it carries none."""
    for name, value in headers:
        if name == TRACEPARENT:
            return is_sampled(value.decode("ascii", "replace"))
    return False


def start_send(topic: str, key: bytes, headers: Headers, *, message_id: str) -> tuple[Span, Headers]:
    """A PRODUCER span below the context in the headers, and the headers with the span's own context
    in its place.

    For sampled records only. End it by `end_send` once the broker has answered.
    """
    attributes = {
        **_attributes(names.SEND, topic),
        names.MESSAGE_ID: message_id,
        names.MESSAGE_KEY: key.decode("utf-8", "replace"),
    }
    span = _tracer.start_span(names.send_span(topic), carried(headers), SpanKind.PRODUCER, attributes)
    onward: MutableSequence[tuple[str, bytes]] = [each for each in headers if each[0] not in _CONTEXT_HEADERS]
    _propagator.inject(onward, trace.set_span_in_context(span, Context()), _setter)
    return span, onward


def end_send(span: Span, *, partition: int | None = None, failure: str | None = None) -> None:
    """`failure` is the class of the error, never its message."""
    if partition is not None:
        span.set_attribute(names.PARTITION, str(partition))
    if failure is not None:
        span.set_status(Status(StatusCode.ERROR, failure))
    span.end()


@contextmanager
def rebuild_span(consumer: str) -> Iterator[None]:
    """Around a whole rebuild: the trace that its batches are in."""
    attributes = {names.SYSTEM: names.KAFKA, names.CONSUMER_GROUP: consumer}
    with recorded(_tracer, names.rebuild_span(consumer), SpanKind.CONSUMER, attributes, parent=Context()):
        yield


@contextmanager
def process_span(record: Record, consumer: str, *, again: bool = False) -> Iterator[None]:
    """Around the handling of one record: child of its sender and linked to it. What an unsampled
    record causes stays unsampled: its cause carries the context on, and a query outside of any span
    is not recorded.

    `again`, long after: a trace is read while it is warm, so that this one begins a trace of its
    own, which names the original.
    """
    if not headers_sampled(record.headers):
        yield
        return
    origin = carried(record.headers)
    links = [Link(_span_context(origin))]
    name, attributes = names.process_span(record.topic), _of_record(record, consumer)
    parent = Context() if again else origin
    if again:
        attributes |= _original(origin)
    with recorded(_tracer, name, SpanKind.CONSUMER, attributes, parent=parent, links=links):
        yield


@contextmanager
def batch_span(topic: str, consumer: str, records: Sequence[Record], *, again: bool = False) -> Iterator[None]:
    """Around a handler that takes a whole batch of a topic: one span, in a trace of its own, linked
    to the sampled senders.

    Each sampled record gets a short `process` span in its own trace as well, linked to the batch: a
    request's trace is whole whomever it shared a batch with. A single sampled record needs no more
    than its own span.

    `again`, in a rebuild: both are in the running span's trace, and the short ones name the
    original.
    """
    sampled = [each for each in records if headers_sampled(each.headers)]
    if not sampled:
        yield
        return
    if len(sampled) == 1 and not again:
        with process_span(sampled[0], consumer):
            yield
        return
    began_ns = time.time_ns()
    attributes = {**_attributes(names.PROCESS, topic, consumer), names.BATCH_COUNT: len(records)}
    links = [Link(_span_context(carried(each.headers))) for each in sampled[:MAX_LINKS]]
    parent = None if again else Context()
    with recorded(
        _tracer, names.process_span(topic), SpanKind.CONSUMER, attributes, parent=parent, links=links
    ) as batch:
        yield
    for each in sampled:
        _tell(each, consumer, batch, began_ns, again=again)


def _tell(record: Record, consumer: str, batch: Span, began_ns: int, *, again: bool) -> None:
    """Says in the record's own trace that it was handled, and in which batch; in the batch's own
    where it is handled again.
    """
    origin, attributes = carried(record.headers), _of_record(record, consumer)
    parent, other = origin, batch.get_span_context()
    if again:
        parent, other = trace.set_span_in_context(batch, Context()), _span_context(origin)
        attributes |= _original(origin)
    name, links = names.process_span(record.topic), [Link(other)]
    _tracer.start_span(name, parent, SpanKind.CONSUMER, attributes, links, began_ns).end()


def _original(origin: Context) -> dict[str, str | int]:
    return {names.ORIGINAL_TRACE: f"{_span_context(origin).trace_id:032x}"}


def carried(headers: Headers) -> Context:
    """The context that a record's headers carry; an empty one where there is none, or none that can
    be read.
    """
    readable = [(name, value) for name, value in headers if name in _CONTEXT_HEADERS and value.isascii()]
    return _propagator.extract(readable, Context(), _getter)


def _span_context(parent: Context) -> SpanContext:
    return trace.get_current_span(parent).get_span_context()


def _attributes(operation: str, topic: str, consumer: str | None = None) -> dict[str, str | int]:
    group = {} if consumer is None else {names.CONSUMER_GROUP: consumer}
    return {
        names.SYSTEM: names.KAFKA,
        names.OPERATION_NAME: operation,
        names.OPERATION_TYPE: operation,
        names.DESTINATION: topic,
        **group,
    }


_IDENTITY = {ID: names.MESSAGE_ID, "ce_tenantid": names.TENANT}


def _of_record(record: Record, consumer: str) -> dict[str, str | int]:
    identity = {
        _IDENTITY[name]: value.decode("utf-8", "replace") for name, value in record.headers if name in _IDENTITY
    }
    return {
        **_attributes(names.PROCESS, record.topic, consumer),
        names.PARTITION: str(record.partition),
        names.OFFSET: record.offset,
        **identity,
    }
