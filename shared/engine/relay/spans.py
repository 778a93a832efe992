"""The hop from outbox to topic in a trace: a PRODUCER span of its own for sampled rows, nothing at all for the others."""

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.kernel.cloudevents import with_trace
from shared.ports.outbox import PendingRow
from shared.telemetry import names

Headers = Sequence[tuple[str, bytes]]

_ODD = b"13579bdf"
_propagator = TraceContextTextMapPropagator()


def is_sampled(headers: Headers) -> bool:
    """The flag byte of `traceparent` (W3C Trace Context): a look costs 0.2 µs, an unsampled span of the SDK 14 µs."""
    return any(name == "traceparent" and value[-1:] in _ODD for name, value in reversed(headers))


def start_send_span(row: PendingRow, headers: Headers) -> Span:
    """Child of the span in which the row was written."""
    carrier = {name: value.decode() for name, value in headers}
    return trace.get_tracer(names.TRACER).start_span(
        names.send_span(row.topic),
        context=_propagator.extract(carrier),
        kind=SpanKind.PRODUCER,
        attributes={
            names.MESSAGING_SYSTEM: names.KAFKA,
            names.MESSAGING_OPERATION_TYPE: names.SEND,
            names.MESSAGING_OPERATION_NAME: names.SEND,
            names.MESSAGING_DESTINATION: row.topic,
            names.MESSAGING_MESSAGE_ID: carrier.get("ce_id", ""),
            names.MESSAGING_KEY: row.key.decode(errors="replace"),
            names.TENANT_ID: carrier.get("ce_tenantid", ""),
        },
    )


def under(span: Span, headers: Headers) -> list[tuple[str, bytes]]:
    """The headers with that span's context on them."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, context=trace.set_span_in_context(span))
    if "traceparent" not in carrier:  # the row's was malformed and nothing records spans here
        return list(headers)
    return with_trace(headers, carrier["traceparent"], carrier.get("tracestate"))
