"""Spans around Kafka: `send <topic>` in the relay, `process <topic>` in a consumer (OpenTelemetry
messaging conventions).

An unsampled record costs almost nothing: the sampled flag is checked first, and its context is
forwarded unchanged. The same holds for a sampled one beyond the limit of `grant_spans`. A failure
is recorded in any case.
"""

import time
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.aiokafka.utils import AIOKafkaContextGetter, AIOKafkaContextSetter
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from waypost.kernel.cloudevents import Headers
from waypost.kernel.envelope import Record
from waypost.kernel.errors import NotYet
from waypost.kernel.header_forms import ID
from waypost.telemetry import names
from waypost.telemetry.span_limit import grant_spans
from waypost.telemetry.spans import record_failure, recorded
from waypost.telemetry.tracing import is_sampled

TRACEPARENT = "traceparent"
_CONTEXT_HEADERS = frozenset({TRACEPARENT, "tracestate"})
MAX_LINKS = 128  # the SDK's limit per span

_tracer = trace.get_tracer("waypost.messaging")
_propagator = TraceContextTextMapPropagator()
_getter = AIOKafkaContextGetter()
_setter = AIOKafkaContextSetter()


def headers_sampled(headers: Headers) -> bool:
    """Whether the record's trace is sampled; False without a trace."""
    for name, value in headers:
        if name == TRACEPARENT and value is not None:  # a header's value may be null in Kafka
            return is_sampled(value.decode("ascii", "replace"))
    return False


def start_send(topic: str, key: bytes, headers: Headers, *, message_id: str) -> tuple[Span, Headers]:
    """Starts a PRODUCER span as a child of the context in the headers; returns it and the headers
    with its own context.

    For sampled records only, within the limit of `grant_spans`. The caller ends it with `end_send`
    after the broker's answer.
    """
    attributes = {
        **_attributes(names.SEND, topic),
        names.MESSAGE_ID: message_id,
        names.MESSAGE_KEY: key.decode("utf-8", "replace"),
    }
    span = _tracer.start_span(names.send_span_name(topic), carried(headers), SpanKind.PRODUCER, attributes)
    forwarded: MutableSequence[tuple[str, bytes]] = [header for header in headers if header[0] not in _CONTEXT_HEADERS]
    _propagator.inject(forwarded, trace.set_span_in_context(span, Context()), _setter)
    return span, forwarded


def end_send(span: Span, *, partition: int | None = None, failure: str | None = None) -> None:
    """Ends the span. `failure` is the class of the error, never its message."""
    if partition is not None:
        span.set_attribute(names.PARTITION, str(partition))
    if failure is not None:
        span.set_status(Status(StatusCode.ERROR, failure))
    span.end()


@contextmanager
def rebuild_span(consumer: str) -> Iterator[None]:
    """A span around a whole rebuild; its batches are part of the trace."""
    attributes = {names.SYSTEM: names.KAFKA, names.CONSUMER_GROUP: consumer}
    with recorded(_tracer, names.rebuild_span_name(consumer), SpanKind.CONSUMER, attributes, parent=Context()):
        yield


class _ConsumerSpan(NamedTuple):
    """A span before its start."""

    topic: str
    attributes: dict[str, str | int]
    parent: Context | None
    links: Sequence[Link]

    def recorded(self) -> AbstractContextManager[Span]:
        name = names.process_span_name(self.topic)
        return recorded(_tracer, name, SpanKind.CONSUMER, self.attributes, parent=self.parent, links=self.links)

    def record_failure(self, error: Exception, began_ns: int) -> None:
        record_failure(
            _tracer,
            names.process_span_name(self.topic),
            SpanKind.CONSUMER,
            self.attributes,
            type(error).__name__,
            parent=self.parent,
            links=self.links,
            began_ns=began_ns,
        )


@contextmanager
def _failures_recorded(span: Callable[[], _ConsumerSpan]) -> Iterator[None]:
    """Creates the span only if the block fails."""
    began_ns = time.time_ns()
    try:
        yield
    except NotYet:  # no failure
        raise
    except Exception as error:
        span().record_failure(error, began_ns)
        raise


