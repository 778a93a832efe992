"""Spans of background work: `send <job>` where it is enqueued, `process <job>` for each attempt (messaging conventions of OpenTelemetry).

Only sampled work costs anything: the flag byte is looked at first, and an unsampled context is handed on as it came.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from opentelemetry import context, trace
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.jobs.claim import Claim
from shared.kernel.cause import Cause
from shared.telemetry.tracing import Trace, current_trace

FAR_AHEAD = timedelta(minutes=5)
"""A job put off for longer than this has a trace of its own, linked to the one that asked for it: a trace is read while it is warm."""

SYSTEM, OPERATION, DESTINATION = "messaging.system", "messaging.operation.type", "messaging.destination.name"
MESSAGE_ID, ATTEMPT = "messaging.message.id", "waypost.job.attempt"
TENANT, ORIGINAL_TRACE = "waypost.tenant_id", "waypost.original_trace_id"

_tracer = trace.get_tracer("waypost.jobs")
_propagator = TraceContextTextMapPropagator()


@contextmanager
def sending(job: str, job_id: UUID) -> Iterator[Trace | None]:
    """Around the enqueue; gives the context that the job carries, None where nothing sampled is running."""
    if not trace.get_current_span().get_span_context().trace_flags.sampled:
        yield None
        return
    attributes = _attributes("send", job, job_id)
    with _tracer.start_as_current_span(f"send {job}", kind=SpanKind.PRODUCER, attributes=attributes):
        yield current_trace()


@contextmanager
def processing(claim: Claim) -> Iterator[None]:
    """Around one attempt: a child of the enqueue; where the job was put off for long, a trace of its own with a link."""
    parent = _context_of(claim.cause)
    origin = trace.get_current_span(parent).get_span_context()
    if not origin.trace_flags.sampled:
        with _attached(parent):
            yield
        return
    attributes = _attributes("process", claim.name, claim.id) | {TENANT: str(claim.tenant_id), ATTEMPT: claim.attempt}
    if claim.run_at - claim.enqueued_at > FAR_AHEAD:
        parent = context.Context()
        attributes[ORIGINAL_TRACE] = f"{origin.trace_id:032x}"
    name, links = f"process {claim.name}", [Link(origin)]
    with _tracer.start_as_current_span(name, parent, SpanKind.CONSUMER, attributes=attributes, links=links):
        yield


def _attributes(operation: str, job: str, job_id: UUID) -> dict[str, str | int]:
    return {SYSTEM: "waypost", OPERATION: operation, DESTINATION: job, MESSAGE_ID: str(job_id)}


def _context_of(cause: Cause) -> context.Context:
    carried = {"traceparent": cause.traceparent, "tracestate": cause.tracestate}
    return _propagator.extract({name: value for name, value in carried.items() if value}, context.Context())


@contextmanager
def _attached(carried: context.Context) -> Iterator[None]:
    token = context.attach(carried)
    try:
        yield
    finally:
        context.detach(token)
