"""Trace context in and out (W3C Trace Context), and the tracer of a process."""

from dataclasses import dataclass

from opentelemetry import trace


@dataclass(frozen=True, slots=True)
class Trace:
    """A span's context, as it travels."""

    traceparent: str
    tracestate: str | None = None


def current_trace() -> Trace | None:
    """The running span's context; None where nothing is traced."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return Trace(traceparent, context.trace_state.to_header() or None)