def process_span(record: Record, consumer: str, *, redelivered: bool = False) -> AbstractContextManager[object]:
    """A span around the handling of one record, as child of the sender's span and linked to it.

    For an unsampled record only a failure is recorded; its cause carries the context on. With
    `redelivered` the span starts a new trace that names the original one, because a trace is read
    soon after it began.
    """
    span = partial(_span_of_record, record, consumer, redelivered=redelivered)
    if headers_sampled(record.headers) and grant_spans():
        return span().recorded()
    return _failures_recorded(span)


@contextmanager
def batch_span(
    topic: str,
    consumer: str,
    records: Sequence[Record],
    sampled: Sequence[Record] | None = None,
    *,
    redelivered: bool = False,
) -> Iterator[None]:
    """A span around a handler of a whole batch, in a new trace, linked to the sampled senders.

    Each sampled record also gets a short `process` span in its own trace, linked to the batch, so
    that the trace of a request is complete. A single recorded record gets only its own span. With
    `redelivered`, in a rebuild, both are part of the running trace, and the short ones name the
    original. Of a batch that fails without a sampled record only the failure is recorded.

    `sampled` are the sampled ones among the records; without it, their headers are read.
    """
    if sampled is None:
        sampled = [record for record in records if headers_sampled(record.headers)]
    chosen = sampled[: grant_spans(len(sampled))]
    if not chosen and len(records) == 1:
        with _failures_recorded(partial(_span_of_record, records[0], consumer, redelivered=redelivered)):
            yield
    elif not chosen:
        with _failures_recorded(partial(_span_of_batch, topic, consumer, records, len(records), redelivered)):
            yield
    elif len(chosen) == 1 and not redelivered:
        with _span_of_record(chosen[0], consumer, redelivered=False).recorded():
            yield
    else:
        began_ns = time.time_ns()
        with _span_of_batch(topic, consumer, chosen, len(records), redelivered).recorded() as batch:
            yield
        for record in chosen:
            _record_handled(record, consumer, batch, began_ns, redelivered=redelivered)


def _span_of_record(record: Record, consumer: str, *, redelivered: bool) -> _ConsumerSpan:
    origin, attributes = carried(record.headers), _of_record(record, consumer)
    context = _span_context(origin)
    links = [Link(context)] if context.is_valid else []
    if not redelivered or not context.is_valid:
        return _ConsumerSpan(record.topic, attributes, origin, links)
    return _ConsumerSpan(record.topic, attributes | _original(origin), Context(), links)


def _span_of_batch(topic: str, consumer: str, linked: Sequence[Record], count: int, redelivered: bool) -> _ConsumerSpan:
    attributes = {**_attributes(names.PROCESS, topic, consumer), names.BATCH_COUNT: count}
    contexts = [_span_context(carried(record.headers)) for record in linked[:MAX_LINKS]]
    links = [Link(context) for context in contexts if context.is_valid]
    return _ConsumerSpan(topic, attributes, None if redelivered else Context(), links)


def _record_handled(record: Record, consumer: str, batch: Span, began_ns: int, *, redelivered: bool) -> None:
    """Records in the record's trace that it was handled, and in which batch; with `redelivered`, in
    the batch's trace.
    """
    origin, attributes = carried(record.headers), _of_record(record, consumer)
    parent, other = origin, batch.get_span_context()
    if redelivered:
        parent, other = trace.set_span_in_context(batch, Context()), _span_context(origin)
        attributes |= _original(origin)
    name, links = names.process_span_name(record.topic), [Link(other)]
    _tracer.start_span(name, parent, SpanKind.CONSUMER, attributes, links, began_ns).end()


def _original(origin: Context) -> dict[str, str | int]:
    return {names.ORIGINAL_TRACE: f"{_span_context(origin).trace_id:032x}"}


def carried(headers: Headers) -> Context:
    """The trace context in a record's headers; empty if there is none or it is unreadable."""
    readable = [(name, value) for name, value in headers if name in _CONTEXT_HEADERS and value and value.isascii()]
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
